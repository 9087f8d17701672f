"""From a release in the registry to what answers: followed, rolled back under load, tried, refused where it does not load."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from groundwork.core.answers import Answer
from groundwork.core.errors import Unavailable
from groundwork.core.registry.base import CHAMPION, Lineage, Registered
from groundwork.core.registry.managed import manage
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import Reason, previous, promote, rollback
from groundwork.core.registry.trial import Plan, start_trial, trial_of
from groundwork.core.settings import (
    CanarySettings,
    EmbedderSettings,
    GeneratorSettings,
    RailsSettings,
    RegistrySettings,
    RetrievalSettings,
    Settings,
)
from groundwork.core.telemetry import Trace
from groundwork.serving.case import Question
from groundwork.serving.releases.carrier import IndexCarrier
from groundwork.serving.releases.following import Following
from groundwork.serving.releases.recipe import candidate_of, line_of
from groundwork.serving.services import Services, build_services
from tests.serving.handbook import publish

LINE = line_of("handbook")
WHY = Reason("someone", "because")


def settings_of(home: Path, **changes: object) -> Settings:
    given: dict[str, object] = {
        "home": home,
        "embedder": EmbedderSettings(engine="hashing"),
        "retrieval": RetrievalSettings(threshold=0.0),
        "canary": CanarySettings(look_seconds=0.001),
    }
    return Settings(**{**given, **changes})  # type: ignore[arg-type]


class World:
    """Services over two editions, a registry, and what follows it."""

    def __init__(self, settings: Settings, versions: tuple[str, str]) -> None:
        self.settings = settings
        self.versions = versions
        self.services: Services = build_services(settings)
        assert self.services.parts is not None
        self.parts = self.services.parts
        self.registry = MemoryRegistry()
        self.following = Following(settings, self.services, self.parts, lambda: self.registry)
        self.carrier = IndexCarrier(self.services.index_store)

    def register(self, version: str, **changes: object) -> Registered:
        settings = self.settings.model_copy(update=changes)
        assistant = self.parts.assemble(settings)
        return self.registry.register(
            candidate_of(assistant, "handbook", version, settings, Lineage())
        )

    def champion(self) -> str:
        return self.registry.aliases(LINE)[CHAMPION]

    async def ask(self, n: int = 7, **fields: object) -> Answer:
        question = Question(f"How is the limit of pump {n} set?", "handbook", **fields)  # type: ignore[arg-type]
        return await self.services.assistants.complete(question, Trace())

    def close(self) -> None:
        self.following.close()
        self.services.close()


@pytest.fixture
def versions(tmp_path: Path) -> tuple[str, str]:
    settings = settings_of(tmp_path / "home")
    folder = tmp_path / "handbook"
    return publish(settings, folder, "first"), publish(settings, folder, "second")


@pytest.fixture
def world(tmp_path: Path, versions: tuple[str, str]) -> Iterator[World]:
    made = World(settings_of(tmp_path / "home"), versions)
    yield made
    made.close()


def test_what_answers_as_configured_is_written_down_as_the_champion(world: World) -> None:
    world.following.look()
    given = asyncio.run(world.ask())
    assert world.champion() == given.release
    release = world.registry.find(given.release)
    assert release.content["index_version"] == world.versions[1]
    assert "policy.yaml" in release.digests
    told = world.registry.history(LINE)
    assert [(one.action, one.actor) for one in told] == [("promoted", "service")]
    # Another version goes live, and is the next release.
    world.services.index_store.promote("handbook", world.versions[0])
    world.following.look()
    assert world.registry.find("champion", LINE).content["index_version"] == world.versions[0]
    world.following.look()
    assert len(world.registry.history(LINE)) == 2


def test_from_the_first_promotion_on_the_champion_decides(world: World) -> None:
    world.following.look()
    wanted = world.register(world.versions[0], generator=GeneratorSettings(max_passages=1))
    promote(world.registry, wanted, WHY, world.carrier)
    manage(world.registry, LINE)
    world.following.look()
    world.following.look()
    given = asyncio.run(world.ask())
    assert (given.release, given.index_version) == (wanted.id, world.versions[0])
    assert len(given.citations) == 1
    # The settings and the index's alias have no say any more.
    world.services.index_store.promote("handbook", world.versions[1])
    world.following.look()
    assert asyncio.run(world.ask()).index_version == world.versions[0]
    # A search finds in what answers.
    with world.services.assistants.standing("handbook") as assistant:
        assert assistant.retriever.version("handbook") == world.versions[0]


def test_a_release_that_fails_to_load_leaves_the_old_one_serving(world: World) -> None:
    good = world.register(world.versions[0])
    promote(world.registry, good, WHY, world.carrier)
    manage(world.registry, LINE)
    for _ in range(2):
        world.following.look()
    made = world.register(world.versions[1], rails=RailsSettings(enabled=False))
    world.registry._files[made.id]["recipe.json"] = b"{}"  # the file is lost in the store
    world.registry.point(LINE, CHAMPION, made.id)
    world.following.look()
    assert asyncio.run(world.ask()).release == good.id
    (status,) = world.following.followers.status()
    assert status.wanted == made.id != status.champion
    assert "not what was registered" in status.failed[made.id]


def test_only_the_champion_answers_where_the_settings_say_so(
    tmp_path: Path, versions: tuple[str, str]
) -> None:
    strict = settings_of(tmp_path / "home", registry=RegistrySettings(serve="champion"))
    world = World(strict, versions)
    try:
        world.following.look()
        with pytest.raises(Unavailable, match="no release of assistant/handbook is loaded"):
            asyncio.run(world.ask())
        promote(world.registry, world.register(versions[0]), WHY, world.carrier)
        world.following.look()
        assert asyncio.run(world.ask()).index_version == versions[0]
    finally:
        world.close()


def test_a_rollback_under_load_drops_no_request(world: World) -> None:
    first, second = (world.register(version) for version in world.versions)
    for release in (first, second):
        promote(world.registry, release, WHY, world.carrier)
    manage(world.registry, LINE)
    for _ in range(2):
        world.following.look()
    stopping = threading.Event()

    def follow() -> None:
        while not stopping.wait(0.01):
            world.following.look()

    async def load() -> list[Answer]:
        answers = [await world.ask(n) for n in range(4)]
        rollback(world.registry, previous(world.registry, second), WHY, world.carrier)
        while len(answers) < 400:
            answers += await asyncio.gather(*(world.ask(n) for n in range(4)))
            if answers[-1].release == first.id:
                return answers
        raise AssertionError("the rollback never came through")

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        answers = asyncio.run(load())
    finally:
        stopping.set()
        thread.join()
    assert {one.release for one in answers} == {first.id, second.id}
    for one in answers:
        # Never one release's id with another's version.
        wanted = world.registry.find(one.release).content["index_version"]
        assert one.index_version == wanted
        assert one.outcome == "answered"


def conversations(count: int) -> list[str]:
    return [f"conv-{n:024x}" for n in range(count)]


def test_a_canary_keeps_to_its_conversations_and_a_fault_is_rolled_back(world: World) -> None:
    champion = world.register(world.versions[1])
    promote(world.registry, champion, WHY, world.carrier)
    manage(world.registry, LINE)
    # It answers nothing: the planted fault.
    faulty = world.register(world.versions[1], retrieval=RetrievalSettings(threshold=1.0))
    for _ in range(2):
        world.following.look()
    start_trial(world.registry, faulty, Plan(share=0.5, limits=world.settings.canary.limits), WHY)
    world.following.look()

    async def ask(name: str, n: int) -> Answer:
        # The client keeps its history: its first words tell conversations apart.
        question = Question(f"How is the limit of pump {n} set? ({name})", "handbook")
        return await world.services.assistants.complete(question, Trace())

    async def talk() -> None:
        for n, name in enumerate(conversations(120)):
            given = [await ask(name, n % 12) for _ in range(2)]
            assert given[0].release == given[1].release
            seen[name] = given[0].release

    seen: dict[str, str] = {}
    asyncio.run(talk())
    assert set(seen.values()) == {champion.id, faulty.id}
    world.following.observations.flush()
    world.following.look()
    assert trial_of(world.registry, LINE) is None
    ended = world.registry.history(LINE)[0]
    assert ended.action == "canary-ended"
    assert ended.detail["outcome"] == "breach"
    assert "abstained" in ended.reason
    world.following.look()
    assert {asyncio.run(ask(name, 3)).release for name in conversations(120)[:20]} == {champion.id}


def test_a_shadow_answers_nobody_and_is_charged_aside(world: World) -> None:
    champion = world.register(world.versions[1])
    promote(world.registry, champion, WHY, world.carrier)
    manage(world.registry, LINE)
    tried = world.register(world.versions[0])
    for _ in range(2):
        world.following.look()
    trial = start_trial(world.registry, tried, Plan(mode="shadow", share=1.0), WHY)
    world.following.look()

    async def talk() -> list[Answer]:
        answers = []
        for n in range(6):
            answers.append(await world.ask(n))
            # Copies are made beside; here they are waited for.
            await asyncio.gather(*world.services.assistants._copies)
        return answers

    answers = asyncio.run(talk())
    assert {one.release for one in answers} == {champion.id}
    world.following.observations.flush()
    assert world.following.observations.counts(trial.id) == {"champion": 6, "challenger": 6}
    arms = world.following.observations.read(trial.id)
    assert {one.request for one in arms.challenger} == {one.id for one in answers}


def test_a_dead_registry_leaves_what_is_loaded(world: World) -> None:
    good = world.register(world.versions[0])
    promote(world.registry, good, WHY, world.carrier)
    manage(world.registry, LINE)
    for _ in range(2):
        world.following.look()

    def dead(line: object) -> dict[str, str]:
        raise Unavailable("gone")

    with suppress(AttributeError):
        world.registry.aliases = dead  # type: ignore[method-assign]
    world.following.look()
    assert asyncio.run(world.ask()).release == good.id
    known, detail = world.following.state
    assert known
    assert "does not answer" in detail
