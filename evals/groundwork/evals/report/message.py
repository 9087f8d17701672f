"""A run in a few lines, for a channel."""

from __future__ import annotations

from groundwork.core.money import format_dollars
from groundwork.core.registry.gate import Verdict
from groundwork.evals.report.markdown import percent, points
from groundwork.evals.report.summary import Line, Summary

_SHOWN = ("passed", "abstained", "attacks_stopped", "context_recall")
_WORST = 3


def to_message(summary: Summary, verdict: Verdict | None = None) -> str:
    """Slack's mrkdwn without links; nothing of questions and answers is in it, whose text could be markup."""
    run = summary.run
    lines = [
        f"*Evaluation* `{run.id}` of `{run.index}@{run.index_version}`, release `{run.release}`"
    ]
    if run.invalid:
        lines.append(f":warning: The run is invalid: {run.invalid}.")
    lines += [_line(one) for one in summary.lines if one.metric in _SHOWN]
    if verdict is not None:
        lines.append("Gate: passed." if verdict.passed else ":no_entry: Gate: refused.")
        lines += [f"• {reason}" for reason in verdict.reasons]
    cost = format_dollars(round(summary.picodollars.total) + summary.judge.picodollars)
    lines.append(
        f"{len(summary.rows)} questions, {summary.failed} failed, {cost} US dollars; "
        f"`groundwork eval report {run.id}`"
    )
    if summary.worst:
        worst = ", ".join(f"`{row.id}`" for row in summary.worst[:_WORST])
        lines.append(f"Worst: {worst}")
    return "\n".join(lines)


def _line(one: Line) -> str:
    change = f", change {points(one.change)} points" if one.change is not None else ""
    return f"• {one.metric}: {percent(one.now)} %{change}"
