"""A run as one HTML page that needs nothing else: no script, no font, no request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from html import escape

from groundwork.core.money import format_dollars
from groundwork.core.registry.gate import Verdict
from groundwork.core.registry.stats import Interval
from groundwork.evals.report import plots
from groundwork.evals.report.markdown import percent, points
from groundwork.evals.report.summary import METRICS, Line, Summary
from groundwork.evals.rows import Row

# Shown from run to run.
TRENDS = ("passed", "context_recall", "abstained", "attacks_stopped", "support")
_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1d2327, #e6e8ea); --soft: light-dark(#5b6570, #9aa4ad);
  --line: light-dark(#d9dee2, #3a4147); --mark: light-dark(#0b6b60, #55c2b3); --bad: light-dark(#a3341f, #f08a73);
  --page: light-dark(#ffffff, #16191c); }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 62rem;
  margin: 0 auto; padding: 1.5rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
.wide { overflow-x: auto; } td:not(:last-child) { white-space: nowrap; } .soft { color: var(--soft); }
.bad { color: var(--bad); } svg { width: 100%; max-width: 44rem; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
.name { text-anchor: end; } .tick { text-anchor: middle; } svg .tick { fill: var(--soft); }
.grid { stroke: var(--line); } .bar { stroke: var(--mark); stroke-width: 2; } .dot { fill: var(--mark); }
.curve { stroke: var(--mark); stroke-width: 2; fill: none; } .band { fill: var(--mark); opacity: .15; }
.former { fill: none; stroke: var(--soft); stroke-width: 2; }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
"""


def to_html(summary: Summary, verdict: Verdict | None = None) -> str:
    """The whole page. All that comes from pages, questions and answers is escaped."""
    run = summary.run
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Evaluation {escape(run.id)}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>Evaluation {escape(run.id)}</h1>",
        *_about(summary),
        *_gate(verdict),
        "<h2>Scores</h2>",
        scores_plot(summary),
        *_scores(summary),
        "<h2>By category</h2>",
        categories_plot(summary),
        *_table(
            ("Category", "Questions", "Right, %"),
            [(name, str(count), percent(one)) for name, count, one in summary.categories],
        ),
        *_history(summary),
        "<h2>Time and cost</h2>",
        *_cost(summary),
        f"<h2>Worst questions ({len(summary.worst)})</h2>",
        *(_question(row) for row in summary.worst),
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def scores_plot(summary: Summary) -> str:
    """All metrics with their intervals, and the former run's means."""
    return plots.intervals([_plotted(one) for one in summary.lines], "Scores in per cent")


def categories_plot(summary: Summary) -> str:
    """Right questions by category."""
    return plots.intervals(
        [(f"{name} ({count})", one, None) for name, count, one in summary.categories],
        "Right questions by category in per cent",
    )


def trend_plots(summary: Summary) -> dict[str, str]:
    """How the metrics that a gate looks at went, by metric; nothing without an earlier run."""
    now = {one.metric: one.now for one in summary.lines}
    found = {}
    for metric in TRENDS:
        points = [(one.run.id, one.means[metric]) for one in summary.history if metric in one.means]
        if points and metric in now:
            points.append((summary.run.id, now[metric]))
            found[metric] = plots.trend(metric, points, f"{metric} over {len(points)} runs")
    return found


def _history(summary: Summary) -> Iterable[str]:
    trends = trend_plots(summary)
    if trends:
        yield f"<h2>Over the last {len(summary.history) + 1} runs</h2>"
        yield from trends.values()


def _about(summary: Summary) -> Iterable[str]:
    run = summary.run
    facts = [
        ("Suite", run.suite),
        ("Questions", f"{len(summary.rows)} of the set {run.set_digest}"),
        ("Index", f"{run.index} at {run.index_version}"),
        ("Release", run.release),
        ("Began", run.started_at),
        ("Seed", str(run.seed)),
    ]
    if run.judge:
        facts.append(("Judge", f"{run.judge}: {summary.judge}"))
    if run.invalid:
        yield f"<p class='bad'>The run is invalid: {escape(run.invalid)}.</p>"
    if summary.former is not None:
        facts.append(("Against", f"{summary.former.id}, release {summary.former.release}"))
    yield "<p class='soft'>Intervals are 95 %, bootstrapped by source. A hollow dot is the former run.</p>"
    yield from _table(("", ""), facts)


def _gate(verdict: Verdict | None) -> Iterable[str]:
    if verdict is None:
        return
    said = "passed" if verdict.passed else "refused"
    yield f"<h2>Gate: {said}</h2>"
    if verdict.reasons:
        yield "<ul class='bad'>"
        yield from (f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
        yield "</ul>"
    if verdict.deltas:
        yield from _table(
            ("Example", "Metric", "Champion", "Candidate"),
            [(name, metric, f"{a:.2f}", f"{b:.2f}") for name, metric, a, b in verdict.deltas],
        )


def _plotted(line: Line) -> tuple[str, Interval, Interval | None]:
    change = line.change
    former = None if change is None else replace(line.now, mean=line.now.mean - change.mean)
    return line.metric, line.now, former


def _scores(summary: Summary) -> Iterable[str]:
    return _table(
        ("Metric", "%", "n", "Change in points", "Meaning"),
        [
            (one.metric, percent(one.now), str(one.now.n), points(one.change), METRICS[one.metric])
            for one in summary.lines
        ],
    )


def _cost(summary: Summary) -> Iterable[str]:
    latency, cost = summary.latency_ms, summary.picodollars
    return _table(
        ("", "Median answer", "95th percentile", "All"),
        [
            ("Milliseconds", f"{latency.p50:.0f}", f"{latency.p95:.0f}", f"{latency.total:.0f}"),
            (
                "US dollars",
                *(format_dollars(round(one)) for one in (cost.p50, cost.p95, cost.total)),
            ),
            ("Failed", "", "", str(summary.failed)),
        ],
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    yield "<div class='wide'><table>"
    if any(head):
        cells = "".join(f"<th scope='col'>{escape(one)}</th>" for one in head)
        yield f"<thead><tr>{cells}</tr></thead>"
    yield "<tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>"
    yield "</tbody></table></div>"


def _question(row: Row) -> str:
    retrieved = "\n".join(
        f"{found.score:.3f}  {found.place}\n       {' '.join(found.text.split())[:200]}"
        for found in row.retrieved
    )
    scores = ", ".join(
        f"{name} {value:.2f}" for name, value in row.scores.items() if value is not None
    )
    why = f" ({row.reason})" if row.reason else ""
    return (
        f"<details><summary>{escape(row.id)}: {escape(row.question)}</summary>"
        f"<p>{escape(row.outcome + why)}, confidence {row.confidence:.2f}. {escape(scores)}</p>"
        f"<p class='soft'>Answer</p><pre>{escape(row.answer)}</pre>"
        f"<p class='soft'>Retrieved</p><pre>{escape(retrieved)}</pre></details>"
    )
