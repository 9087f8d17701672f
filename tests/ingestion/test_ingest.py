"""The whole document path in this process: folder in, versions of a memory store out."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import InvalidInput, SourceError
from groundwork.core.progress import NoProgress
from groundwork.core.settings import load
from groundwork.ingestion.build import Tools
from groundwork.ingestion.check import Limits
from groundwork.ingestion.chunk import ChunkingConfig, chunk_id
from groundwork.ingestion.ingest import IngestRequest, IngestResult, dry_run, ingest
from groundwork.ingestion.parse.base import ParseOptions
from groundwork.ingestion.sources.base import Source, SourceOptions, as_document
from groundwork.ingestion.sources.folder import FolderSource
from groundwork.retrieval.embed.cache import VectorCache
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.embed.pool import EmbeddingPool
from groundwork.retrieval.index.base import PREVIOUS, Stored
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.index.memory import MemoryStore
from groundwork.retrieval.lexicon import Lexicon
from groundwork.retrieval.sparse import query_vector

LIMITS = Limits(max_failed_share=0.2, max_vanished_share=0.5)
ANY = Limits(1.0, 1.0)


def page(name: str, *sections: str) -> str:
    return f"# {name}\n\n" + "".join(f"## Part {s}\n\nAbout {s}.\n\n" for s in sections)


@dataclass
class World:
    """A folder of pages, and what brings it in."""

    root: Path
    store: MemoryStore
    tools: Tools
    limits: Limits = LIMITS

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def sources(self) -> tuple[Source, ...]:
        return (FolderSource(self.root, SourceOptions()),)

    def request(self, *, promote: bool = True) -> IngestRequest:
        return IngestRequest("docs", self.sources(), self.limits, promote)

    def ingest(self, *, promote: bool = True) -> IngestResult:
        return ingest(self.request(promote=promote), self.store, self.tools, NoProgress())

    def dry_run(self) -> IngestResult:
        return dry_run(self.request(), self.store, self.tools, NoProgress())

    def manifest(self, version: str | None) -> Manifest:
        assert version is not None
        return Manifest.from_json(self.store.manifest("docs", version))


def make_tools(cache: VectorCache, parsing: ParseOptions | None = None) -> Tools:
    embedder = HashingEmbedder()
    configured = load(embedder={"engine": "hashing"})
    return Tools(
        embedder,
        cache,
        partial(EmbeddingPool, configured),
        parsing or ParseOptions(),
        ChunkingConfig(),
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cache = VectorCache(tmp_path / "vectors.sqlite")
    world = World(tmp_path / "pages", MemoryStore(), make_tools(cache))
    world.write("a.md", page("A", "one", "two"))
    world.write("sub/b.md", page("B", "three", "four"))
    world.write("c.rst", "C\n=\n\nWords about five.\n")
    yield world
    cache.close()


def everything(store: MemoryStore) -> tuple[list[Stored], bytes | None, list[float]]:
    """All that a reader of the live version can see: chunks, lexicon, scores."""
    reader = store.open("docs")
    manifest = Manifest.from_json(reader.blob("manifest") or b"")
    ids = [chunk_id(entry.page, n) for entry in manifest.pages for n in range(len(entry.chunks))]
    query = HashingEmbedder().embed(["about one three five"])[0]
    found = reader.candidates(query, query_vector("about one three five"), len(ids) or 1)
    scores = [score for candidate in found for score in (candidate.dense, candidate.sparse)]
    return reader.fetch(ids), reader.blob("lexicon"), scores


def assert_same(one: MemoryStore, other: MemoryStore) -> None:
    assert one.alias("docs") == other.alias("docs")
    (chunks, lexicon, scores), (chunks_2, lexicon_2, scores_2) = map(everything, (one, other))
    assert [stored.chunk for stored in chunks] == [stored.chunk for stored in chunks_2]
    for a, b in zip(chunks, chunks_2, strict=True):
        assert np.array_equal(a.units, b.units)  # type: ignore[arg-type]  # hashing gives units always
    assert lexicon == lexicon_2
    assert scores == scores_2


def from_scratch(world: World, tmp_path: Path) -> MemoryStore:
    cache = VectorCache(tmp_path / "other.sqlite")
    other = World(world.root, MemoryStore(), make_tools(cache, world.tools.parsing), ANY)
    other.tools = replace(other.tools, chunking=world.tools.chunking)
    other.ingest()
    cache.close()
    return other.store


def test_first_run(world: World) -> None:
    result = world.ingest()
    assert result.promoted
    assert not result.unchanged
    assert result.added == ("a.md", "c.rst", "sub/b.md")
    assert (result.changed, result.removed, result.skipped) == ((), (), ())
    assert (result.pages, result.chunks) == (3, 5)
    assert (result.stats.embedded, result.stats.reused) == (5, 0)
    assert world.store.alias("docs") == result.version
    chunks = [stored.chunk for stored in everything(world.store)[0]]
    assert {chunk.page for chunk in chunks} == {"a.md", "c.rst", "sub/b.md"}
    assert chunks[0].heading_path == ("A", "Part one")
    assert chunks[0].anchor == "part-one"
    assert chunks[0].text == "About one."


def test_nothing_changed_does_nothing(world: World) -> None:
    first = world.ingest()
    second = world.ingest()
    assert second.unchanged
    assert second.promoted
    assert (second.version, second.pages, second.chunks) == (first.version, 3, 5)
    assert (second.stats.embedded, second.stats.reused) == (0, 5)
    assert len(world.store.versions("docs")) == 1


def test_one_changed_section_embeds_one_chunk(world: World, tmp_path: Path) -> None:
    first = world.ingest()
    world.write("a.md", page("A", "one", "six"))
    second = world.ingest()
    assert (second.added, second.changed, second.removed) == ((), ("a.md",), ())
    assert second.stats.embedded == 1
    assert second.stats.reused == 4
    assert second.version != first.version
    assert world.store.alias("docs", PREVIOUS) == first.version
    assert world.manifest(second.version).parent == first.version
    assert "About two." not in {stored.chunk.text for stored in everything(world.store)[0]}
    assert_same(world.store, from_scratch(world, tmp_path))


def test_a_page_that_shrinks_leaves_no_chunk_behind(world: World, tmp_path: Path) -> None:
    world.ingest()
    world.write("a.md", page("A", "one"))
    assert world.ingest().chunks == 4
    assert_same(world.store, from_scratch(world, tmp_path))


def test_a_removed_page_leaves(world: World, tmp_path: Path) -> None:
    world.ingest()
    (world.root / "sub/b.md").unlink()
    result = world.ingest()
    assert result.removed == ("sub/b.md",)
    assert (result.pages, result.chunks, result.stats.embedded) == (2, 3, 0)
    pages = {stored.chunk.page for stored in everything(world.store)[0]}
    assert pages == {"a.md", "c.rst"}
    assert_same(world.store, from_scratch(world, tmp_path))


def test_a_renamed_page_embeds_nothing(world: World, tmp_path: Path) -> None:
    world.ingest()
    (world.root / "sub/b.md").rename(world.root / "moved.md")
    result = world.ingest()
    assert (result.added, result.removed) == (("moved.md",), ("sub/b.md",))
    assert result.stats.embedded == 0
    assert_same(world.store, from_scratch(world, tmp_path))


def test_going_back_gives_the_first_version_again(world: World) -> None:
    first = world.ingest()
    world.write("a.md", page("A", "other"))
    second = world.ingest()
    world.write("a.md", page("A", "one", "two"))
    third = world.ingest()
    assert third.version == first.version != second.version
    assert third.stats.embedded == 0
    assert world.store.alias("docs") == first.version
    assert world.store.alias("docs", PREVIOUS) == second.version


def test_equal_chunks_are_embedded_once(world: World) -> None:
    for name in ("d.md", "e.md", "f.md"):
        world.write(name, page("Twin", "same"))
    result = world.ingest()
    assert result.chunks == 8
    assert (result.stats.embedded, result.stats.reused) == (6, 2)


def test_bad_files_are_reported_and_left_out(world: World) -> None:
    world.limits = ANY
    world.write("bad.md", b"# Bad\0\n\nwords\n")
    world.write("bad.ipynb", "{ no json")
    world.write("none.md", b"")
    world.write("draft.md", "---\ndraft: true\n---\n\n# Draft\n\nwords\n")
    result = world.ingest()
    reasons = {entry.page: entry.reason for entry in result.skipped}
    assert reasons == {
        "bad.md": "binary",
        "bad.ipynb": "malformed",
        "none.md": "empty-file",
        "draft.md": "draft",
    }
    assert result.pages == 3
    assert world.manifest(result.version).skipped == result.skipped
    again = world.ingest()
    assert again.unchanged
    assert again.skipped == result.skipped


def test_a_bad_file_that_is_repaired_goes_in(world: World, tmp_path: Path) -> None:
    world.limits = ANY
    world.write("bad.md", b"\0")
    world.ingest()
    world.write("bad.md", page("Good", "now"))
    result = world.ingest()
    assert result.added == ("bad.md",)
    assert result.skipped == ()
    assert_same(world.store, from_scratch(world, tmp_path))


def test_a_page_that_breaks_leaves_the_version(world: World, tmp_path: Path) -> None:
    world.limits = ANY
    world.ingest()
    world.write("a.md", b"\0\0")
    result = world.ingest()
    assert (result.pages, result.chunks) == (2, 3)
    assert_same(world.store, from_scratch(world, tmp_path))


def test_too_many_failures_are_not_promoted(world: World) -> None:
    first = world.ingest()
    for n in range(2):
        world.write(f"bad{n}.md", b"\0")
    result = world.ingest()
    assert not result.promoted
    assert result.refusal is not None
    assert "2 of 5 pages failed" in result.refusal
    assert world.store.alias("docs") == first.version
    assert world.manifest(result.version).refusal == result.refusal
    assert world.ingest().refusal == result.refusal


def test_a_first_version_may_be_refused_too(world: World) -> None:
    for n in range(3):
        world.write(f"bad{n}.md", b"\0")
    result = world.ingest()
    assert result.refusal is not None
    assert world.store.alias("docs") is None
    assert result.version is not None


def test_too_many_vanished_pages_are_not_promoted(world: World) -> None:
    first = world.ingest()
    (world.root / "a.md").unlink()
    (world.root / "sub/b.md").unlink()
    result = world.ingest()
    assert not result.promoted
    assert result.refusal is not None
    assert "2 of the live version's 3 pages are gone" in result.refusal
    assert world.store.alias("docs") == first.version


def test_drafts_are_no_failures(world: World) -> None:
    for n in range(9):
        world.write(f"draft{n}.md", f"---\ndraft: true\n---\n\n# D{n}\n\nwords\n")
    assert world.ingest().promoted


def test_without_promotion_the_live_version_stays(world: World) -> None:
    first = world.ingest()
    world.write("d.md", page("D", "new"))
    result = world.ingest(promote=False)
    assert not result.promoted
    assert result.refusal is None
    assert world.store.alias("docs") == first.version
    assert {info.version for info in world.store.versions("docs")} == {
        first.version,
        result.version,
    }


def test_an_empty_folder_is_refused_and_the_index_stays(world: World) -> None:
    first = world.ingest()
    for path in list(world.root.rglob("*.*")):
        path.unlink()
    with pytest.raises(InvalidInput, match="no documentation file"):
        world.ingest()
    assert world.store.alias("docs") == first.version
    world.write("bad.md", b"\0")
    with pytest.raises(InvalidInput, match=r"none of 1 files could be read; first: bad\.md"):
        world.ingest()


def test_a_source_that_is_not_there_changes_nothing(world: World) -> None:
    first = world.ingest()
    world.root.rename(world.root.with_name("gone"))
    with pytest.raises(SourceError):
        world.ingest()
    assert world.store.alias("docs") == first.version


def test_a_failure_midway_leaves_no_version_and_keeps_the_vectors(world: World) -> None:
    class Broken(HashingEmbedder):
        def count_tokens(self, text: str) -> int:
            if "five" in text:
                raise RuntimeError("the power went")
            return super().count_tokens(text)

    whole = world.tools
    world.tools = replace(whole, embedder=Broken())
    with pytest.raises(RuntimeError):
        world.ingest()
    assert world.store.names() == []
    world.tools = whole
    assert world.ingest().promoted


def test_dry_run_writes_nothing(world: World, tmp_path: Path) -> None:
    result = world.dry_run()
    assert result.added == ("a.md", "c.rst", "sub/b.md")
    assert (result.version, result.promoted, result.unchanged) == (None, False, False)
    assert world.store.names() == []
    first = world.ingest()
    assert world.dry_run().unchanged
    world.write("a.md", page("A", "new words"))
    (world.root / "c.rst").unlink()
    digests = {digest for entry in world.manifest(first.version).pages for digest in entry.chunks}
    again = world.dry_run()
    assert (again.changed, again.removed, again.pages) == (("a.md",), ("c.rst",), 2)
    assert [info.version for info in world.store.versions("docs")] == [first.version]
    cache = world.tools.cache
    assert isinstance(cache, VectorCache)
    assert cache.prune({"hashing:256": digests}, dry_run=True) == 0


@pytest.mark.parametrize(
    "parsing",
    [ParseOptions(url_base="https://docs.example.com"), ParseOptions(tags=("new",))],
)
def test_another_configuration_parses_again_and_reuses_vectors(
    world: World, tmp_path: Path, parsing: ParseOptions
) -> None:
    first = world.ingest()
    world.tools = replace(world.tools, parsing=parsing)
    result = world.ingest()
    assert result.version != first.version
    assert result.added == ("a.md", "c.rst", "sub/b.md")
    assert (result.stats.embedded, result.stats.reused) == (0, 5)
    assert_same(world.store, from_scratch(world, tmp_path))


def test_another_chunk_size_reuses_what_stays_equal(world: World, tmp_path: Path) -> None:
    world.write("long.md", "# Long\n\n" + " ".join(f"Many words are {n} here." for n in range(60)))
    world.ingest()
    world.tools = replace(world.tools, chunking=ChunkingConfig(40, 60))
    result = world.ingest()
    assert result.stats.reused == 5
    assert result.stats.embedded >= 1
    assert_same(world.store, from_scratch(world, tmp_path))


def test_two_sources_of_one_page_keep_the_first(world: World, tmp_path: Path) -> None:
    world.limits = ANY
    other = tmp_path / "more"
    other.mkdir()
    (other / "a.md").write_text(page("Other", "else"))
    request = replace(
        world.request(), sources=(*world.sources(), FolderSource(other, SourceOptions()))
    )
    result = ingest(request, world.store, world.tools, NoProgress())
    assert [(entry.page, entry.reason) for entry in result.skipped] == [("a.md", "duplicate-page")]
    assert "About one." in {stored.chunk.text for stored in everything(world.store)[0]}


class Listed:
    """Pages from memory."""

    def __init__(self, held: dict[str, str]) -> None:
        self.label = "listed"
        self.ignored: Counter[str] = Counter()
        self._held = held

    def read(self) -> Iterator[RawDocument | Skipped]:
        for name, text in sorted(self._held.items()):
            yield as_document(name, text.encode())


_TEXTS = st.sampled_from(
    [
        page("A", "one", "two"),
        page("A", "one"),
        page("B", "two", "three", "one"),
        "# Code\n\n```sh\nrun one\n```\n",
        "plain words\n",
        "bad\0",
        "",
    ]
)
_STATES = st.dictionaries(st.sampled_from(["a.md", "b.md", "x/c.md", "d.txt"]), _TEXTS, max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(_STATES, min_size=2, max_size=4))
def test_history_does_not_show(states: list[dict[str, str]]) -> None:
    final = {**states[-1], "always.md": page("Always", "here")}
    with tempfile.TemporaryDirectory() as folder:
        stores = []
        for n, history in enumerate(([*states[:-1], final], [final])):
            cache = VectorCache(Path(folder) / f"{n}.sqlite")
            store = MemoryStore()
            for state in history:
                request = IngestRequest(
                    "docs", (Listed({**state, "always.md": page("Always", "here")}),), ANY
                )
                ingest(request, store, make_tools(cache), NoProgress())
            cache.close()
            stores.append(store)
    assert_same(*stores)
    chunks, lexicon, _ = everything(stores[0])
    counted = Lexicon()
    for stored in chunks:
        counted.add(stored.chunk.lexical_text)
    assert counted.to_bytes() == lexicon
