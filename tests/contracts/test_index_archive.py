"""Index versions as files: the same bytes from every engine, the same answers in any."""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import zstandard

from groundwork.core import storage
from groundwork.core.errors import GroundworkError, InvalidInput, NotFound, SourceError
from groundwork.core.progress import NoProgress
from groundwork.retrieval.archives import export, restore
from groundwork.retrieval.index.base import MANIFEST, IndexStore, Point
from groundwork.retrieval.index.manifest import Manifest, PageEntry, version_id
from groundwork.retrieval.index.memory import MemoryStore
from tests.contracts.index_world import DIMENSION, POINTS, World, ask, point

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]

QUIET = NoProgress()


def manifest_of(index: str, points: list[Point]) -> Manifest:
    pages: dict[str, list[str]] = {}
    for each in points:
        pages.setdefault(each.chunk.page, []).append(each.chunk.digest)
    entries = tuple(
        PageEntry(page, "hash", "r1", "Title", None, tuple(digests))
        for page, digests in sorted(pages.items())
    )
    config = {"embedder": "e"}
    version = version_id(entries, (), config)
    return Manifest(index, version, "2026-01-01T00:00:00Z", None, config, ("s",), entries)


def build(store: IndexStore, index: str, points: list[Point]) -> str:
    """A live version whose id is what its manifest makes."""
    manifest = manifest_of(index, points)
    with store.begin(index, dimension=DIMENSION) as writer:
        writer.upsert(points)
        writer.put_blob(MANIFEST, manifest.to_json())
        writer.put_blob("lexicon", b"words " * 50_000)
        writer.seal(manifest.version)
    store.promote(index, manifest.version)
    return manifest.version


def many() -> list[Point]:
    return [point(f"page{n % 40}.md", n // 40, f"text {n} of topic{n % 7}") for n in range(700)]


def test_out_and_in_again(world: World, tmp_path: Path) -> None:
    """From this engine into an empty one and back, under another name."""
    version = build(world.store, world.index, POINTS)
    path = tmp_path / "a.tar.zst"
    archived = export(world.store, world.index, None, str(path), tmp_path, QUIET)
    assert (archived.version, archived.chunks) == (version, len(POINTS))
    assert (archived.bytes, archived.digest) == (path.stat().st_size, storage.digest(str(path)))
    other = MemoryStore()
    restored = restore(other, str(path), tmp_path, QUIET, promote=True)
    assert (restored.index, restored.version, restored.known) == (world.index, version, False)
    assert other.manifest(world.index, version) == world.store.manifest(world.index, version)
    again = tmp_path / "b.tar.zst"
    export(other, world.index, version, str(again), tmp_path, QUIET)
    assert again.read_bytes() == path.read_bytes()
    name = f"{world.index}-back"
    back = restore(world.store, str(again), tmp_path, QUIET, index=name, promote=True)
    assert (back.index, back.version) == (name, version)
    assert Manifest.from_json(world.store.manifest(name, version)).index == name
    before, after = world.store.open(world.index), world.store.open(name)
    for text in ("server port", "database", "json.dumps", "nothing of it"):
        got, want = ask(after, text), ask(before, text)
        assert [found.id for found in got] == [found.id for found in want]
        assert [found.sparse for found in got] == pytest.approx([found.sparse for found in want])
        assert [found.dense for found in got] == pytest.approx([found.dense for found in want])
    ids = [each.chunk.id for each in POINTS]
    assert [stored.chunk for stored in after.fetch(ids)] == [each.chunk for each in POINTS]
    assert after.blob("lexicon") == b"words " * 50_000
    before.close()
    after.close()
    for each in world.store.versions(name):
        assert each.chunks == len(POINTS)


def test_a_version_that_is_there_is_not_written_again(world: World, tmp_path: Path) -> None:
    version = build(world.store, world.index, POINTS)
    path = str(tmp_path / "a.tar.zst")
    export(world.store, world.index, version, path, tmp_path, QUIET)
    assert restore(world.store, path, tmp_path, QUIET).known
    assert len(world.store.versions(world.index)) == 1


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Of 700 points, in two parts."""
    store = MemoryStore()
    build(store, "docs", many())
    path = tmp_path / "docs.tar.zst"
    export(store, "docs", None, str(path), tmp_path, QUIET)
    return path


def members(archive: Path) -> dict[str, bytes]:
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(archive.read_bytes())).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def forged(content: dict[str, bytes], path: Path) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    path.write_bytes(zstandard.ZstdCompressor().compress(packed.getvalue()))
    return str(path)


def test_an_archive_holds_what_it_says(archive: Path) -> None:
    names = [name.rpartition("-")[0] or name for name in members(archive)]
    assert names == [
        "version.json",
        "blobs/lexicon",
        "blobs/manifest",
        "points/00000000",
        "points/00000001",
        "end.json",
    ]
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(archive.read_bytes())).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in tar} == {
            (0, 0, 0, "")
        }


def _changed(content: dict[str, bytes], begin: str, change: Callable[[bytes], bytes]) -> None:
    name = next(name for name in content if name.startswith(begin))
    content[name] = change(content[name])


def _reversioned(content: dict[str, bytes]) -> None:
    _changed(
        content,
        "version.json",
        lambda raw: orjson.dumps({**orjson.loads(raw), "version": "0" * 16}),
    )


def _unended(content: dict[str, bytes]) -> None:
    del content["end.json"]


def _without_a_part(content: dict[str, bytes]) -> None:
    del content[next(name for name in content if name.startswith("points/00000001"))]
    content["end.json"] = orjson.dumps({"members": 3})


def _flipped(content: dict[str, bytes]) -> None:
    _changed(content, "points/", lambda raw: raw[:100] + bytes([raw[100] ^ 1]) + raw[101:])


def _newer(content: dict[str, bytes]) -> None:
    _changed(content, "version.json", lambda raw: orjson.dumps({**orjson.loads(raw), "format": 99}))


def _climbing(content: dict[str, bytes]) -> None:
    end = content.pop("end.json")
    content["../../etc/passwd"] = b"x"
    content["end.json"] = end


def _foreign_index(content: dict[str, bytes]) -> None:
    _changed(
        content, "version.json", lambda raw: orjson.dumps({**orjson.loads(raw), "index": "../up"})
    )


def _uncounted(content: dict[str, bytes]) -> None:
    content["end.json"] = orjson.dumps({"members": 9})


@pytest.mark.parametrize(
    "damage",
    [
        _reversioned,
        _unended,
        _without_a_part,
        _flipped,
        _newer,
        _climbing,
        _foreign_index,
        _uncounted,
        dict.clear,
    ],
)
def test_a_damaged_archive_leaves_nothing(
    archive: Path, tmp_path: Path, damage: Callable[[dict[str, bytes]], None]
) -> None:
    content = members(archive)
    damage(content)
    store = MemoryStore()
    with pytest.raises((SourceError, InvalidInput)):
        restore(store, forged(content, tmp_path / "forged.tar.zst"), tmp_path, QUIET)
    assert store.names() == []
    assert restore(store, str(archive), tmp_path, QUIET).chunks == len(many())


def test_what_was_written_before_the_damage_is_gone(world: World, tmp_path: Path) -> None:
    store, path = MemoryStore(), tmp_path / "a.tar.zst"
    build(store, world.index, POINTS)
    export(store, world.index, None, str(path), tmp_path, QUIET)
    content = members(path)
    _unended(content)
    with pytest.raises(SourceError):
        restore(world.store, forged(content, tmp_path / "cut.tar.zst"), tmp_path, QUIET)
    assert world.store.names() == []
    assert not restore(world.store, str(path), tmp_path, QUIET).known


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_cut_archive_leaves_nothing(archive: Path, tmp_path: Path, share: float) -> None:
    cut = tmp_path / "cut.tar.zst"
    raw = archive.read_bytes()
    cut.write_bytes(raw[: int(len(raw) * share)])
    store = MemoryStore()
    with pytest.raises(SourceError, match="no whole archive"):
        restore(store, str(cut), tmp_path, QUIET)
    assert store.names() == []


def test_text_that_was_replaced_does_not_match_its_digest(tmp_path: Path) -> None:
    """A digest of the member alone would let through whatever was archived so."""
    store = MemoryStore()
    lying = replace(POINTS[0], chunk=replace(POINTS[0].chunk, embedding_text="another text"))
    build(store, "docs", [lying])
    path = str(tmp_path / "a.tar.zst")
    export(store, "docs", None, path, tmp_path, QUIET)
    with pytest.raises(SourceError, match="is not what its digest says"):
        restore(MemoryStore(), path, tmp_path, QUIET)


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.zst"
    path.write_bytes(b"not compressed at all")
    with pytest.raises(SourceError):
        restore(MemoryStore(), str(path), tmp_path, QUIET)
    with pytest.raises(NotFound):
        restore(MemoryStore(), str(tmp_path / "absent"), tmp_path, QUIET)


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    store = MemoryStore()
    build(store, "docs", POINTS)
    with pytest.raises(NotFound):
        export(store, "docs", "0" * 16, str(tmp_path / "out.tar.zst"), tmp_path, QUIET)

    class Broken(NoProgress):
        def advance(self, count: int = 1, note: str = "") -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(store, "docs", None, str(tmp_path / "out.tar.zst"), tmp_path, Broken())
    assert list(tmp_path.iterdir()) == []


class Remote:
    """An archive on object storage; fsspec's memory stands for it."""

    def __init__(self) -> None:
        self.folder = f"memory://{secrets.token_hex(6)}/"


def test_object_storage_and_a_broken_transfer(tmp_path: Path) -> None:
    store, remote, work = MemoryStore(), Remote(), tmp_path / "work"
    version = build(store, "docs", many())
    archived = export(store, "docs", None, remote.folder, work, QUIET)
    assert archived.url == f"{remote.folder}docs-{version}.tar.zst"
    assert storage.size(archived.url) == archived.bytes
    assert list(work.iterdir()) == []

    class Cut(NoProgress):
        def advance(self, count: int = 1, note: str = "") -> None:
            if count:
                raise ConnectionResetError

    with pytest.raises((ConnectionResetError, GroundworkError)):
        restore(MemoryStore(), archived.url, work, Cut())
    (partial,) = work.iterdir()
    held = partial.stat().st_size
    seen: list[int] = []

    class Watch(NoProgress):
        def __init__(self) -> None:
            self.now = ""

        def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
            self.now = name

        def advance(self, count: int = 1, note: str = "") -> None:
            if self.now == "download":
                seen.append(count)

    other = MemoryStore()
    restore(other, archived.url, work, Watch(), promote=True)
    assert seen[0] == held
    assert sum(seen) == archived.bytes
    assert list(work.iterdir()) == []
    assert other.alias("docs") == version


def test_an_upload_that_breaks_is_repeated_without_the_index(tmp_path: Path) -> None:
    store, work = MemoryStore(), tmp_path / "work"
    version = build(store, "docs", POINTS)
    with pytest.raises(GroundworkError):
        export(store, "docs", None, "http://127.0.0.1:9/x.tar.zst", work, QUIET)
    kept = work / f"docs-{version}.tar.zst"
    before = kept.read_bytes()

    class NoReading(NoProgress):
        def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
            assert name == "upload"

    target = f"{Remote().folder}x.tar.zst"
    export(store, "docs", None, target, work, NoReading())
    assert storage.get(target) == before
    assert not kept.exists()


def test_vectors_come_back_to_the_bit(archive: Path, tmp_path: Path) -> None:
    store = MemoryStore()
    restored = restore(store, str(archive), tmp_path, QUIET, promote=True)
    reader = store.open("docs", restored.version)
    sent = {each.chunk.id: each.dense for each in many()}
    for batch in reader.points():
        for each in batch:
            assert np.array_equal(each.dense, sent[each.chunk.id])
