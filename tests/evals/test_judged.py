"""The judge: what it is asked, what it costs, and what happens where it fails. No model is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from groundwork.cli import cli
from groundwork.core.answers import Usage
from groundwork.core.errors import ConfigurationError, EngineDown
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.prices import PriceBook
from groundwork.core.registry.gate import GateSettings, Measured, Rule, judge
from groundwork.core.settings import JudgeSettings, Settings
from groundwork.evals.golden import Example
from groundwork.evals.metrics.judged import NAMES, Judge
from groundwork.evals.rows import Found, Row
from groundwork.serving.engine.base import ChatRequest, Completion
from groundwork.serving.engine.local import ScriptedEngine
from tests.evals.judge_server import Serving

EXAMPLE = Example("x", "lookup", "Which port?", gold=("a.md#port",), reference="The port is 8080.")
ROW = Row(
    "x", "lookup", "a.md", "Which port?", "answered", answer="The port is 8080.",
    retrieved=(Found("a.md#port", 1.0, "The port is `8080`."), Found("a.md#host", 0.5, "The host is local.")),
    scores={"passed": 1.0},
)  # fmt: skip


class JudgeDouble(ScriptedEngine):
    """Agrees with everything: one statement for each text, each borne out. Fails at the calls named."""

    def __init__(self, fails: Sequence[int] = (), reply: str | None = None) -> None:
        super().__init__("judge", model="judge-1")
        self.asked: list[ChatRequest] = []
        self._fails = frozenset(fails)
        self._reply = reply

    async def complete(self, request: ChatRequest) -> Completion:
        self.asked.append(request)
        if len(self.asked) - 1 in self._fails:
            raise EngineDown("the judge is down", usage=Usage(7, 0))
        assert request.schema is not None
        text = orjson.dumps(self._value(request.schema, request.schema)).decode()
        return Completion(self._reply or text, Usage(100, 10), "stop", self.model)

    def _value(self, schema: Any, root: Any) -> Any:
        if "$ref" in schema:
            return self._value(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
        if schema["type"] == "object":
            return {
                name: 0 if name == "noncommittal" else self._value(one, root)
                for name, one in schema["properties"].items()
            }
        if schema["type"] == "array":
            return [self._value(schema["items"], root)]
        return {"integer": 1, "string": "The port is 8080."}[schema["type"]]


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.full((len(texts), 4), 0.5, dtype=np.float32)


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    book = PriceBook("test", {("judge-1", "input_tokens"): 3, ("judge-1", "output_tokens"): 5})
    opened = Accounts.open(Settings(home=tmp_path), book)
    opened.start()
    yield opened
    opened.close()


def judged(
    accounts: Accounts, double: JudgeDouble, row: Row = ROW, **settings: Any
) -> tuple[Row, Judge]:
    one = Judge(double, JudgeSettings(**settings), accounts, embed)
    return asyncio.run(one.judged(EXAMPLE, row)), one


def test_all_judged_metrics_are_scored_and_charged(accounts: Accounts) -> None:
    double = JudgeDouble()
    row, one = judged(accounts, double)
    assert {name: row.scores[name] for name in NAMES} == {
        "judged_faithfulness": 1.0,
        "judged_answer_relevancy": 1.0,
        "judged_context_recall": 1.0,
        "judged_factual_correctness": 1.0,
        "judged_noise_sensitivity": 0.0,
    }
    assert row.scores["passed"] == 1.0
    assert (row.judge_calls, row.judge_failed) == (len(double.asked), 0)
    assert row.judge_picodollars == row.judge_calls * (100 * 3 + 10 * 5) == one.spent
    assert all(request.schema and request.temperature == 0.0 for request in double.asked)
    assert one.verdict([row]) == ""
    accounts.close()


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, outcome="abstained", answer="I could not find it."),
        replace(ROW, outcome="failed", answer=""),
        replace(ROW, outcome="blocked", answer=""),
    ],
)
def test_an_empty_answer_costs_no_call(accounts: Accounts, row: Row) -> None:
    double = JudgeDouble()
    scored, _ = judged(accounts, double, row)
    assert double.asked == []
    assert {scored.scores[name] for name in NAMES} == {None}


def test_a_failed_call_is_counted_charged_and_never_a_score(accounts: Accounts) -> None:
    row, one = judged(accounts, JudgeDouble(fails=[0]))
    assert row.judge_failed == 1
    assert sum(row.scores[name] is None for name in NAMES) == 1
    assert row.judge_picodollars == (row.judge_calls - 1) * 350 + 7 * 3
    assert "judge calls failed, more than 1 %" in one.verdict([row])
    # One in a hundred is let pass.
    many = [replace(row, judge_calls=99 + 1, judge_failed=1)]
    assert one.verdict(many) == ""


def test_a_reply_that_cannot_be_read_is_a_failed_call(accounts: Accounts) -> None:
    row, one = judged(accounts, JudgeDouble(reply="I would say 7 of 10."))
    assert row.judge_failed == row.judge_calls > 0
    assert {row.scores[name] for name in NAMES} == {None}
    assert one.verdict([row])


def test_the_budget_ends_the_calls(accounts: Accounts) -> None:
    double = JudgeDouble()
    # Three calls of 350 picodollars.
    row, one = judged(accounts, double, budget=Decimal("0.00000000105"))
    assert len(double.asked) < row.judge_calls
    assert row.judge_failed > 0
    assert one.verdict([row])


def test_a_budget_needs_a_price(tmp_path: Path) -> None:
    opened = Accounts.open(Settings(home=tmp_path), PriceBook("empty", {}))
    with pytest.raises(ConfigurationError):
        Judge(JudgeDouble(), JudgeSettings(budget=Decimal(1)), opened, embed)
    opened.close()


def test_an_invalid_run_is_refused_by_the_gate() -> None:
    measured = Measured.of_rows("r", [ROW], "2 of 10 judge calls failed, more than 1 %")
    verdict = judge(measured, None, GateSettings((Rule("passed", floor=0.5),)))
    assert verdict.reasons == (
        "the measurement of r is invalid: 2 of 10 judge calls failed, more than 1 %",
    )


def test_a_run_with_a_judge_over_http(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.md").write_text("# Pump\n\n## Port\n\nThe port of the pump is `8080`.\n")
    (tmp_path / "set.jsonl").write_bytes(
        orjson.dumps(
            {
                "id": "q", "category": "lookup", "question": "What is the port of the pump?",
                "gold": ["a.md#port"], "reference": "8080",
            }
        )
    )  # fmt: skip
    with Serving() as serving:
        environment = {
            "GROUNDWORK_HOME": str(tmp_path / "home"),
            "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
            "GROUNDWORK_RETRIEVAL__THRESHOLD": "0",
            "GROUNDWORK_REGISTRY__REGISTER_LIVE": "false",
            "GROUNDWORK_JUDGE__URL": serving.url,
        }
        runner = CliRunner(env=environment)
        assert runner.invoke(cli, ["ingest", str(pages)]).exit_code == 0
        ran = runner.invoke(
            cli,
            ["eval", "run", "--suite", "nightly", "--set", str(tmp_path / "set.jsonl"), "--json"],
        )
        assert ran.exit_code == 0, ran.output
        report = orjson.loads(ran.stdout)
        assert report["judge"]["calls"] == serving.double.requests > 0
    # The double's plainest reply has no statement, of which noise sensitivity makes nothing: counted, not dropped.
    assert report["judge"]["failed"] == 1
    assert report["run"]["invalid"]
    assert "judged_noise_sensitivity" not in report["metrics"]
    assert report["run"]["judge"].startswith("judge-1@")
    assert report["run"]["judge"].endswith("ragas-0.4.3")
    assert "judged_answer_relevancy" in report["metrics"]
    # Whoever trusts the nightly run is told, and MLflow keeps it all the same.
    assert report["gate"]["reasons"] == [
        f"the measurement of {report['run']['id']} is invalid: {report['run']['invalid']}"
    ]
    assert report["mlflow_run"]
