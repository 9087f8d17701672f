"""A run through the real question path: resumed, repeatable, charged as an evaluation, reported."""

import os
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run as run_cli
from groundwork.core.errors import Conflict, NotFound
from groundwork.core.registry.gate import GateSettings, Measured, judge
from groundwork.evals.report.html import to_html
from groundwork.evals.report.markdown import to_markdown
from groundwork.evals.report.summary import spread, summarise
from groundwork.evals.rows import Row
from groundwork.evals.store import Run, RunFolder, Runs

ROOT = Path(__file__).resolve().parents[2]
TOPICS = 6
CATEGORIES = ("lookup", "how-to", "identifier")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDWORK_EMBEDDER__ENGINE", "hashing")
    # The hashing embedder's cosines are low; abstention is measured elsewhere.
    monkeypatch.setenv("GROUNDWORK_RETRIEVAL__THRESHOLD", "0")
    # Releases are not what is tested here, and each would take seconds.
    monkeypatch.setenv("GROUNDWORK_REGISTRY__REGISTER_LIVE", "false")
    pages = tmp_path / "pages"
    pages.mkdir()
    for n in range(TOPICS):
        (pages / f"pump{n}.md").write_text(
            f"# Pump {n}\n\n## Set the limit\n\nThe limit of pump{n} is set with `limit{n}`.\n\n"
            f"## Clean it\n\nRinse pump{n} with water{n} every week.\n"
        )
    assert run_cli(cli, ["ingest", str(pages)]) == 0
    return tmp_path / "home"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {
            "id": f"q{n}",
            "category": CATEGORIES[n % 3],
            "question": f"What is the limit of pump{n} set with?",
            "gold": [f"pump{n}.md#set-the-limit"],
            "reference": f"limit{n}",
            "must_contain": [f"limit{n}"],
        }
        for n in range(TOPICS)
    ]
    rows.append(
        {
            "id": "then",
            "category": "follow-up",
            "question": "And with what is it rinsed?",
            "history": [{"role": "user", "content": "What is the limit of pump3 set with?"}],
            "gold": ["pump3.md#clean-it"],
            "reference": "water3",
        }
    )
    path = tmp_path / "set.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    got = run_cli(cli, ["eval", *arguments, "--json"])
    out, err = capsys.readouterr()
    assert got == code, err
    return orjson.loads(out)


def test_a_run_is_scored_charged_reported_and_repeatable(
    home: Path, questions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = evaluate(capsys, "run", "--set", str(questions))
    assert first["metrics"]["passed"]["mean"] >= 6 / 7
    assert first["metrics"]["citations_hold"]["mean"] == 1.0
    assert first["metrics"]["source_in_index"]["mean"] == 1.0
    page = Path(first["report"]).read_text()
    assert first["run"]["id"] in page
    # The same seed, set and release: the same scores and intervals.
    second = evaluate(capsys, "run", "--set", str(questions), "--suite", "nightly")
    assert second["against"] == first["run"]["id"]
    plain = {
        name: {key: value for key, value in one.items() if key != "change"}
        for name, one in second["metrics"].items()
    }
    before = {
        name: {key: value for key, value in one.items() if key != "change"}
        for name, one in first["metrics"].items()
    }
    assert plain == before
    # Every question is charged, under a kind of its own, and none is kept as if somebody had asked it.
    capsys.readouterr()
    assert run_cli(cli, ["cost", "report", "--by", "kind", "--json"]) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert [row["kind"] for row in report["rows"]] == ["evaluation"]
    follow_up = RunFolder(home / "evals" / first["run"]["id"]).rows()[-1]
    assert "pump3" in follow_up.searched


def test_a_run_that_was_cut_off_goes_on(
    home: Path, questions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = evaluate(capsys, "run", "--set", str(questions))["run"]["id"]
    folder = RunFolder(home / "evals" / whole)
    rows = folder.path / "rows.jsonl"
    lines = rows.read_bytes().splitlines(keepends=True)
    # As a kill leaves it: three rows and a piece of the fourth.
    rows.write_bytes(b"".join(lines[:3]) + lines[3][:40])
    body = orjson.loads((folder.path / "run.json").read_bytes())
    (folder.path / "run.json").write_bytes(orjson.dumps({**body, "finished_at": None}))
    with pytest.raises(Conflict, match="--resume"):
        Runs(home).finished(whole)
    evaluate(capsys, "run", "--set", str(questions), "--resume", whole)
    again = folder.rows()
    assert [row.id for row in again] == [Row.from_json(line).id for line in lines]
    assert [row.scores for row in again] == [Row.from_json(line).scores for line in lines]
    assert again[0].answer_id == Row.from_json(lines[0]).answer_id
    assert again[4].answer_id != Row.from_json(lines[4]).answer_id


def test_a_run_does_not_go_on_with_another_release(
    home: Path,
    questions: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = evaluate(capsys, "run", "--set", str(questions))["run"]["id"]
    path = home / "evals" / whole / "run.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "finished_at": None}))
    monkeypatch.setenv("GROUNDWORK_RETRIEVAL__PASSAGES", "3")
    assert run_cli(cli, ["eval", "run", "--set", str(questions), "--resume", whole]) == 1
    assert "start a new run" in capsys.readouterr().err


def test_a_broken_index_is_refused_by_the_gate(
    home: Path,
    questions: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = evaluate(capsys, "run", "--set", str(questions))["run"]["id"]
    for n in range(3):
        (tmp_path / "pages" / f"pump{n}.md").write_text(
            f"# Pump {n}\n\nThis page is being moved.\n"
        )
    assert run_cli(cli, ["ingest", str(tmp_path / "pages")]) == 0
    bad = evaluate(capsys, "run", "--set", str(questions))["run"]["id"]
    rules = tmp_path / "gate.yaml"
    rules.write_text(
        "draws: 2000\nseed: 1\nreleases: {assistant: {passed: {alpha: 0.05, margin: 0.01}, "
        "source_in_index: {floor: 0.9}}}\n"
    )
    gate = ["--gate", "--gate-file", str(rules)]
    capsys.readouterr()
    assert run_cli(cli, ["eval", "compare", good, bad, *gate, "--json"]) == 3
    said = orjson.loads(capsys.readouterr().out)
    assert [reason.split()[0] for reason in said["reasons"]] == ["passed", "source_in_index"]
    assert {one["example"] for one in said["deltas"]} == {"q0", "q1", "q2"}
    assert run_cli(cli, ["eval", "compare", bad, good, *gate]) == 0
    assert run_cli(cli, ["eval", "compare", good, bad, "--gate-file", str(rules)]) == 0


def test_commands_name_what_is_not_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(cli, ["eval", "report"]) == 1
    assert "groundwork eval run" in capsys.readouterr().err
    assert run_cli(cli, ["eval", "compare", "nothing", "latest"]) == 1
    assert run_cli(cli, ["eval", "run", "--suite", "weekly"]) == 2
    assert evaluate(capsys, "list") == []
    with pytest.raises(NotFound):
        Runs(home).open("../../etc")


def test_the_report_escapes_what_pages_and_answers_say(tmp_path: Path) -> None:
    evil = "</pre><script>alert(1)</script>"
    folder = RunFolder(tmp_path / "run")
    folder.begin(Run("r1", evil, "d", 1, evil, "v", "rel", 11, "2026-11-25T00:00:00Z"))
    row = Row("q1", "lookup", "a.md", evil, "answered", evil, answer=evil, scores={"passed": 0.0})
    folder.append(row)
    folder.finish("2026-11-25T00:01:00Z")
    summary = summarise(folder)
    gate = judge(Measured.of_rows("r1", [row]), None, GateSettings.read())
    page = to_html(summary, gate)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http" not in re.sub(r"http-equiv", "", page)
    # In Markdown such text stands in indented blocks.
    for line in to_markdown(summary).splitlines():
        assert evil not in line or line.startswith(("    ", "Suite", "Outcome"))


def test_percentiles_are_values_that_occurred() -> None:
    assert (spread([5, 1, 4, 2, 3]).p50, spread(list(range(1, 101))).p95) == (3, 95)
    assert spread([]).total == 0
