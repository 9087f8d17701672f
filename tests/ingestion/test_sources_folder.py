import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import InvalidInput, SourceError
from groundwork.ingestion.sources import SourceOptions, open_source
from groundwork.ingestion.sources.selection import Selection, compile_globs

Items: TypeAlias = Iterable[RawDocument | Skipped]


def read(path: Path, **options: Any) -> list[RawDocument | Skipped]:
    return list(open_source(str(path), SourceOptions(**options)).read())


def documents(items: Items) -> list[RawDocument]:
    return [item for item in items if isinstance(item, RawDocument)]


def pages(items: Items) -> list[str]:
    return [item.page for item in documents(items)]


def skips(items: Items) -> dict[str, str]:
    return {item.page: item.reason for item in items if isinstance(item, Skipped)}


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")


def test_documents_come_sorted_by_page_and_the_rest_is_counted(tmp_path: Path) -> None:
    write(tmp_path, "b.md", "a/z.rst", "a.txt", "A.HTML", "logo.png", "x/logo.png", "Makefile")
    source = open_source(str(tmp_path))
    items = list(source.read())
    assert pages(items) == ["A.HTML", "a.txt", "a/z.rst", "b.md"]
    assert source.ignored == {".png": 2, "(none)": 1}
    assert documents(items)[-1].content == b"content of b.md"
    assert documents(items)[-1].revision == f"sha256:{documents(items)[-1].content_hash}"
    assert [item.page for item in source.read()] == [item.page for item in items]
    assert source.ignored == {".png": 2, "(none)": 1}


def test_default_excludes_pass_over_what_is_generated_or_hidden(tmp_path: Path) -> None:
    write(
        tmp_path,
        "index.html",
        "_sources/index.md",
        "_static/a.html",
        "node_modules/x/README.md",
        ".git/a.md",
        "guide/.hidden/a.md",
        "guide/._a.md",
        "guide/genindex-all.html",
        "guide/sources/a.md",
    )
    assert pages(read(tmp_path)) == ["guide/sources/a.md", "index.html"]


def test_globs_choose(tmp_path: Path) -> None:
    write(tmp_path, "guide/a.md", "guide/drafts/b.md", "api/c.md", "guide.md")
    assert pages(read(tmp_path, include=("guide/**",))) == ["guide/a.md", "guide/drafts/b.md"]
    assert pages(read(tmp_path, exclude=("drafts/", "/guide.md"))) == ["api/c.md", "guide/a.md"]
    assert pages(read(tmp_path, include=("guide/*.md",))) == ["guide/a.md"]


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.md", "a/b.md", True),
        ("a/*.md", "a/b/c.md", False),
        ("a/**/c.md", "a/c.md", True),
        ("a/**/c.md", "a/b/b/c.md", True),
        ("/b.md", "a/b.md", False),
        ("b", "a/b/c.md", True),
        ("b/", "a/b", False),
        ("b/", "a/b/c", True),
        ("v[0-9].md", "v3.md", True),
        ("v[!0-9].md", "v3.md", False),
        ("v[!0-9].md", "v/.md", False),
        ("a?.md", "ab.md", True),
        ("a?.md", "a/.md", False),
        ("a+(b).md", "a+(b).md", True),
    ],
)
def test_globs_mean_what_gitignore_means(glob: str, path: str, matches: bool) -> None:
    pattern = compile_globs([glob])
    assert pattern is not None
    assert bool(pattern.fullmatch(path)) is matches


@given(st.text(st.characters(exclude_characters="/["), min_size=1, max_size=20))
def test_any_glob_compiles(glob: str) -> None:
    assert compile_globs([glob, f"docs/{glob}"])


@pytest.mark.parametrize("glob", ["", "/", "//", "[b-a]"])
def test_globs_that_name_nothing_are_refused(glob: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_globs([glob])
    assert caught.value.field == "exclude"


def test_a_single_file_is_read_whatever_its_suffix(tmp_path: Path) -> None:
    write(tmp_path, "notes.adoc")
    (item,) = documents(read(tmp_path / "notes.adoc"))
    assert (item.page, item.content) == ("notes.adoc", b"content of notes.adoc")


def test_a_large_file_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log.txt").open("wb") as file:
        file.truncate(200 * 2**20)
    monkeypatch.setattr(os, "open", lambda *_, **__: pytest.fail("opened"))
    assert skips(read(tmp_path)) == {"log.txt": "too-large"}
    assert skips(read(tmp_path / "log.txt")) == {"log.txt": "too-large"}


def test_empty_files_and_lfs_pointers_do_not_go_in(tmp_path: Path) -> None:
    (tmp_path / "empty.md").touch()
    (tmp_path / "big.pdf").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    )
    assert skips(read(tmp_path)) == {"empty.md": "empty-file", "big.pdf": "lfs-pointer"}


def test_links_stay_inside_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "a.md", "sub/b.md", ".secret/c.md")
    write(tmp_path, "outside/d.md", "root-sibling/e.md")
    (root / "file.md").symlink_to("a.md")
    (root / "folder").symlink_to("sub")
    (root / "out.md").symlink_to(tmp_path / "outside/d.md")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "sibling").symlink_to("../root-sibling")
    (root / "dangling.md").symlink_to("nowhere.md")
    (root / "secret").symlink_to(".secret")
    items = read(root)
    assert pages(items) == ["a.md", "file.md", "folder/b.md", "sub/b.md"]
    assert skips(items) == {
        "out": "symlink-outside",
        "out.md": "symlink-outside",
        "sibling": "symlink-outside",
        "dangling.md": "unreadable",
    }


def test_loops_of_links_end(tmp_path: Path) -> None:
    write(tmp_path, "sub/a.md")
    (tmp_path / "sub/up").symlink_to("..")
    (tmp_path / "self.md").symlink_to("self.md")
    (tmp_path / "here").symlink_to(".")
    items = read(tmp_path)
    assert pages(items) == ["sub/a.md"]
    assert skips(items) == {
        "self.md": "symlink-loop",
        "here": "symlink-loop",
        "sub/up": "symlink-loop",
    }


def test_crossing_links_do_not_multiply(tmp_path: Path) -> None:
    for level in range(30):  # 2**30 paths, if every link were followed from everywhere
        write(tmp_path, f"d{level}/a.md")
        for name in ("left", "right"):
            (tmp_path / f"d{level}" / name).symlink_to(f"../d{level + 1}")
    write(tmp_path, "d30/a.md")
    items = read(tmp_path)
    assert len(pages(items)) < 31 * 31
    assert "symlink-repeated" in skips(items).values()


def test_special_files_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        cwd = Path.cwd()
        os.chdir(tmp_path)  # a socket's path may have 108 bytes only
        try:
            server.bind("socket.md")
        finally:
            os.chdir(cwd)
    (tmp_path / "link.md").symlink_to("pipe.md")
    expected = dict.fromkeys(["pipe.md", "socket.md", "link.md"], "special-file")
    assert skips(read(tmp_path)) == expected
    assert skips(read(tmp_path / "pipe.md")) == {"pipe.md": "special-file"}


@pytest.mark.skipif(sys.platform == "darwin", reason="HFS+ and APFS refuse names that are no UTF-8")
def test_names_that_are_no_utf8_are_stable_and_unique(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    for name in (b"caf\xe9.md", b"caf\xe8.md", b"caf%E9.md"):
        with open(os.path.join(root, name), "wb") as file:  # noqa: PTH118, PTH123 - Path has no bytes
            file.write(name)
    items = read(tmp_path)
    assert [item.page for item in items] == [item.page for item in read(tmp_path)]
    assert len({item.page for item in items}) == 3
    assert {item.content for item in documents(items)} == {
        b"caf\xe9.md",
        b"caf\xe8.md",
        b"caf%E9.md",
    }
    for item in items:
        item.page.encode("utf-8")
        assert item.page.endswith(".md")


def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.md", "b.md", "locked/c.md")
    real_open, real_scan = os.open, os.scandir

    def denied_open(path: str, *rest: Any, **more: Any) -> int:
        if str(path).endswith("a.md"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *rest, **more)

    def denied_scan(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real_scan(path)

    monkeypatch.setattr(os, "open", denied_open)
    monkeypatch.setattr(os, "scandir", denied_scan)
    items = read(tmp_path)
    assert pages(items) == ["b.md"]
    assert skips(items) == {"a.md": "unreadable", "locked": "unreadable"}


def test_reading_is_lazy(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md")
    reading = open_source(str(tmp_path)).read()
    assert next(reading).page == "a.md"
    (tmp_path / "b.md").write_text("changed")
    assert documents(reading)[0].content == b"changed"


def test_more_files_than_allowed_is_an_error_and_not_a_cut(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "c.md")
    with pytest.raises(SourceError, match="more than 2 documents") as caught:
        next(open_source(str(tmp_path), SourceOptions(max_files=2)).read())
    assert caught.value.field == "max_files"


def test_a_folder_that_vanished_is_an_error(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "a.md")
    source = open_source(str(root))
    (root / "a.md").unlink()
    root.rmdir()
    with pytest.raises(SourceError, match="cannot be read"):
        list(source.read())


@pytest.mark.parametrize("spec", ["", "  ", "ftp://example.org/x", "a\0b", "https://host/docs.zip"])
def test_specs_that_mean_nothing_are_refused(spec: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_source(spec)
    assert caught.value.field == "source"


def test_a_missing_path_is_named() -> None:
    with pytest.raises(SourceError, match="'/no/such/place'"):
        open_source("/no/such/place")
    with pytest.raises(SourceError, match="cannot be looked at"):
        open_source("x" * 5000)


def with_option(name: str, value: Any) -> SourceOptions:
    options: dict[str, Any] = {name: value}
    return SourceOptions(**options)


@pytest.mark.parametrize("name", ["ref", "subfolder"])
def test_git_options_are_refused_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_source(str(tmp_path), with_option(name, "x"))
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_bytes", 0),
        ("max_files", -1),
        ("rate_per_second", 0.0),
        ("max_depth", -1),
        ("user_agent", "x\r\nHost: y"),
    ],
)
def test_options_are_checked(name: str, value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        with_option(name, value)
    assert caught.value.field == name


def test_excluded_files_do_not_count_towards_the_limit() -> None:
    selection = Selection(SourceOptions(max_files=1, exclude=("drafts/",)))
    assert selection.takes("a.md")
    assert not selection.takes("drafts/b.md")
