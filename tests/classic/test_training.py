"""A model becomes a release, step by step: with the injection classifier, small and without a model for vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from groundwork.classic import training
from groundwork.classic.injection import data as injection_data
from groundwork.classic.injection.model import WEIGHTS
from groundwork.classic.injection.trainer import InjectionTrainer
from groundwork.classic.trainer import Equipment, Job
from groundwork.classic.trainers import KINDS, open_trainer
from groundwork.core.datasets_store import DataStore
from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.progress import NoProgress, Progress
from groundwork.core.registry.base import CHAMPION, INJECTION, Line
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import Submitted
from groundwork.core.registry.tracking import MemoryTracker
from groundwork.core.settings import Settings, load
from groundwork.retrieval.embed.hashing import HashingEmbedder

PAGES = [
    (f"page{n}.md", "\n".join(f"The limit of pump {n} is kept in register {m}." for m in range(6)))
    for n in range(24)
]
LINE = Line(INJECTION, "default")


def read_pages(folders: Sequence[Path], progress: Progress) -> list[tuple[str, str]]:
    return PAGES


class SmallTrainer(InjectionTrainer):
    """Few of the templates, and no weights of another embedder to be compared with."""

    def _collect(self, job: Job, progress: Progress) -> injection_data.Corpus:
        corpus = super()._collect(job, progress)
        corpus.prompts = corpus.prompts[::40]
        corpus.orders = corpus.orders[::40]
        return corpus

    def shipped(self) -> Path | None:
        return None


@dataclass
class World:
    """Everything that a training touches."""

    settings: Settings
    registry: MemoryRegistry
    tracker: MemoryTracker
    folder: Path

    def trainer(self, embedder: HashingEmbedder | None = None) -> InjectionTrainer:
        equipment = Equipment(self.settings, read_pages)
        return SmallTrainer(equipment, embedder=embedder or HashingEmbedder())

    def run(self, name: str, seed: int = 7) -> Submitted:
        trainer, job = self.trainer(), Job(LINE, seed=seed)
        work = self.folder / name
        store = DataStore(str(self.folder / "data"))
        champion = training.find_champion(trainer, self.registry, LINE, work / "champion")
        version = training.version_data(trainer, job, champion, store)
        folders = {one: work / one for one in ("prepared", "trained", "evaluated")}
        training.prepare(trainer, job, folders["prepared"], NoProgress())
        training.train(
            trainer, job, folders["prepared"], folders["trained"], NoProgress(), self.tracker
        )
        training.evaluate(
            trainer, job, folders["prepared"], folders["trained"], champion,
            folders["evaluated"], NoProgress(),
        )  # fmt: skip
        return training.register(
            trainer, job, self.registry, folders, version, champion, actor="test"
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    settings = load(home=tmp_path / "home", embedder={"engine": "hashing"})
    return World(settings, MemoryRegistry(), MemoryTracker(), tmp_path / "work")


def test_a_training_ends_in_a_release_with_where_it_comes_from(world: World) -> None:
    submitted = world.run("one")
    release = submitted.release
    (version,) = DataStore(str(world.folder / "data")).versions("injection")
    assert release.lineage.data == {"injection": version.digest}
    assert release.lineage.run == world.tracker.runs[0].id
    assert world.tracker.runs[0].state == "finished"
    assert set(release.digests) >= {WEIGHTS, "release.json", "measured.json"}
    assert set(release.metrics) == {
        "attacks_detected", "harmless_passed", "planted_detected", "hosts_passed",
    }  # fmt: skip
    # So small a model does not reach the floors: it is registered, and nothing goes live.
    assert not submitted.promoted
    assert any("floor" in reason for reason in submitted.verdict.reasons)
    assert world.registry.aliases(LINE) == {}
    assert [event.action for event in world.registry.history(LINE)] == ["refused"]
    assert not (world.settings.models / "injection").exists()


def test_the_same_job_makes_the_same_release(world: World) -> None:
    first, again, other = world.run("one"), world.run("two"), world.run("three", seed=8)
    assert first.release.id == again.release.id != other.release.id


def test_against_the_gate_the_weights_go_where_the_rail_reads_them(world: World) -> None:
    submitted = world.run("one")
    trainer = world.trainer()
    forced = training.force(trainer, world.registry, submitted, "test")
    assert forced.promoted
    assert world.registry.aliases(LINE) == {CHAMPION: forced.release.id}
    assert (world.settings.models / "injection" / WEIGHTS).is_file()
    champion = training.find_champion(trainer, world.registry, LINE, world.folder / "files")
    assert champion is not None
    assert champion.release == forced.release.id
    # The next one is compared with it, example by example, and is its child.
    following = world.run("next", seed=8)
    assert following.release.lineage.parents == (forced.release.id,)
    assert following.verdict.champion == forced.release.id


def test_a_step_that_is_complete_is_not_done_again(world: World) -> None:
    world.run("one")
    trained = world.folder / "one" / "trained" / "release" / WEIGHTS
    before = trained.stat().st_mtime_ns
    world.run("one")
    assert trained.stat().st_mtime_ns == before
    assert len(world.tracker.runs) == 1


def test_a_training_that_breaks_off_leaves_no_folder_and_a_failed_run(world: World) -> None:
    trainer, job = world.trainer(), Job(LINE)
    prepared, trained = world.folder / "prepared", world.folder / "trained"
    training.prepare(trainer, job, prepared, NoProgress())
    (prepared / "corpus.json").write_text(
        '{"prompts": [], "orders": [], "hosts": [], "sources": {}}'
    )
    with pytest.raises(InvalidInput, match="clean pages"):
        training.train(trainer, job, prepared, trained, NoProgress(), world.tracker)
    assert not trained.exists()
    assert world.tracker.runs[0].state == "failed"


def test_without_a_champion_the_one_that_ships_is_to_be_beaten(world: World) -> None:
    trainer = InjectionTrainer(Equipment(world.settings, read_pages))
    champion = training.find_champion(trainer, world.registry, LINE, world.folder)
    assert champion is not None
    assert (champion.release, champion.name) == ("", "shipped")
    assert (champion.folder / WEIGHTS).is_file()


def test_data_is_found_by_path_or_as_a_version(world: World, tmp_path: Path) -> None:
    store = DataStore(str(tmp_path / "data"))
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "x", "label": 1}\n')
    version = store.add("rows", folder)

    def found(spec: str | None) -> Path | None:
        return training.find_data(spec, store, tmp_path / "got", NoProgress())

    assert found(None) is None
    assert found(str(folder)) == folder
    got = found(f"data:rows@{version.digest[:8]}")
    assert got is not None
    assert (got / "a.jsonl").read_text() == (folder / "a.jsonl").read_text()
    with pytest.raises(NotFound):
        found("data:other")


def test_every_kind_has_its_trainer(world: World) -> None:
    for kind in KINDS:
        trainer = open_trainer(kind, Equipment(world.settings, read_pages))
        assert trainer.kind == kind
        assert Line(kind, trainer.default_name)
        assert all(isinstance(value, str) for value in trainer.options.values())
    with pytest.raises(InvalidInput, match="injection, ocr, recommender"):
        open_trainer("weather", Equipment(world.settings, read_pages))
