"""groundwork index export and import: an index leaves one home and answers in another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run


class Shell:
    def __init__(self, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.capture, self.patch = capture, patch
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = run(cli, list(arguments))
        self.out, self.err = self.capture.readouterr()
        return code

    def json(self, *arguments: str) -> Any:
        assert self(*arguments, "--json") == 0, self.err
        return orjson.loads(self.out)

    def move(self, home: Path) -> None:
        self.patch.setenv("GROUNDWORK_HOME", str(home))


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_EMBEDDER__ENGINE", "hashing")
    shell = Shell(capsys, monkeypatch)
    shell.move(tmp_path / "home")
    pages = tmp_path / "pages"
    pages.mkdir()
    for n in range(4):
        (pages / f"page{n}.md").write_text(f"# Page {n}\n\nWords about topic{n} and no other.\n")
    return shell


def test_an_index_moves_to_another_home(shell: Shell, tmp_path: Path) -> None:
    version = shell.json("ingest", str(tmp_path / "pages"))["version"]
    before = shell.json("search", "what is topic2?")
    done = shell.json("index", "export", "docs", f"{tmp_path / 'out'}/")
    assert done["version"] == version
    assert Path(done["url"]) == tmp_path / "out" / f"docs-{version}.tar.zst"
    by_alias = shell.json("index", "export", "docs@live", str(tmp_path / "same.tar.zst"))
    assert by_alias["digest"] == done["digest"]
    assert shell("index", "export", "docs@previous", str(tmp_path / "x")) == 1
    assert "no previous version" in shell.err
    shell.move(tmp_path / "elsewhere")
    assert shell("index", "import", done["url"]) == 0
    assert f"groundwork index promote {version} --index docs" in shell.out
    assert shell("search", "what is topic2?") == 1
    assert shell.json("index", "import", done["url"], "--promote") == {
        "index": "docs",
        "version": version,
        "chunks": 4,
        "known": True,
        "promoted": True,
    }
    after = shell.json("search", "what is topic2?")
    assert _without_times(after) == _without_times(before)


def _without_times(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {
            k: _without_times(v)
            for k, v in answer.items()
            if "timing" not in k and k != "id" and "trace" not in k
        }
    return [_without_times(each) for each in answer] if isinstance(answer, list) else answer


def test_what_is_wrong_is_said_in_one_line(shell: Shell, tmp_path: Path) -> None:
    assert shell("index", "export", "docs", str(tmp_path / "x")) == 1
    assert "no index named docs" in shell.err
    (tmp_path / "no.tar.zst").write_bytes(b"nothing of the kind")
    assert shell("index", "import", str(tmp_path / "no.tar.zst")) == 1
    assert "no whole archive" in shell.err
    assert len(shell.err.splitlines()) == 1
