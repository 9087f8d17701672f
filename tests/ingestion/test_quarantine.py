"""Pages in quarantine: kept out, listed, decided by people, not scanned twice."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from groundwork.core.documents import Document
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import NoProgress
from groundwork.core.scan import Decision, Decisions, ScanFinding, Verdict
from groundwork.core.settings import load
from groundwork.ingestion.build import Tools
from groundwork.ingestion.check import Limits
from groundwork.ingestion.chunk import ChunkingConfig
from groundwork.ingestion.ingest import IngestRequest, IngestResult, ingest
from groundwork.ingestion.parse import ParseOptions
from groundwork.ingestion.sources.base import SourceOptions
from groundwork.ingestion.sources.folder import FolderSource
from groundwork.retrieval.embed.cache import VectorCache
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.embed.pool import EmbeddingPool
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.index.memory import MemoryStore


class WordScanner:
    """Finds one word, and remembers what it was asked."""

    def __init__(self, word: str = "obey", version: str = "1") -> None:
        self.word = word
        self.version = version
        self.asked: list[str] = []

    def scan(self, document: Document) -> ScanFinding | None:
        self.asked.append(document.page)
        if self.word not in document.text:
            return None
        return ScanFinding("planted-instructions", f"You must {self.word}.", 0.9)


class World:
    def __init__(self, root: Path, cache: VectorCache) -> None:
        self.root = root
        self.store = MemoryStore()
        self.scanner = WordScanner()
        embedder = HashingEmbedder()
        settings = load(embedder={"engine": "hashing"})
        pool = partial(EmbeddingPool, settings)
        self.tools = Tools(embedder, cache, pool, ParseOptions(), ChunkingConfig(), self.scanner)
        self.verdicts: dict[str, Verdict] = {}

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(f"# {name}\n\n{text}\n")

    def ingest(self) -> IngestResult:
        self.scanner.asked.clear()
        source = FolderSource(self.root, SourceOptions())
        request = IngestRequest("docs", (source,), Limits(0.2, 0.9), verdicts=dict(self.verdicts))
        return ingest(request, self.store, self.tools, NoProgress())

    def rescan_with(self, scanner: WordScanner) -> None:
        self.scanner = scanner
        self.tools = replace(self.tools, scanner=scanner)

    def pages(self, result: IngestResult) -> set[str]:
        assert result.version is not None
        manifest = Manifest.from_json(self.store.manifest("docs", result.version))
        assert manifest.quarantined == result.quarantined
        return {entry.page for entry in manifest.pages}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cache = VectorCache(tmp_path / "vectors.sqlite")
    (tmp_path / "pages").mkdir()
    world = World(tmp_path / "pages", cache)
    world.write("good.md", "All is well.")
    world.write("bad.md", "Readers obey this page.")
    yield world
    cache.close()


def test_a_page_with_a_finding_is_held_and_listed(world: World) -> None:
    result = world.ingest()
    assert world.pages(result) == {"good.md"}
    [held] = result.quarantined
    assert (held.page, held.reason, held.excerpt, held.score) == (
        "bad.md", "planted-instructions", "You must obey.", 0.9,
    )  # fmt: skip
    assert len(held.snippet_digest) == 64
    assert not held.confirmed


def test_what_did_not_change_is_not_scanned_again(world: World) -> None:
    first = world.ingest()
    assert sorted(world.scanner.asked) == ["bad.md", "good.md"]
    again = world.ingest()
    assert world.scanner.asked == []
    assert again.unchanged
    assert again.quarantined == first.quarantined
    world.write("new.md", "More of it.")
    third = world.ingest()
    assert world.scanner.asked == ["new.md"]
    assert third.quarantined == first.quarantined


def test_a_newer_scanner_scans_everything(world: World) -> None:
    world.ingest()
    world.rescan_with(WordScanner(word="well", version="2"))
    result = world.ingest()
    assert sorted(world.scanner.asked) == ["bad.md", "good.md"]
    assert world.pages(result) == {"bad.md"}


def test_a_released_page_goes_in_until_it_changes(world: World) -> None:
    [held] = world.ingest().quarantined
    world.verdicts[held.content_hash] = "release"
    released = world.ingest()
    assert world.pages(released) == {"good.md", "bad.md"}
    assert released.quarantined == ()
    assert world.ingest().unchanged
    world.write("bad.md", "Readers obey this page, and more.")
    assert world.pages(world.ingest()) == {"good.md"}


def test_a_released_page_can_be_confirmed_later(world: World) -> None:
    [held] = world.ingest().quarantined
    world.verdicts[held.content_hash] = "release"
    world.ingest()
    world.verdicts[held.content_hash] = "confirm"
    result = world.ingest()
    assert world.pages(result) == {"good.md"}
    assert [one.confirmed for one in result.quarantined] == [True]


def test_a_confirmed_page_stays_out_under_a_scanner_that_finds_nothing(world: World) -> None:
    [held] = world.ingest().quarantined
    world.verdicts[held.content_hash] = "confirm"
    assert [one.confirmed for one in world.ingest().quarantined] == [True]
    world.rescan_with(WordScanner(word="nothing", version="2"))
    result = world.ingest()
    assert [(one.page, one.reason) for one in result.quarantined] == [("bad.md", "confirmed")]


def test_a_page_that_turns_bad_leaves_the_index(world: World) -> None:
    world.ingest()
    world.write("good.md", "Now obey.")
    world.write("other.md", "Fine.")
    assert world.pages(world.ingest()) == {"other.md"}


def test_an_index_of_nothing_but_held_pages_is_refused(world: World) -> None:
    (world.root / "good.md").unlink()
    with pytest.raises(InvalidInput, match="every readable page is in quarantine"):
        world.ingest()


def test_decisions_are_kept_by_content_and_the_newest_holds(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path / "quarantine" / "docs.json")
    assert decisions.verdicts() == {}
    decisions.add(Decision("a.md", "hash-a", "release", "2026-01-01T00:00:00Z"))
    decisions.add(Decision("b.md", "hash-b", "confirm", "2026-01-01T00:00:00Z"))
    decisions.add(Decision("a.md", "hash-a", "confirm", "2026-01-02T00:00:00Z"))
    assert Decisions(tmp_path / "quarantine" / "docs.json").verdicts() == {
        "hash-a": "confirm", "hash-b": "confirm",
    }  # fmt: skip
