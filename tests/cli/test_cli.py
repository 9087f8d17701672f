"""The command line: what it imports, its exit codes, its JSON, and the index commands."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import COMMANDS, cli
from groundwork.cli.run import run
from tests.mlflow_tables import give_tables

HEAVY = ("torch", "transformers", "llama_index", "sqlalchemy", "pydantic", "numpy", "fastapi")


@dataclass
class Shell:
    """Runs commands in this process, with a home and pages of its own."""

    pages: Path
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def __call__(self, *arguments: str) -> int:
        code = run(cli, list(arguments))
        self.out, self.err = self.capture.readouterr()
        return code

    def json(self, *arguments: str, code: int = 0) -> Any:
        assert self(*arguments, "--json") == code, self.err
        return orjson.loads(self.out)

    def write(self, name: str, text: str | bytes) -> None:
        (self.pages / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def ingest(self, words: str) -> str:
        self.write("key.md", f"# Keys\n\n## Rotate a key\n\nTo rotate a key, {words}.\n")
        return str(self.json("ingest", str(self.pages))["version"])


@pytest.fixture
def shell(
    tmp_path: Path,
    mlflow_tables: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(give_tables(mlflow_tables, tmp_path / "home")))
    monkeypatch.setenv("GROUNDWORK_EMBEDDER__ENGINE", "hashing")
    pages = tmp_path / "pages"
    pages.mkdir()
    shell = Shell(pages, capsys)
    for n in range(4):
        shell.write(f"page{n}.md", f"# Page {n}\n\nWords about topic{n} and nothing else.\n")
    return shell


def one_line(text: str) -> bool:
    return text.startswith("groundwork: ") and text.count("\n") == 1 and text.endswith("\n")


def test_the_overview_lists_every_command_and_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from groundwork.cli import cli\n"
        "cli.main(['--help'], prog_name='groundwork', standalone_mode=False)\n"
        "print('LOADED', *(name for name in sys.modules if '.' not in name))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    overview, _, loaded = done.stdout.partition("LOADED")
    for name, (_, short) in COMMANDS.items():
        assert f"  {name} " in overview
        assert short in overview
    assert not set(loaded.split()) & set(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(shell: Shell, name: str) -> None:
    assert shell(name, "--help") == 0
    assert shell.out.startswith(f"Usage: groundwork {name}")


def test_the_console_script_exits_with_the_code(tmp_path: Path) -> None:
    environment = {**os.environ, "GROUNDWORK_HOME": str(tmp_path), "GROUNDWORK_SERVICE__PORT": "x"}
    script = "from groundwork.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "index", "list"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert "GROUNDWORK_SERVICE__PORT" in done.stderr
    assert done.stdout == ""


def test_done_is_0_and_silent_on_standard_error(shell: Shell) -> None:
    assert shell("index", "list") == 0
    assert shell.err == ""
    assert "no index yet" in shell.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "Where is it?"),
        ("search", "where"),
        ("index", "show"),
        ("index", "rollback"),
        ("index", "promote", "0123456789abcdef"),
        ("ingest", "./not-there"),
    ],
)
def test_failures_are_1_or_2_with_one_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments) in {1, 2}
    assert one_line(shell.err), shell.err
    assert shell.out == ""


def test_a_missing_index_is_1(shell: Shell) -> None:
    assert shell("ask", "Where?", "--index", "none") == 1
    assert "groundwork ingest SOURCE --index none" in shell.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest",),
        ("ask",),
        ("nonsense",),
        ("search", "x", "-k", "0"),
        ("index", "gc", "--keep", "-1"),
    ],
)
def test_wrong_usage_is_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments) == 2
    assert "Error: " in shell.err


@pytest.mark.parametrize(
    "arguments",
    [("ask", " "), ("index", "show", "--index", "../up"), ("ingest", ".", "--index", "A B")],
)
def test_wrong_input_is_2_with_one_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments) == 2
    assert one_line(shell.err), shell.err


def test_the_gate_is_3_and_what_it_refused_can_be_promoted(shell: Shell) -> None:
    live = shell.ingest("press it")
    for n in range(4):
        shell.write(f"bad{n}.md", b"\0")
    refused = shell.json("ingest", str(shell.pages), code=3)
    assert one_line(shell.err.splitlines(keepends=True)[-1])
    assert not refused["promoted"]
    assert f"groundwork index promote {refused['version']} --index docs" in shell.err
    assert shell.json("index", "show")["version"] == live
    assert shell("index", "list") == 0
    assert "refused" in shell.out
    assert shell("index", "promote", refused["version"]) == 0
    assert shell.json("index", "show")["version"] == refused["version"]


def test_ingest_search_and_ask_in_json(shell: Shell) -> None:
    first = shell.json("ingest", str(shell.pages), "--dry-run")
    assert (first["version"], len(first["added"])) == (None, 4)
    assert shell.json("index", "list") == []
    version = shell.ingest("press the button twice")
    found = shell.json("search", "rotate a key", "-k", "2")
    assert found["index_version"] == version
    assert len(found["results"]) == 2
    assert found["results"][0]["page"] == "key.md"
    answer = shell.json("ask", "How do I rotate a key?")
    assert answer["index_version"] == version
    assert {"answer", "citations", "confidence", "trace_id"} <= answer.keys()
    assert shell("ask", "How do I rotate a key?") == 0
    assert version in shell.out
    assert shell("search", "rotate a key") == 0
    assert shell.out.startswith("1. Keys > Rotate a key")
    again = shell.json("ingest", str(shell.pages))
    assert again["unchanged"]


def test_list_show_and_diff(shell: Shell) -> None:
    first = shell.ingest("press it")
    shell.write("new.md", "# New\n\nSome new words.\n")
    (shell.pages / "page0.md").unlink()
    second = shell.ingest("pull it")
    rows = {row["version"]: row for row in shell.json("index", "list")}
    assert rows[second]["aliases"] == ["live"]
    assert rows[first]["aliases"] == ["previous"]
    assert rows[second]["pages"] == 5
    shown = shell.json("index", "show", "previous")
    assert (shown["version"], shown["aliases"], shown["page_count"]) == (first, ["previous"], 5)
    changes = {"added": ["new.md"], "removed": ["page0.md"], "changed": ["key.md"]}
    assert shell.json("index", "diff", first, second) == changes
    assert shell.json("index", "diff", "previous", "live") == changes
    assert shell("index", "diff", "previous", "live") == 0
    assert shell.out.splitlines() == [
        "+ new.md", "- page0.md", "~ key.md", "1 added, 1 removed, 1 changed",
    ]  # fmt: skip
    assert shell("index", "show") == 0
    assert second in shell.out


def test_rollback_swaps_live_and_previous(shell: Shell) -> None:
    first = shell.ingest("press it")
    assert shell("index", "rollback") == 1
    assert "no previous version" in shell.err
    second = shell.ingest("pull it")
    assert shell.json("index", "rollback") == {"index": "docs", "live": first}
    assert shell.json("ask", "How do I rotate a key?")["index_version"] == first
    assert shell.json("index", "rollback") == {"index": "docs", "live": second}
    assert shell.json("index", "promote", first) == {"index": "docs", "live": first}


def test_gc_keeps_live_previous_and_the_newest_others(shell: Shell) -> None:
    made = [shell.ingest(f"press button number {n}") for n in range(5)]
    kept = {row["version"] for row in shell.json("index", "list")}
    assert kept == set(made)
    assert shell.json("index", "gc") == {"versions": [], "vectors": 0}
    trial = shell.json("index", "gc", "--keep", "1", "--dry-run")
    assert len(trial["versions"]) == 2
    assert trial["vectors"] == 2
    assert len(shell.json("index", "list")) == 5
    assert shell.json("index", "gc", "--keep", "1") == trial
    left = {row["version"] for row in shell.json("index", "list")}
    assert len(left) == 3
    assert {made[4], made[3]} <= left
    gone = shell.json("index", "gc", "--keep", "0")
    assert len(gone["versions"]) == 1
    assert {row["version"] for row in shell.json("index", "list")} == {made[4], made[3]}
    assert shell.json("index", "rollback")["live"] == made[3]
    assert shell.json("search", "rotate")["index_version"] == made[3]


def test_gc_of_one_index_keeps_the_vectors_of_another(shell: Shell) -> None:
    shell.ingest("press it")
    shell.json("ingest", str(shell.pages), "--index", "other")
    assert shell.json("index", "gc", "--keep", "0", "--index", "other")["vectors"] == 0
    assert {row["index"] for row in shell.json("index", "list")} == {"docs", "other"}


def test_doctor(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.ingest("press it")
    monkeypatch.setenv("GROUNDWORK_SERVCE__PORT", "1")
    report = shell.json("doctor")
    assert [check["name"] for check in report["checks"]] == [
        "python", "home", "embedder", "index", "ledger", "registry", "service",
    ]  # fmt: skip
    assert all(check["ok"] for check in report["checks"])
    assert report["unknown_variables"] == ["GROUNDWORK_SERVCE__PORT"]
    assert shell("doctor") == 0
    assert "is it misspelt?" in shell.out


def test_doctor_says_what_does_not_answer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_EMBEDDER__ENGINE", "openai")
    report = shell.json("doctor", code=1)
    failed = {check["name"]: check["detail"] for check in report["checks"] if not check["ok"]}
    assert list(failed) == ["embedder"]
    assert "GROUNDWORK_EMBEDDER__URL" in failed["embedder"]
