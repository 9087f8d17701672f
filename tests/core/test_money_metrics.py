"""Metrics of money, OpenTelemetry's names, and the dashboard that reads the metrics."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from groundwork.core.answers import Usage
from groundwork.core.metering.postings import Line, Posting, Request
from groundwork.core.metering.standing import Standing
from groundwork.core.monitoring.genai import OLDER, Operation, span_attributes, usage_measurements
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.monitoring.money import MAX_BUDGETS, MAX_TEAMS
from groundwork.core.settings import semconv_opt_in

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "costs.json"
REQUEST = Request("ans-1", 0, "answered", team="search", cache_saved_picodollars=2 * 10**12)
STANDING = Standing(1, "team", "search", "month", 10 * 10**12, "USD", 80, 4 * 10**12, 10**12, 0)


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def line(picodollars: int, kind: str = "usage") -> Line:
    return Line("generate", "output_tokens", "m", 1, picodollars, kind=kind)


def test_what_is_posted_is_counted_by_team_and_kind() -> None:
    metrics = Metrics()
    lines = (line(3 * 10**12), line(10**12, "evaluation"), line(-(10**12), "correction"))
    metrics.money.posted(Posting(REQUEST, lines))
    metrics.money.posted(Posting(replace(REQUEST, team=""), (line(10**12),)))
    spend = samples(metrics, "groundwork_spend_total")
    assert spend == {
        ("USD", "usage", "search"): 3.0,
        ("USD", "evaluation", "search"): 1.0,
        ("USD", "usage", "none"): 1.0,
    }
    assert samples(metrics, "groundwork_cache_saved_total") == {
        ("USD", "search"): 2.0,
        ("USD", "none"): 2.0,
    }


def test_teams_and_budgets_are_bounded() -> None:
    metrics = Metrics()
    for n in range(MAX_TEAMS + 5):
        metrics.money.posted(Posting(replace(REQUEST, team=f"team-{n}"), (line(10**12),)))
    spend = samples(metrics, "groundwork_spend_total")
    assert len(spend) == MAX_TEAMS + 1
    assert spend["USD", "usage", "other"] == 5.0
    metrics.money.budgets(
        replace(STANDING, budget_id=n, subject=f"team-{n}") for n in range(MAX_BUDGETS + 5)
    )
    assert len(samples(metrics, "groundwork_budget_limit")) == MAX_BUDGETS


def test_budgets_show_what_is_left_and_disappear_with_their_rows() -> None:
    metrics = Metrics()
    metrics.money.budgets([STANDING])
    where = ("USD", "month", "team", "search")
    assert samples(metrics, "groundwork_budget_limit") == {where: 10.0}
    assert samples(metrics, "groundwork_budget_spent") == {where: 4.0}
    assert samples(metrics, "groundwork_budget_remaining") == {where: 5.0}
    metrics.money.budgets([])
    assert samples(metrics, "groundwork_budget_limit") == {}


USAGE = Usage(prompt_tokens=100, completion_tokens=30, cached_tokens=40, reasoning_tokens=10)
OPERATION = Operation("llama", answered_by="llama-3.3")


def test_opentelemetry_counters_include_their_parts() -> None:
    found = {each.name: each.value for each in usage_measurements(USAGE, OPERATION)}
    assert found == {
        "gen_ai.client.inference.usage.input_tokens": 100,
        "gen_ai.client.inference.usage.output_tokens": 30,
        "gen_ai.client.inference.usage.cache_read.input_tokens": 40,
        "gen_ai.client.inference.usage.reasoning.output_tokens": 10,
    }
    for each in usage_measurements(USAGE, OPERATION):
        assert each.instrument == "counter"
        assert each.attributes == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "vllm",
            "gen_ai.request.model": "llama",
            "gen_ai.response.model": "llama-3.3",
            "gen_ai.token.modality": "text",
        }


def test_the_older_histogram_is_opted_into() -> None:
    assert len(usage_measurements(USAGE, OPERATION, frozenset({"http/dup"}))) == 4
    older = usage_measurements(USAGE, OPERATION, frozenset({OLDER}))[4:]
    assert [(each.name, each.instrument, each.value, each.attributes["gen_ai.token.type"]) for each in older] == [
        ("gen_ai.client.token.usage", "histogram", 100, "input"),
        ("gen_ai.client.token.usage", "histogram", 30, "output"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "listed"),
    [("", set()), ("gen_ai/dup", {"gen_ai/dup"}), (" http , gen_ai/dup,", {"http", "gen_ai/dup"})],
)
def test_the_opt_in_variable(monkeypatch: pytest.MonkeyPatch, value: str, listed: set[str]) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", value)
    assert semconv_opt_in() == listed


def test_spans_say_how_many_tokens_and_no_text() -> None:
    found = span_attributes(Usage(prompt_tokens=5, completion_tokens=2), OPERATION)
    assert found == {
        **OPERATION.attributes(),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 2,
    }


def queries() -> list[str]:
    board: Any = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return asked + [
        each["query"] for each in board["templating"]["list"] if each["type"] == "query"
    ]


def exposed() -> dict[str, set[str]]:
    """Every series of a service that did something, with its labels."""
    metrics = Metrics()
    metrics.money.posted(Posting(REQUEST, (line(10**12),)))
    metrics.money.budgets([STANDING])
    metrics.outcome("docs", "answered")
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        counter = family.type == "counter"
        found[family.name + ("_total" if counter else "")] = set()
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize("query", queries())
def test_every_query_of_the_dashboard_names_a_metric_that_exists(query: str) -> None:
    known = exposed()
    named = re.findall(r"groundwork_\w+", query)
    assert named
    assert set(named) <= known.keys()
    for name, matchers in re.findall(r"(groundwork_\w+)\{([^}]*)\}", query):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert labels <= known[name], query


def test_the_dashboard_fits_its_grid() -> None:
    board: Any = json.loads(DASHBOARD.read_text())
    places = [panel["gridPos"] for panel in board["panels"]]
    assert len({panel["id"] for panel in board["panels"]}) == len(places)
    taken: set[tuple[int, int]] = set()
    for place in places:
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
