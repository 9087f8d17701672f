"""An ingest in shards: the same version as in one go, however it is cut and however often it is begun."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import ConfigurationError, Conflict, InvalidInput, NotFound, SourceError
from groundwork.core.progress import NoProgress
from groundwork.core.settings import load
from groundwork.ingestion import shards
from groundwork.ingestion.build import Tools
from groundwork.ingestion.check import Limits
from groundwork.ingestion.chunk import ChunkingConfig, chunk_id
from groundwork.ingestion.ingest import IngestRequest, IngestResult, ingest
from groundwork.ingestion.parse.base import ParseOptions
from groundwork.ingestion.shards_files import (
    ShardFiles,
    read_config,
    read_documents,
    write_documents,
)
from groundwork.ingestion.shards_plan import Cut, Found, Shard, cut
from groundwork.ingestion.sources.base import SourceOptions, as_document
from groundwork.ingestion.sources.folder import FolderSource
from groundwork.retrieval.embed.base import PassageText, PassageVectors
from groundwork.retrieval.embed.cache import VectorCache
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.embed.pool import EmbeddingPool
from groundwork.retrieval.index.base import IndexStore
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.index.memory import MemoryStore

LIMITS = Limits(max_failed_share=0.9, max_vanished_share=0.9)


class Dying(HashingEmbedder):
    """Stops after so many passages, as a kill would."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left
        self.seen = 0

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        if self.seen + len(passages) > self.left:
            raise KeyboardInterrupt
        self.seen += len(passages)
        return super().embed_passages(passages)


@dataclass
class World:
    """Pages, the index, and the folder of shards."""

    root: Path
    store: IndexStore
    tools: Tools
    files: ShardFiles

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def request(self) -> IngestRequest:
        return IngestRequest("docs", (FolderSource(self.root, SourceOptions()),), LIMITS)

    def found(self) -> tuple[Found, bytes]:
        found = shards.discover(self.request(), self.store, self.tools, self.files, NoProgress())
        return found, found.to_json()

    def run(self, count: int) -> IngestResult:
        """Every step from what the one before left as JSON, as a pipeline does."""
        found = Found.from_json(self.found()[1])
        plan = [one.to_dict() for one in shards.plan_shards(found, self.files, Cut(count))]
        cut_up = [Shard.from_dict({k: _float(v) for k, v in one.items()}) for one in plan]
        for shard in cut_up:
            shards.chunk_shard(shard, self.tools, self.files, NoProgress())
            shards.embed_shard(shard, self.tools, self.files, NoProgress())
        done = shards.assemble(found, cut_up, self.store, self.files, LIMITS, NoProgress())
        return shards.promote(found, done, self.store)


def _float(value: object) -> object:
    return float(value) if isinstance(value, int) else value


def tools(cache: VectorCache, embedder: HashingEmbedder | None = None) -> Tools:
    return Tools(
        embedder or HashingEmbedder(),
        cache,
        partial(EmbeddingPool, load(embedder={"engine": "hashing"})),
        ParseOptions(),
        ChunkingConfig(),
    )


@pytest.fixture
def caches(tmp_path: Path) -> Iterator[list[VectorCache]]:
    made: list[VectorCache] = []
    yield made
    for cache in made:
        cache.close()


@pytest.fixture
def world(tmp_path: Path, caches: list[VectorCache]) -> World:
    world = another(tmp_path, caches, "one")
    for n in range(7):
        text = "".join(f"## Part {m}\n\nAbout {n} and {m}.\n\n" for m in range(n + 1))
        world.write(f"p{n}.md", f"# Page {n}\n\n{text}\n\nThe same everywhere.\n")
    world.write(
        "sub/x.rst", "C\n=\n\nWords.\n\n.. code-block:: python\n\n   def f():\n       return 1\n"
    )
    world.write("bad.ipynb", "{")
    return world


def another(tmp_path: Path, caches: list[VectorCache], name: str) -> World:
    """A store of its own over the same pages."""
    caches.append(VectorCache(tmp_path / f"{name}.sqlite"))
    files = ShardFiles(str(tmp_path / f"{name}-shards"))
    return World(tmp_path / "pages", MemoryStore(), tools(caches[-1]), files)


def assert_same(one: IndexStore, other: IndexStore) -> None:
    """Both live versions have the same id, points and blobs, in the same order; the manifest but for times."""
    assert one.alias("docs") == other.alias("docs")
    first, second = one.open("docs"), other.open("docs")
    manifests = [Manifest.from_json(reader.blob("manifest") or b"") for reader in (first, second)]
    told = [
        replace(one, created_at="", stats=replace(one.stats, seconds=0.0), parent=None)
        for one in manifests
    ]
    assert told[0] == told[1]
    assert first.blob("lexicon") == second.blob("lexicon")
    ids = [chunk_id(page.page, n) for page in told[0].pages for n in range(len(page.chunks))]
    assert [one.chunk for one in first.fetch(ids)] == [one.chunk for one in second.fetch(ids)]
    points = [[point for batch in reader.points() for point in batch] for reader in (first, second)]
    assert len(points[0]) == len(points[1]) == len(ids) > 0
    for a, b in zip(*points, strict=True):
        assert a.chunk == b.chunk
        assert a.sparse == b.sparse
        assert np.array_equal(a.dense, b.dense)
        assert np.array_equal(a.units, b.units)


@pytest.mark.parametrize("count", [1, 2, 5, 100])
def test_the_version_is_that_of_an_ingest_in_one_go(
    world: World, tmp_path: Path, caches: list[VectorCache], count: int
) -> None:
    whole = another(tmp_path, caches, "whole")
    expected = ingest(whole.request(), whole.store, whole.tools, NoProgress())
    result = world.run(count)
    assert replace(result, stats=expected.stats) == expected
    assert (result.stats.embedded, result.stats.reused, result.stats.tokens) == (
        expected.stats.embedded,
        expected.stats.reused,
        expected.stats.tokens,
    )
    assert [bad.page for bad in result.skipped] == ["bad.ipynb"]
    assert_same(world.store, whole.store)


def test_what_changed_is_built_upon_what_was_live(
    world: World, tmp_path: Path, caches: list[VectorCache]
) -> None:
    world.run(2)
    world.write("p3.md", "# Page 3\n\nSomething else.\n")
    world.write("new.md", "# New\n\nNew words.\n")
    (world.root / "p0.md").unlink()
    found, _ = world.found()
    assert (found.added, found.changed, found.removed) == (("new.md",), ("p3.md",), ("p0.md",))
    assert found.pages == 2
    result = world.run(2)
    assert (result.added, result.changed, result.removed) == (("new.md",), ("p3.md",), ("p0.md",))
    whole = another(tmp_path, caches, "whole")
    ingest(whole.request(), whole.store, whole.tools, NoProgress())
    assert result.version == whole.store.alias("docs")
    first, second = world.store.open("docs"), whole.store.open("docs")
    assert first.blob("lexicon") == second.blob("lexicon")


def test_nothing_changed_builds_nothing(world: World) -> None:
    first = world.run(3)
    again = world.run(3)
    assert again.unchanged
    assert (again.version, again.pages, again.chunks) == (first.version, first.pages, first.chunks)
    assert len(world.store.versions("docs")) == 1


def test_a_kill_in_the_middle_costs_no_vector_and_changes_nothing(
    world: World, tmp_path: Path, caches: list[VectorCache]
) -> None:
    found, _ = world.found()
    cut_up = shards.plan_shards(found, world.files, Cut(3))
    dying = replace(world.tools, embedder=Dying(15))
    done = 0

    def until_killed() -> None:
        nonlocal done
        for shard in cut_up:
            shards.chunk_shard(shard, dying, world.files, NoProgress())
            done += not shards.embed_shard(shard, dying, world.files, NoProgress()).skipped

    with pytest.raises(KeyboardInterrupt):
        until_killed()
    assert 0 < done < len(cut_up)
    with pytest.raises(NotFound):
        shards.assemble(found, cut_up, world.store, world.files, LIMITS, NoProgress())
    assert world.store.versions("docs") == []
    counted = Dying(10**6)
    world.tools = replace(world.tools, embedder=counted)
    result = world.run(3)
    whole = another(tmp_path, caches, "whole")
    expected = ingest(whole.request(), whole.store, whole.tools, NoProgress())
    assert result.version == expected.version
    assert counted.seen < expected.stats.embedded
    assert_same_points_only(world.store, whole.store)


def assert_same_points_only(one: IndexStore, other: IndexStore) -> None:
    """As after a resumed run, where other vectors were known before."""
    versions = [store.open("docs") for store in (one, other)]
    points = [[point for batch in reader.points() for point in batch] for reader in versions]
    for a, b in zip(*points, strict=True):
        assert a.chunk == b.chunk
        assert np.array_equal(a.dense, b.dense)


def test_a_step_whose_file_is_there_does_nothing(world: World) -> None:
    found, _ = world.found()
    (shard,) = shards.plan_shards(found, world.files, Cut(1))
    first = shards.chunk_shard(shard, world.tools, world.files, NoProgress())
    vectors = shards.embed_shard(shard, world.tools, world.files, NoProgress())
    nothing = replace(world.tools, embedder=Dying(0))
    again = shards.chunk_shard(shard, nothing, world.files, NoProgress())
    assert again == replace(first, skipped=True)
    assert shards.embed_shard(shard, nothing, world.files, NoProgress()) == replace(
        vectors, skipped=True
    )
    shards.assemble(found, [shard], world.store, world.files, LIMITS, NoProgress())
    before = world.store.versions("docs")
    again_built = shards.assemble(found, [shard], world.store, world.files, LIMITS, NoProgress())
    assert world.store.versions("docs") == before
    assert shards.promote(found, again_built, world.store).promoted


def test_a_step_with_other_settings_is_refused(world: World) -> None:
    found, _ = world.found()
    (shard,) = shards.plan_shards(found, world.files, Cut(1))
    other = replace(world.tools, chunking=ChunkingConfig(100, 120))
    with pytest.raises(ConfigurationError, match="planned with chunking"):
        shards.chunk_shard(shard, other, world.files, NoProgress())


def test_a_damaged_file_is_named(world: World) -> None:
    found, _ = world.found()
    (shard,) = shards.plan_shards(found, world.files, Cut(1))
    shards.chunk_shard(shard, world.tools, world.files, NoProgress())
    Path(world.files.chunks(shard.key)).write_bytes(b"PAR1 no more")
    with pytest.raises(SourceError, match=r"chunks/.*delete it"):
        shards.embed_shard(shard, world.tools, world.files, NoProgress())


def test_the_limits_hold_a_version_back(world: World) -> None:
    first = world.run(1)
    for n in range(7):
        (world.root / f"p{n}.md").unlink()
    found, _ = world.found()
    cut_up = shards.plan_shards(found, world.files, Cut(1))
    for shard in cut_up:
        shards.chunk_shard(shard, world.tools, world.files, NoProgress())
        shards.embed_shard(shard, world.tools, world.files, NoProgress())
    built = shards.assemble(found, cut_up, world.store, world.files, Limits(0.9, 0.2), NoProgress())
    assert built.refusal is not None
    result = shards.promote(found, built, world.store)
    assert (result.promoted, result.refusal) == (False, built.refusal)
    assert world.store.alias("docs") == first.version


def test_what_was_built_upon_may_be_gone(world: World) -> None:
    world.run(1)
    world.write("new.md", "# New\n\nWords.\n")
    found, _ = world.found()
    cut_up = shards.plan_shards(found, world.files, Cut(1))
    gone = MemoryStore()
    with pytest.raises(Conflict, match="start it again"):
        shards.assemble(found, cut_up, gone, world.files, LIMITS, NoProgress())


def test_sources_without_a_page_are_refused_with_the_reason(world: World) -> None:
    for path in world.root.rglob("*.*"):
        if path.name != "bad.ipynb":
            path.unlink()
    with pytest.raises(InvalidInput, match=r"none of 1 files could be read; first: bad\.ipynb"):
        world.run(2)


def test_the_files_of_an_ingest_are_known(world: World) -> None:
    found, _ = world.found()
    cut_up = shards.plan_shards(found, world.files, Cut(2))
    for shard in cut_up:
        shards.chunk_shard(shard, world.tools, world.files, NoProgress())
        shards.embed_shard(shard, world.tools, world.files, NoProgress())
    left = {str(path) for path in Path(world.files.url).rglob("*") if path.is_file()}
    assert left == set(shards.files_of(found, cut_up, world.files))


FOUND = Found("docs", (), {"a": 1}, None, "d", 0, 0, unchanged=False, at=0.0)


@given(st.lists(st.integers(0, 10_000), max_size=60), st.integers(0, 12), st.integers(1, 5_000))
def test_shards_are_runs_that_cover_everything(sizes: list[int], count: int, each: int) -> None:
    names = [f"page {n}" for n in range(len(sizes))]
    found = cut(FOUND, sizes, names, Cut(count, each))
    rows = [row for shard in found for row in range(shard.start, shard.stop)]
    assert rows == list(range(len(sizes)))
    assert [shard.number for shard in found] == list(range(1, len(found) + 1))
    assert sum(shard.bytes for shard in found) == sum(sizes)
    assert all(shard.pages for shard in found) or not sizes
    wanted = max(1, count or -(-sum(sizes) // each))
    assert len(found) <= wanted
    # A page goes whole: no shard is bigger than its share by more than one page.
    most = max(sizes, default=0)
    assert all(
        shard.bytes <= sum(sizes) / min(wanted, max(1, len(sizes))) + most for shard in found
    )


def test_the_key_covers_content_configuration_and_code() -> None:
    def keys(found: Found = FOUND, names: str = "ab", code: str = "") -> list[str]:
        return [one.key for one in cut(found, [1] * len(names), list(names), Cut(2, code=code))]

    assert keys() == keys()
    assert keys()[0] == keys(names="ac")[0]
    assert keys()[1] != keys(names="ac")[1]
    assert set(keys()).isdisjoint(keys(code="other"))
    assert set(keys()).isdisjoint(keys(replace(FOUND, config={"a": 2})))


def test_documents_are_read_by_rows_with_what_people_decided(tmp_path: Path) -> None:
    big = b"x" * 3_000_000
    made = [as_document(f"p{n}.md", bytes([65 + n]) + big) for n in range(5)]
    work = [one for one in made if isinstance(one, RawDocument)]
    assert len(work) == 5
    path = tmp_path / "d.parquet"
    digest = write_documents(path, work, {work[2].content_hash: "release"}, {"a": 1})
    assert digest != write_documents(tmp_path / "e.parquet", work, {}, {"a": 1})
    assert digest != write_documents(
        tmp_path / "f.parquet", work, {work[2].content_hash: "release"}, {"a": 2}
    )
    assert read_config(str(path)) == {"a": 1}
    read = list(read_documents(str(path), 1, 4))
    assert [raw for raw, _ in read] == work[1:4]
    assert [verdict for _, verdict in read] == [None, "release", None]
    assert list(read_documents(str(path), 2, 2)) == []


def test_found_is_the_same_after_json() -> None:
    found = replace(FOUND, skipped=(Skipped("a", "b", "c"),), kept=("x",))
    assert Found.from_json(found.to_json()) == found
    assert isinstance(as_document("a.md", b"x"), RawDocument)
