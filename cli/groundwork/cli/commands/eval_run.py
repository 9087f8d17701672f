"""groundwork eval run | log | compare | report | list | lint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.commands.ingest import default_docs
from groundwork.cli.compose import load
from groundwork.cli.evaluation import (
    conclude_nightly,
    default_sets,
    evaluate_job,
    gate_settings,
)
from groundwork.cli.output import echo_json, echo_table, index_option, json_option
from groundwork.core.errors import GateRefused, GroundworkError, InvalidInput

if TYPE_CHECKING:
    from groundwork.core.registry.gate import Verdict
    from groundwork.core.settings import Settings
    from groundwork.evals.report.summary import Summary
    from groundwork.evals.store import RunFolder

_SUITES = ("golden", "nightly", "redteam")

_set_option = click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A JSONL file of questions, or a folder of them; repeatable. The bundled set if not given.",
)
_gate_option = click.option(
    "--gate-file",
    type=click.Path(path_type=Path),
    help="The gate's rules; the bundled ones if not given.",
)


@click.command()
@click.option("--suite", metavar="NAME", default="golden", show_default=True, help="What to run.")
@_set_option
@index_option
@click.option(
    "--release",
    metavar="ID",
    help="A registered release, or champion, challenger or previous; what is configured if not given.",
)
@click.option("--resume", metavar="RUN", help="Go on with a run that was cut off.")
@click.option("--seed", type=int, default=11, show_default=True, help="What is drawn at random.")
@click.option(
    "--attacks",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="redteam: a category.",
)
@click.option(
    "--harmless",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="redteam: harmless questions to count false refusals on.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="redteam: where its three files go; evals/redteam under the home if not given.",
)
@json_option
def run(
    suite: str,
    sets: tuple[Path, ...],
    index: str | None,
    release: str | None,
    resume: str | None,
    seed: int,
    *,
    as_json: bool,
    **redteam: Any,
) -> None:
    """Run a suite against the assistant as it is configured, or against a registered release.

    The suite golden asks a set of questions whose right answers are known, and writes a report. The suite nightly does the
    same, puts the run before the gate (against the champion's run, else the run before), logs it to MLflow and posts it to
    Slack where GROUNDWORK_SLACK__REPORT_CHANNEL is set.

    The suite redteam generates attacks from templates: direct, role play, encoded, multilingual, in several turns and
    planted in pages. It asks the bundled guides in a home of its own, so that nothing of yours is touched.
    """
    if suite not in _SUITES:
        raise InvalidInput(
            f"there is no suite {suite}; there is {', '.join(_SUITES)}", field="suite"
        )
    settings = load()
    if suite == "redteam":
        from groundwork.cli.redteam import report_redteam

        report_redteam(settings, seed, **redteam, as_json=as_json)
        return
    from groundwork.evals.evaluate import Job

    job = Job(suite, sets or default_sets(), index or settings.index.default, seed, resume, release)
    folder = evaluate_job(settings, job)
    if suite == "nightly":
        _report_night(settings, folder, post=True, as_json=as_json)
    else:
        _report_run(settings, folder, as_json=as_json)


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--gate", "gated", is_flag=True, help="Exit with 3 where the gate refuses B.")
@_gate_option
@json_option
def compare(a: str, b: str, *, gated: bool, gate_file: Path | None, as_json: bool) -> None:
    """Compare run B, the candidate, with run A, the champion, question by question.

    A and B are ids of finished runs, or `latest`.
    """
    from groundwork.evals.report.markdown import verdict_markdown

    settings = load()
    verdict = _judge(settings, a, b, gate_file)
    if as_json:
        echo_json(verdict.to_dict())
    else:
        click.echo(verdict_markdown(verdict))
    if gated and not verdict.passed:
        raise GateRefused("; ".join(verdict.reasons))


@click.command()
@click.argument("name", metavar="[RUN]", default="latest")
@click.option(
    "--against", metavar="RUN", help="The run to compare with; the one before if not given."
)
@json_option
def report(name: str, against: str | None, *, as_json: bool) -> None:
    """Write the report of a run anew: one HTML page, and Markdown."""
    from groundwork.evals.store import Runs

    settings = load()
    folder = Runs(settings.home).finished(name)
    _report_run(settings, folder, against=against, as_json=as_json)


@click.command()
@click.argument("name", metavar="[RUN]", default="latest")
@json_option
def log(name: str, *, as_json: bool) -> None:
    """Put a finished run before the gate and log it to MLflow, again or for the first time."""
    from groundwork.evals.store import Runs

    settings = load()
    folder = Runs(settings.home).finished(name)
    _report_night(settings, folder, post=False, as_json=as_json)


@click.command(name="list")
@json_option
def list_runs(*, as_json: bool) -> None:
    """List the evaluation runs, newest first."""
    from dataclasses import asdict

    from groundwork.evals.store import Runs

    runs = [folder.run for folder in Runs(load().home).all()]
    if as_json:
        echo_json([asdict(one) for one in runs])
        return
    head = ("RUN", "SUITE", "QUESTIONS", "INDEX", "RELEASE", "STATE")
    echo_table(
        [
            head,
            *(
                (
                    one.id,
                    one.suite,
                    str(one.questions),
                    f"{one.index}@{one.index_version}",
                    one.release,
                    "finished" if one.finished_at else "cut off",
                )
                for one in runs
            ),
        ]
    )


@click.command()
@_set_option
@click.option(
    "--docs",
    type=click.Path(path_type=Path),
    help="The pages that the set is about; the bundled guides if not given.",
)
@json_option
def lint(sets: tuple[Path, ...], docs: Path | None, *, as_json: bool) -> None:
    """Check a golden set: gold places and strings exist, no question is doubled, none is given away."""
    from groundwork.cli.evaluation import lint_sets

    count, problems = lint_sets(load(), sets or default_sets(), docs or default_docs())
    if as_json:
        echo_json({"questions": count, "problems": problems})
    else:
        for problem in problems:
            click.echo(problem)
        click.echo(f"{count} questions, {len(problems)} problems")
    if problems:
        raise GroundworkError(f"the set has {len(problems)} problems")


def _report_run(
    settings: Settings, folder: RunFolder, *, against: str | None = None, as_json: bool
) -> None:
    from groundwork.evals.report.files import write_report
    from groundwork.evals.store import Runs

    runs = Runs(settings.home)
    former = runs.finished(against) if against else runs.before(folder.run)
    summary = write_report(runs, folder, former)
    _show(folder, summary, None, {}, as_json=as_json)


def _report_night(settings: Settings, folder: RunFolder, *, post: bool, as_json: bool) -> None:
    night = conclude_nightly(settings, folder, post=post)
    _show(folder, night.summary, night.verdict, {"mlflow_run": night.tracked}, as_json=as_json)


def _show(
    folder: RunFolder,
    summary: Summary,
    verdict: Verdict | None,
    more: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    from groundwork.evals.report.files import HTML
    from groundwork.evals.report.markdown import to_markdown, verdict_markdown

    page = str(folder.path / HTML)
    if as_json:
        gate = {"gate": verdict.to_dict()} if verdict is not None else {}
        echo_json({**summary.to_dict(), **gate, **more, "report": page})
        return
    click.echo(to_markdown(summary))
    if verdict is not None:
        click.echo(verdict_markdown(verdict))
    for name, value in more.items():
        click.echo(f"{name.replace('_', ' ')}: {value or 'none'}")
    click.echo(f"report: {page}")


def _judge(settings: Settings, a: str, b: str, gate_file: Path | None) -> Verdict:
    from groundwork.evals.nightly import verdict_on
    from groundwork.evals.store import Runs

    runs = Runs(settings.home)
    return verdict_on(runs.finished(b), runs.finished(a), gate_settings(gate_file))
