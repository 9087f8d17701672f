"""groundwork release: a release is made, measured, refused, promoted, rolled back, and leads to everything about it."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.registry.gate import GateSettings
from groundwork.evals.rows import Row
from groundwork.evals.store import Run, RunFolder, Runs
from tests.mlflow_tables import give_tables

PAGE = "# Keys\n\n## Rotate a key\n\nTo rotate a key, press the red button.\n"


class Shell:
    """Runs commands in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str], home: Path) -> None:
        self.capture = capture
        self.home = home
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        self.capture.readouterr()
        code = run(cli, list(arguments))
        self.out, self.err = self.capture.readouterr()
        return code

    def json(self, *arguments: str, code: int = 0) -> Any:
        assert self(*arguments, "--json") == code, self.err
        return orjson.loads(self.out)

    def champion(self) -> str:
        return str(self.json("release", "show", "champion")["id"])

    def measured(self, release: str, share: float, questions: int = 200) -> str:
        """A finished evaluation, in which this share of the questions went right; its id."""
        name = f"2026-11-{len(Runs(self.home).all()) + 1:02}-{release}"
        folder = RunFolder(self.home / "evals" / name)
        folder.begin(Run(name, "nightly", "set-1", questions, "docs", "v", release, 7, "2026-11-01T00:00:00Z"))  # fmt: skip
        metrics = [rule.metric for rule in GateSettings.read(kind="assistant").rules]
        for n in range(questions):
            scores = dict.fromkeys(metrics, 1.0) | {"passed": float(n < share * questions)}
            folder.append(Row(f"q{n}", "lookup", f"page-{n}", "?", "answered", scores=scores))
        folder.finish("2026-11-01T00:05:00Z")
        return name


@pytest.fixture(scope="module")
def ingested(mlflow_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose first ingest made a release."""
    home = give_tables(mlflow_tables, tmp_path_factory.mktemp("release") / "home")
    pages = home.parent / "pages"
    pages.mkdir()
    (pages / "keys.md").write_text(PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDWORK_HOME", str(home))
        patch.setenv("GROUNDWORK_EMBEDDER__ENGINE", "hashing")
        assert run(cli, ["ingest", str(pages)]) == 0
    return home


@pytest.fixture
def shell(
    ingested: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    home = shutil.copytree(ingested, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(home))
    monkeypatch.setenv("GROUNDWORK_EMBEDDER__ENGINE", "hashing")
    return Shell(capsys, home)


def made(shell: Shell, monkeypatch: pytest.MonkeyPatch, passages: int) -> str:
    """Another release of the same index."""
    with monkeypatch.context() as patch:
        patch.setenv("GROUNDWORK_RETRIEVAL__PASSAGES", str(passages))
        return str(shell.json("release", "create")["id"])


def test_a_release_leads_to_everything_about_it(shell: Shell) -> None:
    (listed,) = shell.json("release", "list")
    assert (listed["line"], listed["aliases"]) == ("assistant/docs", ["champion"])
    shell.measured(listed["id"], 1.0)
    shown = shell.json("release", "show", listed["id"])
    assert shown["lineage"]["data"] == {"index:docs": shown["content"]["index_version"]}
    assert [event["action"] for event in shown["history"]] == ["promoted"]
    leads = {lead["what"]: lead["command"] for lead in shown["read_on"]}
    assert list(leads) == ["card", "index", "policy", "prices", "evaluation", "bill"]
    for command in leads.values():
        program, *arguments = shlex.split(command)
        assert program == "groundwork"
        assert shell(*arguments) == 0, (command, shell.err)
        assert shell.out
    assert shell("release", "show", listed["id"]) == 0
    assert all(command in shell.out for command in leads.values())


def test_what_does_not_exist_is_named_beside_what_does(shell: Shell) -> None:
    champion = shell.champion()
    assert shell("release", "show", "rel-ffffffffffff") == 1
    assert champion in shell.err
    assert shell("release", "show", "champion", "--file", "weights.bin") == 1
    assert "recipe.json" in shell.err
    assert shell("release", "show", "champion", "--line", "cake/docs") == 2
    assert "no kind of release" in shell.err


def test_nothing_is_promoted_that_was_not_measured(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, other = shell.champion(), made(shell, monkeypatch, 2)
    assert other != champion
    assert shell("release", "promote", other) == 1
    assert f"groundwork eval run --release {other} --index docs" in shell.err
    run_of_other = shell.measured(other, 1.0)
    # The champion was not, either.
    assert shell("release", "promote", other) == 1
    assert f"groundwork eval run --release {champion} --index docs" in shell.err
    shell.measured(champion, 1.0)
    assert shell("release", "promote", champion, "--run", run_of_other) == 1
    assert f"measured {other}, not {champion}" in shell.err
    assert shell.champion() == champion


def test_the_gate_refuses_a_worse_release_and_lets_a_better_one_pass(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, worse, better = (
        shell.champion(), made(shell, monkeypatch, 2), made(shell, monkeypatch, 3),
    )  # fmt: skip
    for release, share in ((champion, 0.9), (worse, 0.7), (better, 0.95)):
        shell.measured(release, share)
    refused = shell.json("release", "promote", worse, code=3)
    assert not refused["promoted"]
    assert not refused["gate"]["passed"]
    assert "passed" in shell.err
    assert shell.champion() == champion
    promoted = shell.json("release", "promote", better)
    assert promoted["gate"]["passed"]
    assert promoted["aliases"] == ["champion"]
    told = shell.json("release", "history")
    assert [(one["action"], one["release"]) for one in told] == [
        ("promoted", better),
        ("refused", worse),
        ("promoted", champion),
    ]
    assert told[1]["detail"]["passed"] is False
    back = shell.json("release", "rollback", "--reason", "no citations since noon")
    assert back["id"] == champion
    newest = shell.json("release", "history")[0]
    assert (newest["action"], newest["former"], newest["reason"]) == (
        "rolled-back", better, "no citations since noon",
    )  # fmt: skip
    assert shell.json("release", "rollback", "--to", better)["id"] == better


def test_the_gate_is_passed_by_only_with_a_reason(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = made(shell, monkeypatch, 2)
    assert shell("release", "promote", other, "--force") == 2
    assert "--reason" in shell.err
    assert shell("release", "promote", other, "--force", "--reason", "the old one leaks") == 0
    newest = shell.json("release", "history")[0]
    assert (newest["reason"], newest["detail"]) == ("the old one leaks", {"forced": True})


def test_doctor_says_where_releases_are_and_which_answers(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def registry() -> dict[str, Any]:
        shell("doctor", "--json")
        checks = orjson.loads(shell.out)["checks"]
        return next(check for check in checks if check["name"] == "registry")

    champion = shell.champion()
    found = registry()
    assert found["ok"]
    assert f"assistant/docs@{champion}" in found["detail"]
    assert "mlflow.db" in found["detail"]
    monkeypatch.setenv("GROUNDWORK_REGISTRY__URL", "http://me:secret@127.0.0.1:9")
    lost = registry()
    assert not lost["ok"]
    assert "127.0.0.1:9 does not answer" in lost["detail"]
    assert "secret" not in lost["detail"]
    monkeypatch.setenv("GROUNDWORK_REGISTRY__URL", "mysql://somewhere/mlflow")
    assert "postgresql://" in registry()["detail"]
