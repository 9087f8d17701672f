"""A release of the assistant: written from what answers, loaded again, and refused where it would not be the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from groundwork.core.errors import Conflict, InvalidInput, NotFound
from groundwork.core.registry.base import Candidate, Lineage, Registered
from groundwork.core.settings import (
    EmbedderSettings,
    GeneratorSettings,
    RailsSettings,
    RetrievalSettings,
    Settings,
)
from groundwork.core.telemetry import Trace
from groundwork.retrieval.index.base import LIVE
from groundwork.serving.answer import complete
from groundwork.serving.case import Question
from groundwork.serving.parts import Parts
from groundwork.serving.releases.carrier import IndexCarrier
from groundwork.serving.releases.load import AssistantLoader
from groundwork.serving.releases.recipe import candidate_of
from groundwork.serving.services import Services, build_services
from tests.serving.handbook import publish

ASKED = Question("How is the limit of pump 7 set?", "handbook")


def registered(candidate: Candidate, folder: Path) -> Registered:
    """As the registry would hand it out, with its files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in candidate.files.items():
        raw = content if isinstance(content, bytes) else content.read_bytes()
        (folder / name).write_bytes(raw)
    return Registered(
        candidate.id, candidate.line, 1, "2026-11-01T00:00:00Z", candidate.content, {},
        candidate.lineage, {},
    )  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        embedder=EmbedderSettings(engine="hashing"),
        retrieval=RetrievalSettings(threshold=0.0, passages=3),
        generator=GeneratorSettings(max_passages=2),
    )


@pytest.fixture
def versions(settings: Settings, tmp_path: Path) -> tuple[str, str]:
    folder = tmp_path / "handbook"
    return publish(settings, folder, "first"), publish(settings, folder, "second")


@pytest.fixture
def services(settings: Settings, versions: tuple[str, str]) -> Iterator[Services]:
    built = build_services(settings)
    yield built
    built.close()


def parts_of(services: Services) -> Parts:
    assert services.parts is not None
    return services.parts


def test_a_loaded_release_answers_as_the_one_it_was_written_from(
    settings: Settings, versions: tuple[str, str], services: Services, tmp_path: Path
) -> None:
    candidate = candidate_of(services.assistant, "handbook", versions[1], settings, Lineage())
    assert candidate.id == services.assistant.release("handbook", versions[1]).id
    assert candidate.lineage.data == {"index:handbook": versions[1]}
    release = registered(candidate, tmp_path / "files")
    # Another machine's settings: the recipe decides.
    elsewhere = settings.model_copy(
        update={"retrieval": RetrievalSettings(), "generator": GeneratorSettings()}
    )
    loader = AssistantLoader(elsewhere, parts_of(services))
    loaded = loader.load(release, tmp_path / "files")
    given = asyncio.run(complete(ASKED, loaded.assistant, Trace()))
    wanted = asyncio.run(complete(ASKED, services.assistant, Trace()))
    assert given.release == candidate.id == wanted.release
    assert given.answer == wanted.answer
    loader.close(loaded)


def test_a_release_answers_from_its_own_version_whatever_is_live(
    settings: Settings, versions: tuple[str, str], services: Services, tmp_path: Path
) -> None:
    former = candidate_of(services.assistant, "handbook", versions[0], settings, Lineage())
    release = registered(former, tmp_path / "files")
    loader = AssistantLoader(settings, parts_of(services), services.assistant.guard)
    loaded = loader.load(release, tmp_path / "files")
    assert loaded.assistant.guard is services.assistant.guard
    given = asyncio.run(complete(ASKED, loaded.assistant, Trace()))
    assert given.index_version == versions[0]
    assert services.index_store.alias("handbook", LIVE) == versions[1]
    loader.close(loaded)


def test_what_would_not_answer_the_same_is_not_loaded(
    settings: Settings, versions: tuple[str, str], services: Services, tmp_path: Path
) -> None:
    candidate = candidate_of(services.assistant, "handbook", versions[1], settings, Lineage())
    loader = AssistantLoader(settings, parts_of(services))
    release = registered(candidate, tmp_path / "files")
    other = replace(release, content={**release.content, "embedder": "another@1"})
    with pytest.raises(Conflict, match="embedder would be hashing"):
        loader.load(other, tmp_path / "files")
    gone = replace(release, content={**release.content, "index_version": "v0"})
    with pytest.raises(NotFound):
        loader.load(gone, tmp_path / "files")
    (tmp_path / "files" / "recipe.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"recipe\.json"):
        loader.load(release, tmp_path / "files")


def test_prices_of_another_day_do_not_undo_a_release(
    settings: Settings, versions: tuple[str, str], services: Services, tmp_path: Path
) -> None:
    candidate = candidate_of(services.assistant, "handbook", versions[1], settings, Lineage())
    release = registered(candidate, tmp_path / "files")
    dearer = replace(release, content={**release.content, "prices": "another"})
    loader = AssistantLoader(settings, parts_of(services))
    loader.close(loader.load(dearer, tmp_path / "files"))


def test_the_policy_travels_with_the_release(
    settings: Settings, versions: tuple[str, str], services: Services, tmp_path: Path
) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text("version: 1\nname: none\nrails: []\n")
    permissive = settings.model_copy(update={"rails": RailsSettings(policy=policy)})
    assistant = parts_of(services).assemble(permissive)
    candidate = candidate_of(assistant, "handbook", versions[1], permissive, Lineage())
    assert candidate.id != services.assistant.release("handbook", versions[1]).id
    policy.unlink()
    release = registered(candidate, tmp_path / "files")
    loader = AssistantLoader(settings, parts_of(services), services.assistant.guard)
    loaded = loader.load(release, tmp_path / "files")
    assert loaded.assistant.guard.identity == assistant.guard.identity
    loader.close(loaded)


def test_carrying_a_release_makes_its_version_live(
    settings: Settings, versions: tuple[str, str], services: Services, tmp_path: Path
) -> None:
    candidate = candidate_of(services.assistant, "handbook", versions[0], settings, Lineage())
    release = registered(candidate, tmp_path / "files")
    carrier = IndexCarrier(services.index_store)
    carrier.check(release)
    carrier.carry(release)
    carrier.carry(release)
    assert services.index_store.alias("handbook", LIVE) == versions[0]
    with pytest.raises(NotFound):
        carrier.check(replace(release, content={**release.content, "index_version": "v0"}))
