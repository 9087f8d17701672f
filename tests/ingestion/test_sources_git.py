import os
import subprocess
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import InvalidInput, SourceError
from groundwork.ingestion.sources import SourceOptions, open_source
from groundwork.ingestion.sources.git_command import Git
from groundwork.ingestion.sources.git_spec import is_git, parse_git_spec

Items: TypeAlias = Iterable[RawDocument | Skipped]


def git(repository: Path, *arguments: str, stdin: bytes = b"") -> str:
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments]
    done = subprocess.run(command, cwd=repository, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "docs").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "README.md").write_text("# One\n")
    (root / "docs" / "b.md").write_text("b\n")
    (root / "docs" / "a.rst").write_text("a\n")
    (root / "docs" / "logo.png").write_bytes(b"png")
    (root / "docs" / "link.md").symlink_to("/etc/passwd")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "one")
    git(root, "tag", "v1")
    return root


def read(spec: str | Path, **options: Any) -> list[RawDocument | Skipped]:
    return list(open_source(str(spec), SourceOptions(**options)).read())


def documents(items: Items) -> list[RawDocument]:
    return [item for item in items if isinstance(item, RawDocument)]


def pages(items: Items) -> list[str]:
    return [item.page for item in documents(items)]


def test_the_committed_content_is_read_at_its_commit(repository: Path) -> None:
    (repository / "README.md").write_text("uncommitted")
    source = open_source(f"git+{repository}")
    items = list(source.read())
    assert pages(items) == ["README.md", "docs/a.rst", "docs/b.md"]
    assert documents(items)[0].content == b"# One\n"
    assert {item.revision for item in documents(items)} == {git(repository, "rev-parse", "HEAD")}
    assert source.ignored == {".png": 1, "symlink": 1}


@pytest.mark.parametrize("form", ["git+{}@v1#subfolder=docs", "git+file://{}@v1#subfolder=docs"])
def test_ref_and_subfolder(repository: Path, form: str) -> None:
    (repository / "docs" / "c.md").write_text("c")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "two")
    assert pages(read(form.format(repository))) == ["a.rst", "b.md"]
    assert pages(read(f"git+{repository}", subfolder="docs")) == ["a.rst", "b.md", "c.md"]
    assert pages(read(f"git+{repository}", ref="v1", subfolder="docs")) == ["a.rst", "b.md"]


def test_branches_with_slashes_hashes_and_annotated_tags_are_refs(repository: Path) -> None:
    git(repository, "branch", "feature/x")
    git(repository, "tag", "-a", "-m", "note", "noted")
    commit = git(repository, "rev-parse", "HEAD")
    for ref in ("feature/x", commit, commit[:10], "noted"):
        assert documents(read(f"git+{repository}@{ref}"))[0].revision == commit


def test_a_bare_repository_is_known_by_its_suffix(repository: Path, tmp_path: Path) -> None:
    bare = tmp_path / "it.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(bare))
    assert pages(read(bare)) == ["README.md", "docs/a.rst", "docs/b.md"]


def test_a_path_with_an_at_sign_is_a_path(repository: Path, tmp_path: Path) -> None:
    odd = tmp_path / "re@po"
    repository.rename(odd)
    assert "README.md" in pages(read(f"git+{odd}"))
    assert "README.md" in pages(read(f"git+{odd}@v1"))


def test_a_remote_repository_is_fetched_and_removed_again(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The transport of a URL, played over a local path: everything else is as with a real remote.
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr(
        "groundwork.ingestion.sources.git._FETCH",
        ("-c", f"url.{repository.as_uri()}.insteadOf=https://docs.invalid/x.git", "fetch", "--quiet",
         "--no-tags", "--depth=1"),
    )  # fmt: skip
    allow_files(monkeypatch)
    commit = git(repository, "rev-parse", "HEAD")
    for ref in ("", "@v1", "@main", f"@{commit}"):
        reading = open_source(
            f"git+https://docs.invalid/x.git{ref}", SourceOptions(work_dir=work)
        ).read()
        first = next(reading)
        assert isinstance(first, RawDocument)
        assert (first.page, first.revision) == ("README.md", commit)
        assert len(list(work.iterdir())) == 1
        assert pages(reading) == ["docs/a.rst", "docs/b.md"]
        assert list(work.iterdir()) == []


def test_a_commit_that_the_server_does_not_hand_out_is_found_by_fetching_all(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "README.md").write_text("two")
    git(repository, "commit", "--quiet", "-a", "-m", "two")
    rename = f"url.{repository.as_uri()}.insteadOf=https://docs.invalid/x.git"
    monkeypatch.setattr(
        "groundwork.ingestion.sources.git._FETCH", ("-c", rename, "fetch", "--no-such")
    )
    monkeypatch.setattr(
        "groundwork.ingestion.sources.git._FETCH_ALL", ("-c", rename, "fetch", "--tags")
    )
    allow_files(monkeypatch)
    assert documents(read(f"git+https://docs.invalid/x.git@{commit}"))[0].content == b"# One\n"


def allow_files(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Git.__init__

    def with_files(self: Git, *arguments: Any, protocols: Sequence[str] = (), **named: Any) -> None:
        init(self, *arguments, protocols=(*protocols, "file"), **named)

    monkeypatch.setattr(Git, "__init__", with_files)


def test_large_empty_and_lfs_files_do_not_go_in(repository: Path) -> None:
    (repository / "large.md").write_text("x" * 100)
    (repository / "empty.md").touch()
    (repository / "lfs.pdf").write_text(
        "version https://git-lfs.github.com/spec/v1\noid x\nsize 1\n"
    )
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "two")
    items = read(f"git+{repository}", max_bytes=99)
    assert {item.page: item.reason for item in items if isinstance(item, Skipped)} == {
        "large.md": "too-large",
        "empty.md": "empty-file",
        "lfs.pdf": "lfs-pointer",
    }


def test_submodules_are_passed_over(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendor.md")
    git(repository, "commit", "--quiet", "-m", "two")
    source = open_source(f"git+{repository}")
    assert "vendor.md" not in [item.page for item in source.read()]
    assert source.ignored["submodule"] == 1


def test_names_that_climb_or_are_no_utf8(repository: Path) -> None:
    blob = git(repository, "hash-object", "-w", "--stdin", stdin=b"evil")
    object_id = bytes.fromhex(blob)
    raw = b"".join(b"100644 %s\0%s" % (name, object_id) for name in (b"caf\xe9.md", b"ok.md"))
    inner = git(repository, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)
    outer = b"40000 ..\0" + bytes.fromhex(inner) + b"100644 caf\xe9.md\0" + object_id
    tree = git(repository, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=outer)
    commit = git(repository, "commit-tree", "-m", "odd", tree)
    items = read(f"git+{repository}@{commit}")
    reasons = [getattr(item, "reason", None) for item in items]
    assert reasons.count("path-traversal") == 2
    (page,) = pages(items)
    assert page.startswith("caf%E9~")
    assert page.endswith(".md")
    assert not any(".." in item.page.split("/") for item in items)


def test_errors_name_the_ref_and_the_repository(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no commit 'nope'") as caught:
        read(f"git+{repository}@nope")
    assert caught.value.field == "ref"
    assert str(repository) in caught.value.detail
    with pytest.raises(SourceError, match="no folder 'nope'") as caught:
        read(f"git+{repository}#subfolder=nope")
    assert caught.value.field == "subfolder"
    with pytest.raises(SourceError, match=r"no folder 'README\.md'"):
        read(f"git+{repository}#subfolder=README.md")
    (tmp_path / "plain").mkdir()
    with pytest.raises(SourceError, match="not a git repository"):
        read(f"git+{tmp_path}/plain")
    with pytest.raises(SourceError, match="There is no repository"):
        read(f"git+{tmp_path}/missing")


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "empty.git")
    with pytest.raises(SourceError, match="no commit 'HEAD'"):
        read(tmp_path / "empty.git")


def test_a_missing_object_is_said_and_not_fetched(repository: Path, tmp_path: Path) -> None:
    # A partial clone's own configuration names the command that fetches what is missing.
    marker = tmp_path / "ran"
    blob = git(repository, "rev-parse", "HEAD:docs/b.md")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    git(repository, "config", "core.repositoryformatversion", "1")
    git(repository, "config", "extensions.partialClone", "origin")
    git(repository, "config", "remote.origin.promisor", "true")
    git(repository, "config", "remote.origin.url", f"ext::touch {marker}")
    git(repository, "config", "protocol.ext.allow", "always")
    git(repository, "config", "core.fsmonitor", f"touch {marker}")
    items = read(f"git+{repository}")
    assert [(x.page, x.reason) for x in items if isinstance(x, Skipped)] == [
        ("docs/b.md", "unreadable")
    ]
    assert not marker.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_repository_can_be_read(repository: Path) -> None:
    for folder, _, files in os.walk(repository):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - os.walk
            os.lchown(path, 65534, 65534)
    assert "README.md" in pages(read(f"git+{repository}"))


def test_abandoned_reading_leaves_no_process(repository: Path) -> None:
    reading = open_source(f"git+{repository}").read()
    next(reading)
    assert isinstance(reading, Generator)
    reading.close()  # an unwaited process would be a ResourceWarning, and thereby an error


@pytest.mark.parametrize(
    "ref",
    ["-x", "--upload-pack=touch x", "", "a..b", "HEAD~1", "HEAD^", "a b", "a:b", "@{1}", "/x"],
)
def test_refs_that_are_options_or_expressions_are_refused(repository: Path, ref: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_source(f"git+{repository}", SourceOptions(ref=ref))
    assert caught.value.field == "ref"


@pytest.mark.parametrize("subfolder", ["../x", "/etc", "a/../b", "a\\b"])
def test_subfolders_that_climb_are_refused(repository: Path, subfolder: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_source(f"git+{repository}", SourceOptions(subfolder=subfolder))
    assert caught.value.field == "subfolder"


@pytest.mark.parametrize(
    ("spec", "location", "ref", "subfolder"),
    [
        ("git+https://h/o/r.git@v1#subfolder=docs", "https://h/o/r.git", "v1", "docs"),
        ("git+https://u:p@h/o/r@feature/x", "https://u:p@h/o/r", "feature/x", ""),
        ("https://github.com/o/r.git", "https://github.com/o/r.git", None, ""),
        ("https://github.com/o/r.git@main", "https://github.com/o/r.git", "main", ""),
        ("git@github.com:o/r.git@v2", "git@github.com:o/r.git", "v2", ""),
        ("git+git@github.com:o/r", "git@github.com:o/r", None, ""),
        ("ssh://git@h:2222/o/r.git@v2", "ssh://git@h:2222/o/r.git", "v2", ""),
        ("git+ssh://git@h/o/r#subfolder=a/b/", "ssh://git@h/o/r", None, "a/b"),
    ],
)
def test_specs_are_taken_apart(spec: str, location: str, ref: str | None, subfolder: str) -> None:
    assert is_git(spec)
    found = parse_git_spec(spec, SourceOptions())
    assert (found.location, found.ref, found.subfolder, found.local) == (
        location, ref, subfolder, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        "git+ext::sh -c x",
        "git+https:///x",
        "git+https://-x/y",
        "git+ftp://h/x",
        "git+https://h/r#foo=1",
    ],
)
def test_specs_that_git_must_not_see_are_refused(spec: str) -> None:
    with pytest.raises((InvalidInput, SourceError)):
        read(spec)


def test_the_label_holds_no_credentials() -> None:
    source = open_source("git+https://user:secret@host.example/o/r.git@v1")
    assert source.label == "git+https://host.example/o/r.git@v1"


def test_errors_hold_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source("git+https://user:secret@127.0.0.1:1/o/r.git")
    with pytest.raises(SourceError) as caught:
        list(source.read())
    assert "127.0.0.1:1/o/r.git" in caught.value.detail
    assert "secret" not in caught.value.detail


def test_two_different_refs_are_refused(repository: Path) -> None:
    with pytest.raises(InvalidInput, match="give one of them"):
        open_source(f"git+{repository}@v1", SourceOptions(ref="v2"))


@given(st.text(max_size=40))
def test_any_spec_is_understood_or_refused(text: str) -> None:
    try:
        found = parse_git_spec("git+https://host/" + text, SourceOptions())
    except InvalidInput:
        return
    assert found.location.startswith("https://host/")
    assert not (found.ref or "").startswith("-")
    assert ".." not in found.subfolder.split("/")
