"""groundwork data: versions of datasets from the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run


class Shell:
    """Runs commands in this process, with a home of its own."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = run(cli, list(arguments))
        self.out, self.err = self.capture.readouterr()
        return code

    def json(self, *arguments: str) -> Any:
        assert self(*arguments, "--json") == 0, self.err
        return orjson.loads(self.out)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    return Shell(capsys)


def test_versions_are_added_listed_compared_and_brought_back(shell: Shell, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    (films / "ratings.csv").write_text("user,film\n1,2\n")
    assert shell("data", "list") == 0
    assert "groundwork data add NAME PATH" in shell.out
    first = shell.json("data", "add", "films", str(films), "--source", "by hand")
    (films / "ratings.csv").write_text("user,film\n1,2\n2,2\n")
    (films / "titles.jsonl").write_text("{}\n")
    parent = f"films@{first['digest'][:12]}"
    second = shell.json("data", "add", "films", str(films), "--parent", parent)
    assert (first["rows"], second["rows"]) == (1, 3)
    assert second["parents"] == [f"films@{first['digest']}"]
    assert {row["digest"] for row in shell.json("data", "list", "films")} == {
        first["digest"],
        second["digest"],
    }
    changes = shell.json("data", "diff", parent, f"films@{second['digest']}")
    assert changes == {
        "added": ["titles.jsonl"],
        "removed": [],
        "changed": ["ratings.csv"],
        "rows": 2,
    }
    assert shell("data", "diff", parent, f"films@{second['digest']}") == 0
    assert shell.out.splitlines()[-1] == "1 added, 0 removed, 1 changed; +2 rows"
    assert shell("data", "show", parent) == 0
    assert "from by hand" in shell.out
    assert shell("data", "get", parent, str(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "ratings.csv").read_text() == "user,film\n1,2\n"


def test_a_store_by_url(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    monkeypatch.setenv("GROUNDWORK_DATA__URL", (tmp_path / "elsewhere").as_uri())
    added = shell.json("data", "add", "numbers", str(tmp_path / "a.csv"))
    assert shell.json("data", "show", "numbers")["digest"] == added["digest"]
    assert (tmp_path / "elsewhere" / "versions" / "numbers" / f"{added['digest']}.json").is_file()
    assert not (tmp_path / "home" / "data").exists()


def test_what_is_wrong_is_said_in_one_line(shell: Shell, tmp_path: Path) -> None:
    assert shell("data", "show", "nothing") == 1
    assert shell.err.startswith("groundwork: name: there is no data nothing")
    assert shell("data", "add", "Films", str(tmp_path)) == 2
    assert "names no dataset" in shell.err
    assert shell("data", "add", "films", str(tmp_path / "absent")) == 1
