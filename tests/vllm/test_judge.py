"""A judge behind a real vLLM: what a model of random weights thinks is noise, how its replies are counted is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from groundwork.cli import cli
from groundwork.evals.metrics.judged import NAMES
from groundwork.evals.store import RunFolder
from tests.vllm.groundwork_service import write_handbook
from tests.vllm.server import MODEL, VllmServer

pytestmark = pytest.mark.vllm
QUESTIONS = 2


@pytest.fixture(scope="module")
def judged(server: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the nightly suite says, with the server as its judge."""
    server.ensure()
    folder: Path = tmp_path_factory.mktemp("judge")
    write_handbook(folder / "handbook")
    rows = [
        {
            "id": f"limit-{n}", "category": "lookup", "question": f"How is the limit of pump {n} set?",
            "gold": [f"page{n}.md#set-the-limit"], "reference": f"With limit={n}.",
        }
        for n in range(QUESTIONS)
    ]  # fmt: skip
    path = folder / "set.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    environment = {
        "GROUNDWORK_HOME": str(folder / "state"),
        "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
        "GROUNDWORK_RETRIEVAL__THRESHOLD": "0",
        "GROUNDWORK_RETRIEVAL__PASSAGES": "2",
        "GROUNDWORK_JUDGE__URL": server.url,
        "GROUNDWORK_JUDGE__MAX_TOKENS": "400",
        "GROUNDWORK_JUDGE__RETRIES": "0",
    }
    runner = CliRunner(env=environment)
    assert runner.invoke(cli, ["ingest", str(folder / "handbook")]).exit_code == 0
    ran = runner.invoke(cli, ["eval", "run", "--suite", "nightly", "--set", str(path), "--json"])
    assert ran.exit_code == 0, ran.output
    told: dict[str, Any] = orjson.loads(ran.stdout)
    told["folder"] = folder / "state" / "evals" / told["run"]["id"]
    costs = runner.invoke(cli, ["cost", "report", "--by", "stage", "--json"])
    told["stages"] = {row["stage"]: row for row in orjson.loads(costs.stdout)["rows"]}
    return told


def test_every_call_is_counted_and_none_is_taken_for_an_opinion(judged: dict[str, Any]) -> None:
    calls, failed = judged["judge"]["calls"], judged["judge"]["failed"]
    assert calls >= len(NAMES) * QUESTIONS
    # Noise is held to the schema, so that some of it parses; what does not end within its tokens does not.
    assert 0 < failed < calls
    assert f"{failed} of {calls} judge calls failed" in judged["run"]["invalid"]
    rows = RunFolder(judged["folder"]).rows()
    assert sum(row.judge_calls for row in rows) == calls
    for row in rows:
        for name in NAMES:
            score = row.scores[name]
            assert score is None or 0.0 <= score <= 1.0


def test_an_invalid_run_is_refused_by_the_gate(judged: dict[str, Any]) -> None:
    assert judged["gate"]["passed"] is False
    assert "is invalid" in judged["gate"]["reasons"][0]
    assert judged["run"]["judge"].startswith(f"{MODEL}@")


def test_what_the_server_counted_is_charged(judged: dict[str, Any]) -> None:
    # Nobody has priced the model; its tokens are in the ledger.
    assert judged["stages"]["judge"]["charges"] >= 2 * QUESTIONS
