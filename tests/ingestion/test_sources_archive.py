import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import SourceError
from groundwork.ingestion.sources import SourceOptions, archive_members, open_source
from groundwork.ingestion.sources.names import refused_name, relative_name

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}
KINDS = [".zip", *COMPRESSIONS]
EVIL = ["../up.md", "/etc/abs.md", "a/../../up.md", "C:/win.md", "..\\win.md", "a\\b.md", ".."]

Files: TypeAlias = Sequence[tuple[Any, Any]]
Items = Iterable[RawDocument | Skipped]


def as_zip(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def as_tar(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", errors="surrogateescape") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                archive.addfile(info)
    return buffer.getvalue()


def pack(folder: Path, kind: str, files: Files) -> Path:
    path = folder / f"docs{kind}"
    path.write_bytes(as_zip(files) if kind == ".zip" else COMPRESSIONS[kind](as_tar(files)))
    return path


def read(path: Path, **options: Any) -> list[RawDocument | Skipped]:
    return list(open_source(str(path), SourceOptions(**options)).read())


def documents(items: Items) -> list[RawDocument]:
    return [item for item in items if isinstance(item, RawDocument)]


def pages(items: Items) -> list[str]:
    return [item.page for item in documents(items)]


def reasons(items: Items) -> list[str]:
    return [item.reason for item in items if isinstance(item, Skipped)]


@pytest.mark.parametrize("kind", KINDS)
def test_documents_come_sorted_without_their_common_top_folder(tmp_path: Path, kind: str) -> None:
    files = [
        ("repo-1.2/z.md", b"z"),
        ("repo-1.2/docs/a.md", b"a"),
        ("repo-1.2/logo.png", b"p"),
        ("repo-1.2/.github/x.md", b"x"),
        ("__MACOSX/repo-1.2/._z.md", b"?"),
    ]
    source = open_source(str(pack(tmp_path, kind, files)))
    items = list(source.read())
    assert [(item.page, item.content) for item in documents(items)] == [
        ("docs/a.md", b"a"),
        ("z.md", b"z"),
    ]
    first = documents(items)[0]
    assert first.revision == f"sha256:{first.content_hash}"
    assert source.ignored == {".png": 1}
    assert list(tmp_path.iterdir()) == [tmp_path / f"docs{kind}"]


@pytest.mark.parametrize("kind", KINDS)
def test_several_tops_stay(tmp_path: Path, kind: str) -> None:
    files = [("./a/x.md", b"x"), ("b//y.md", b"y")]
    assert pages(read(pack(tmp_path, kind, files))) == ["a/x.md", "b/y.md"]
    assert pages(read(pack(tmp_path, kind, [("x.md", b"x")]))) == ["x.md"]


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_climb_are_refused(tmp_path: Path, kind: str) -> None:
    items = read(pack(tmp_path, kind, [*((name, b"evil") for name in EVIL), ("ok.md", b"ok")]))
    assert pages(items) == ["ok.md"]
    assert reasons(items) == ["path-traversal"] * len(EVIL)


@pytest.mark.parametrize("kind", KINDS)
def test_limits_of_size_and_emptiness(tmp_path: Path, kind: str) -> None:
    items = read(
        pack(tmp_path, kind, [("a.md", b"x" * 11), ("b.md", b""), ("c.md", b"x" * 10)]),
        max_bytes=10,
    )
    assert pages(items) == ["c.md"]
    assert reasons(items) == ["too-large", "empty-file"]


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_members_with_one_name_the_last_counts(tmp_path: Path, kind: str) -> None:
    files = [("a.md", b"old"), ("./a.md", b"new")]
    (item,) = documents(read(pack(tmp_path, kind, files)))
    assert item.content == b"new"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [0.0, 0.1, 0.5, 0.9])
def test_a_cut_archive_gives_nothing(tmp_path: Path, kind: str, cut: float) -> None:
    content = [(f"d/{n}.md", bytes(range(256)) * (n + 1)) for n in range(20)]
    path = pack(tmp_path, kind, content)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(SourceError, match="is broken") as caught:
        next(open_source(str(path)).read())
    assert caught.value.field == "source"


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_header_or_member_gives_nothing(tmp_path: Path, kind: str) -> None:
    content = [(f"d/{n}.md", bytes([n]) * 700) for n in range(20)]
    path = pack(tmp_path, kind, content)
    whole = bytearray(path.read_bytes())
    # In the plain archive the header of a member in the middle, elsewhere packed content.
    start = 3 * (512 + 1024) if kind == ".tar" else len(whole) // 3
    whole[start : start + 40] = b"\xa5" * 40
    path.write_bytes(whole)
    with pytest.raises(SourceError, match="is broken"):
        next(open_source(str(path)).read())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "junk", [b"", b"junk" * 400, b"PK\x05\x06" + b"\xff" * 40, b"\x1f\x8b\x08"]
)
def test_junk_gives_nothing(tmp_path: Path, kind: str, junk: bytes) -> None:
    path = tmp_path / f"docs{kind}"
    path.write_bytes(junk)
    with pytest.raises(SourceError, match="is broken"):
        read(path)


@given(st.sampled_from(KINDS), st.data())
def test_any_damage_is_an_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    path = pack(
        tmp_path_factory.mktemp("fuzz"), kind, [("a/b.md", b"one"), ("a/c.md", b"two" * 300)]
    )
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        items = read(path)
    except SourceError:
        return
    assert all(safe(item.page) for item in items)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path, ".zip", [("bomb.md", bytes(3 * 2**20)), ("ok.md", b"ok")])
    items = read(path)
    assert pages(items) == ["ok.md"]
    assert reasons(items) == ["archive-bomb"]


def test_many_members_over_the_same_packed_bytes_are_a_bomb(tmp_path: Path) -> None:
    names = [f"{n:03}.md" for n in range(400)]
    path = pack(tmp_path, ".zip", [(name, bytes(90_000)) for name in names])
    assert path.stat().st_size * archive_members.MAX_RATIO < 400 * 90_000
    with pytest.raises(SourceError, match="bomb"):
        next(open_source(str(path)).read())


def test_a_member_that_unpacks_to_more_than_declared_gives_nothing(tmp_path: Path) -> None:
    whole = bytearray(as_zip([("a.md", b"x" * 5000)]))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = whole.index(signature) + offset
        whole[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "lie.zip").write_bytes(whole)
    with pytest.raises(SourceError, match="is broken"):
        read(tmp_path / "lie.zip", max_bytes=1000)


@pytest.mark.parametrize("kind", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_a_compressed_tar_bomb_is_refused(tmp_path: Path, kind: str) -> None:
    path = pack(tmp_path, kind, [("zeros.bin", bytes(8 * 2**20)), ("ok.md", b"ok")])
    with pytest.raises(SourceError, match="bomb"):
        read(path)


def test_the_total_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from groundwork.ingestion.sources import tar_archive, zip_archive

    monkeypatch.setattr(zip_archive, "MAX_TOTAL", 1000)
    monkeypatch.setattr(tar_archive, "MAX_TOTAL", 1000)
    for kind in (".zip", ".tar.gz"):
        with pytest.raises(SourceError, match="bomb"):
            read(pack(tmp_path, kind, [("a.md", b"x" * 600), ("b.md", b"x" * 600)]))


def test_an_extended_header_of_many_mebibytes_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a.md")
        info.pax_headers = {"comment": "x" * 3 * 2**20}
        archive.addfile(info)
    (tmp_path / "long.tar").write_bytes(buffer.getvalue())
    with pytest.raises(SourceError, match="is broken"):
        read(tmp_path / "long.tar")


def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path) -> None:
    files = [
        ("d/hard.md", (tarfile.LNKTYPE, "ok.md")),
        ("d/pipe.md", (tarfile.FIFOTYPE, "")),
        ("d/soft.md", (tarfile.SYMTYPE, "/etc/passwd")),
        ("d/tty.md", (tarfile.CHRTYPE, "")),
        ("d/ok.md", b"ok"),
    ]
    items = read(pack(tmp_path, ".tar", files))
    assert pages(items) == ["ok.md"]
    assert reasons(items) == ["link", "special-file", "link", "special-file"]


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.md")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    items = read(pack(tmp_path, ".zip", [(link, b"/etc/passwd"), ("b.md", b"b")]))
    assert (pages(items), reasons(items)) == (["b.md"], ["link"])


def test_encrypted_members_are_said(tmp_path: Path) -> None:
    whole = bytearray(as_zip([("a.md", b"a"), ("b.md", b"b")]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(signature) + offset] |= 1
    (tmp_path / "x.zip").write_bytes(whole)
    items = read(tmp_path / "x.zip")
    assert (pages(items), reasons(items)) == (["b.md"], ["encrypted"])


def test_names_in_utf8_that_do_not_say_so(tmp_path: Path) -> None:
    whole = as_zip([("caf?.md", b"a")]).replace(b"caf?", "fé".encode() + b"_")
    (tmp_path / "x.zip").write_bytes(whole)
    assert pages(read(tmp_path / "x.zip")) == ["fé_.md"]


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    items = read(pack(tmp_path, ".tar", [("caf\udce9.md", b"a"), ("caf\udce8.md", b"b")]))
    assert len(set(pages(items))) == 2
    assert all(page.startswith("caf%E") and page.endswith(".md") for page in pages(items))


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(SourceError, match="no regular file"):
        read(tmp_path / "pipe.zip")


def safe(page: str) -> bool:
    drive = len(page) > 1 and page[1] == ":" and page[0].isascii() and page[0].isalpha()
    climbs = ".." in page.split("/") or page.startswith("/")
    page.encode("utf-8")
    return bool(page) and not climbs and "\\" not in page and not drive


names = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(["..", ".", "", "a", "b.md", "C:", "..\\", "\udcff", "\x00", "a:b"]),
        max_size=6,
    ).map("/".join),
)


@given(names)
def test_no_name_ever_climbs(name: str) -> None:
    name = name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    relative = relative_name(name)
    assert relative is None or safe(relative)
    assert safe(refused_name(name))


@given(
    st.lists(st.tuples(names, st.binary(max_size=10)), max_size=5, unique_by=lambda each: each[0]),
    st.sampled_from([".zip", ".tar"]),
)
def test_no_member_ever_yields_a_page_that_climbs(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes]], kind: str
) -> None:
    encodable = [
        (name + ".md", content)
        for name, content in members
        if not any("\ud800" <= c <= "\udfff" or c == "\0" for c in name)
    ]
    items = read(pack(tmp_path_factory.mktemp("names"), kind, encodable))
    assert all(safe(item.page) for item in items)
    assert len({item.page for item in items}) == len(items)


def test_a_drive_below_the_top_folder_is_refused(tmp_path: Path) -> None:
    items = read(pack(tmp_path, ".zip", [("top/C:/win.md", b"evil"), ("top/ok.md", b"ok")]))
    assert (pages(items), reasons(items)) == (["ok.md"], ["path-traversal"])
