"""The whole question path on real parts: Qdrant Edge, the extractive generator, the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from groundwork.core.settings import EmbedderSettings, RetrievalSettings, ServiceSettings, Settings
from groundwork.core.telemetry import Trace
from groundwork.guardrails.guard import Guard
from groundwork.retrieval.index.factory import open_store
from groundwork.retrieval.passages import Passage
from groundwork.serving.acquaint import Acquaintance
from groundwork.serving.answer import answer, complete
from groundwork.serving.case import Question
from groundwork.serving.events import Delta, Done
from groundwork.serving.services import Services, build_services
from tests.serving.handbook import PAGES, publish


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        embedder=EmbedderSettings(engine="hashing"),
        # The hashing embedder's cosines are low; abstention is measured elsewhere.
        retrieval=RetrievalSettings(threshold=0.0),
        service=ServiceSettings(follow_seconds=0.001),
    )


@pytest.fixture
def editions(settings: Settings, tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "handbook"
    return {publish(settings, folder, name): name for name in ("first", "second")}


@pytest.fixture
def services(settings: Settings, editions: dict[str, str]) -> Iterator[Services]:
    built = build_services(settings)
    yield built
    built.close()


def test_an_answer_is_cited_charged_and_kept(services: Services) -> None:
    asked = Question("How is the limit of pump 7 set?", "handbook")
    given = asyncio.run(complete(asked, services.assistant, Trace()))
    assert not given.abstained
    first = given.citations[0]
    assert (first.url, first.anchor) == ("page7.md", "set-the-limit")
    assert "The limit of pump 7 is set with `limit=7`." in first.quote
    assert given.answer[first.start : first.end].startswith("The limit of pump 7")
    assert given.picodollars == sum(charge.picodollars for charge in given.charges) > 0
    assert services.store.get(given.id) == given.to_dict()


def test_the_stream_is_the_answer(services: Services) -> None:
    async def stream() -> tuple[str, str]:
        text, last = "", ""
        asked = Question("How is the limit of pump 3 set?", "handbook")
        async for event in answer(asked, services.assistant, Trace()):
            if isinstance(event, Delta):
                text += event.text
            elif isinstance(event, Done):
                last = event.answer.answer
        return text, last

    text, last = asyncio.run(stream())
    assert text == last
    assert "```ini\nlimit=3\n```" in text


def test_promotions_under_load_mix_no_versions(
    settings: Settings, services: Services, editions: dict[str, str]
) -> None:
    store = open_store(settings)
    versions = list(editions)

    def search(n: int) -> tuple[str, set[str]]:
        found = services.assistant.retriever.retrieve(f"limit of pump {n % PAGES}", "handbook")
        text = " ".join(passage.chunk.text for passage in found.passages)
        return found.index_version, {
            name for name in editions.values() if f"edition {name}" in text
        }

    with ThreadPoolExecutor(8) as pool:
        searches = []
        for turn in range(20):
            store.promote("handbook", versions[turn % 2])
            searches += [pool.submit(search, n) for n in range(turn, turn + 15)]
        results = [each.result() for each in searches]
    assert len(results) == 300
    assert {version for version, _ in results} == set(versions)
    for version, seen in results:
        assert seen == {editions[version]}


class Reading:
    """A guard that only notes what it is shown."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def begin(self, index: str) -> Reading:
        assert index == "handbook"
        return self

    def check_passages(self, passages: Sequence[Passage]) -> None:
        self.read += [passage.chunk.id for passage in passages]


def test_the_rails_read_each_version_once_beforehand(
    settings: Settings, services: Services, tmp_path: Path
) -> None:
    reading = Reading()
    acquaintance = Acquaintance(cast("Guard", reading), services.index_store, services.readers)
    read = acquaintance.look("handbook")
    assert read == len(reading.read) == len(set(reading.read)) >= PAGES
    assert acquaintance.look("handbook") == 0
    assert acquaintance.look("nothing") == 0
    publish(settings, tmp_path / "handbook", "third")
    assert acquaintance.look("handbook") == read
    acquaintance.stop()
    acquaintance.run()
    assert len(reading.read) == 2 * read
