"""A run, or a verdict of the gate, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from groundwork.core.money import format_dollars
from groundwork.core.registry.gate import Verdict
from groundwork.core.registry.stats import Interval
from groundwork.evals.report.summary import METRICS, Summary
from groundwork.evals.rows import Row

_SHOWN_DELTAS = 30


def to_markdown(summary: Summary) -> str:
    """Scores, categories, cost and the worst questions."""
    run = summary.run
    lines = [
        f"# Evaluation {run.id}",
        "",
        (
            f"Suite {run.suite}: {len(summary.rows)} questions of the set {run.set_digest} asked of the index {run.index} at "
            f"{run.index_version}, release {run.release}, seed {run.seed}. Intervals are 95 %, bootstrapped by source."
        ),
        "",
    ]
    if run.invalid:
        lines += [f"The run is invalid: {run.invalid}.", ""]
    if run.judge:
        lines += [f"Judge {run.judge}: {summary.judge}.", ""]
    if summary.former is not None:
        lines += [f"Changes are against {summary.former.id}, release {summary.former.release}.", ""]
    lines += ["| metric | % | n | change in points | meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.metric} | {percent(one.now)} | {one.now.n} | {points(one.change)} | {METRICS[one.metric]} |"
        for one in summary.lines
    ]
    lines += ["", "| category | questions | right, % |", "|---|---|---|"]
    lines += [f"| {name} | {count} | {percent(one)} |" for name, count, one in summary.categories]
    latency, cost = summary.latency_ms, summary.picodollars
    lines += [
        "",
        (
            f"Time of an answer: {latency.p50:.0f} ms at the median, {latency.p95:.0f} ms at the 95th percentile. "
            f"Cost: {format_dollars(round(cost.total))} US dollars, {format_dollars(round(cost.p50))} for the median answer. "
            f"Failed: {summary.failed}."
        ),
        "",
        "## Worst questions",
        "",
    ]
    for row in summary.worst:
        lines += _question(row)
    return "\n".join(lines) + "\n"


def verdict_markdown(verdict: Verdict) -> str:
    """The gate's word, its reasons, the figures and the examples that changed."""
    said = "passed" if verdict.passed else "refused"
    against = f" against {verdict.champion}" if verdict.champion else ""
    lines = [f"# Gate: {said}", "", f"Candidate {verdict.candidate}{against}.", ""]
    lines += [f"- {reason}" for reason in verdict.reasons]
    if verdict.metrics:
        lines += [
            "",
            "| metric | candidate | champion | difference in points | floor |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {one.rule.metric} | {_share(one.candidate)} | {_share(one.champion)} | {points(one.difference)} "
            f"| {_share(one.rule.floor)} |"
            for one in verdict.metrics
        ]
    if verdict.deltas:
        shown = verdict.deltas[:_SHOWN_DELTAS]
        lines += [
            "",
            f"{len(verdict.deltas)} scores of single examples changed; the worst first:",
            "",
        ]
        lines += ["| example | metric | champion | candidate |", "|---|---|---|---|"]
        lines += [f"| {name} | {metric} | {a:.2f} | {b:.2f} |" for name, metric, a, b in shown]
    return "\n".join(lines) + "\n"


def percent(one: Interval) -> str:
    """`83.3 (78.0–88.1)`."""
    return f"{100 * one.mean:.1f} ({100 * one.low:.1f}–{100 * one.high:.1f})"


def points(one: Interval | None) -> str:
    """`-1.5 (-4.0 to +0.5)`, `–` for none."""
    if one is None:
        return "–"
    return f"{100 * one.mean:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _question(row: Row) -> Iterable[str]:
    """Text of pages and answers goes into code blocks, where nothing of it is markup."""
    yield f"### {row.id}"
    yield ""
    yield f"    {_line(row.question)}"
    yield ""
    why = f" ({row.reason})" if row.reason else ""
    yield f"Outcome {row.outcome}{why}, confidence {row.confidence:.2f}. Retrieved:"
    yield ""
    yield from (f"    {found.score:.2f} {_line(found.place)}" for found in row.retrieved[:5])
    yield ""
    yield f"    {_line(row.answer)[:300]}"
    yield ""


def _line(text: str) -> str:
    return " ".join(text.split())
