"""groundwork monitor: what is healthy, what drifts, what a person should do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, index_option, json_option

if TYPE_CHECKING:
    from groundwork.core.monitoring.drift.report import DriftReport
    from groundwork.core.monitoring.tracing.spans import Spans
    from groundwork.serving.gaps import GapReport

_MARKS = {"ok": "ok  ", "look": "look", "act": "ACT "}
_WIDTH = 40


@click.group()
def monitor() -> None:
    """What is healthy, what drifts, what a person should do; traces, gaps in the documentation, retraining."""


@monitor.command()
@click.option("--look", is_flag=True, help="Look for drift now, not only say what was found last.")
@json_option
def status(*, look: bool, as_json: bool) -> None:
    """One screen: answers, drift, retrainings and the index, the worst first."""
    from groundwork.cli.monitoring import as_dicts, status_rows

    rows = status_rows(load(), look=look)
    if as_json:
        echo_json(as_dicts(rows))
        return
    for row in rows:
        click.echo(f"{_MARKS[row.level]}  {row.what}: {row.says}")
        if row.todo:
            click.echo(f"      {row.todo}")
    todo = sum(row.level == "act" for row in rows)
    click.echo(f"{todo} to act on." if todo else "Nothing to do.")


@monitor.command()
@click.argument("name", metavar="[MONITOR]", required=False)
@click.option(
    "--html", "file", type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report with the distributions of MONITOR, by Evidently.",
)  # fmt: skip
@click.option("--begin", "reason", metavar="REASON", help="Begin the reference of MONITOR anew.")
@json_option
def drift(name: str | None, file: Path | None, reason: str | None, *, as_json: bool) -> None:
    """Look for drift, with every monitor or with one such as assistant/docs."""
    from groundwork.cli.monitoring import opened_monitors
    from groundwork.core.errors import InvalidInput

    if (file or reason) and not name:
        raise InvalidInput("name the monitor, such as assistant/docs", field="monitor")
    with opened_monitors(load()) as monitors:
        chosen = [monitors.of(name)] if name else monitors.known()
        if reason:
            chosen[0].begin(reason)
        reports = [each.look() for each in chosen]
        if file is not None:
            from groundwork.core.monitoring.drift.html import write_report

            write_report(chosen[0], file)
    if as_json:
        echo_json([report.to_dict() for report in reports])
        return
    for report in reports:
        _print_report(report)
    if file is not None:
        click.echo(f"written: {file}")
    if not reports:
        click.echo("nothing has been observed yet")


@monitor.command()
@click.argument("trace_id", metavar="TRACE_ID")
@json_option
def trace(trace_id: str, *, as_json: bool) -> None:
    """Open a trace by the trace_id of an answer."""
    from groundwork.cli.monitoring import opened_traces

    with opened_traces(load()) as store:
        found = store.get(trace_id)
    if as_json:
        echo_json([spans.to_dict() for spans in found])
        return
    for spans in found:
        _print_trace(spans)


@monitor.command()
@click.option("--failed", is_flag=True, help="Only those with an error.")
@click.option("-n", "most", type=click.IntRange(1, 1000), default=20, show_default=True,
              help="So many, newest first.")  # fmt: skip
@click.option("--to-mlflow", is_flag=True, help="Copy those that are new to the registry's MLflow.")
@json_option
def traces(*, failed: bool, most: int, to_mlflow: bool, as_json: bool) -> None:
    """List the newest traces, or copy them to MLflow's trace store."""
    from groundwork.cli.monitoring import opened_traces

    settings = load()
    with opened_traces(settings) as store:
        if to_mlflow:
            from groundwork.core.monitoring.tracing.mlflow_copy import copy_traces

            copied = copy_traces(settings, store)
            click.echo(f"{copied:,} traces copied to MLflow")
            return
        lines = store.newest(most, failed=failed)
    if as_json:
        echo_json(lines)
        return
    for line in lines:
        error = f"  {line['error']}" if line["error"] else ""
        click.echo(f"{line['trace_id']}  {line['milliseconds']:>7,} ms  {line['name']}{error}")


@monitor.command()
@index_option
@click.option("--days", type=click.FloatRange(0.01, 366), default=7.0, show_default=True,
              help="Questions of so many days.")  # fmt: skip
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the report as a page.")  # fmt: skip
@json_option
def gaps(index: str | None, days: float, file: Path | None, *, as_json: bool) -> None:
    """Questions that found nothing or were judged wrong, grouped, with the pages that should have answered."""
    from groundwork.cli.compose import open_services
    from groundwork.serving.gaps import gaps_of

    settings = load()
    name = index or settings.index.default
    with open_services(settings) as services:
        report = gaps_of(services.store, services.assistant.retriever, name, days)
    if file is not None:
        from groundwork.serving.api.gaps import gaps_page

        file.write_text(gaps_page(report), encoding="utf-8")
    if as_json:
        echo_json(report.to_dict())
    else:
        _print_gaps(report)


@monitor.command()
@click.argument("line", metavar="[LINE]", required=False)
@click.option("--reason", help="Ask for a retraining of LINE, such as recommender/films.")
@json_option
def retrain(line: str | None, reason: str | None, *, as_json: bool) -> None:
    """Ask for a retraining, or list those that were; `groundwork pipeline run retrain` does what waits."""
    from groundwork.cli.monitoring import opened_desk
    from groundwork.core.errors import InvalidInput
    from groundwork.core.monitoring.retraining import Trigger
    from groundwork.core.registry.base import Line

    if bool(reason) != bool(line):
        raise InvalidInput("a retraining needs both a line and a --reason", field="line")
    with opened_desk(load()) as desk:
        if line and reason:
            decision = desk.ask(Trigger(Line.parse(line), "person", reason))
            found: Any = {
                "verdict": decision.verdict,
                "run": decision.run,
                "detail": decision.detail,
            }
            if as_json:
                echo_json(found)
            else:
                click.echo(decision.detail)
            return
        runs = desk.runs()
    if as_json:
        echo_json([run.to_dict() for run in runs])
        return
    for run in runs:
        how = run.outcome or run.state
        click.echo(
            f"{run.id:>4}  {run.line}  {how}  {run.cause}: {run.reason}  (asked {run.asked:,} times)"
        )
        if run.detail:
            click.echo(f"      {run.detail}")
    if not runs:
        click.echo("nothing was retrained yet")


def _print_report(report: DriftReport) -> None:
    click.echo(f"{report.monitor}: {report.state}: {report.sentence}")
    for shift in report.shifts:
        mark = "*" if shift.drifted else " "
        click.echo(
            f"  {mark} {shift.feature:<16} p {shift.p_value:.3f}  {shift.before} -> {shift.after}"
        )


def _print_trace(spans: Spans) -> None:
    depth = {spans.root.span_id: 0}
    for span in spans.spans:
        level = depth.setdefault(span.span_id, depth.get(span.parent_id, -1) + 1)
        offset = (span.began - spans.root.began) / 1e6
        error = f"  {span.error}" if span.error else ""
        name = "  " * level + span.name
        click.echo(f"{offset:>9.1f} ms  {name:<{_WIDTH}} {span.milliseconds:>9.1f} ms{error}")
        for key, value in span.attributes.items():
            click.echo(f"{'':>14}{'  ' * level}{key} = {str(value)[:200]}")


def _print_gaps(report: GapReport) -> None:
    click.echo(
        f"{report.index}: {report.missed:,} of {report.asked:,} questions since {report.since[:10]} "
        "found nothing or were judged wrong"
    )
    for number, gap in enumerate(report.gaps, 1):
        off = "  (no page is near to it)" if gap.off_topic else ""
        click.echo(f"{number:>3}. {gap.title}  {gap.count:,} times{off}")
        for question in gap.questions[1:]:
            click.echo(f"       {question}")
        for page in gap.pages:
            click.echo(f"       should have answered: {page.title} ({page.page}, {page.near:.2f})")
