"""groundwork eval run | compare | report | list | lint."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.commands.ingest import default_docs
from groundwork.cli.compose import load, open_index_store, open_services, open_tools
from groundwork.cli.evaluation import default_sets, evaluate_set, gate_settings, write_report
from groundwork.cli.output import echo_json, echo_table, index_option, json_option
from groundwork.cli.progress import ConsoleProgress
from groundwork.core.errors import GateRefused, GroundworkError, InvalidInput

if TYPE_CHECKING:
    from groundwork.core.registry.gate import Verdict
    from groundwork.core.settings import Settings
    from groundwork.evals.redteam.report import Report
    from groundwork.evals.store import RunFolder

_SUITES = ("golden", "nightly", "redteam")
_TOPIC = "How is the port of the service changed?"


@click.group(name="eval")
def evaluate() -> None:
    """Measure the assistant."""


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


@evaluate.command()
@click.option("--suite", metavar="NAME", default="golden", show_default=True, help="What to run.")
@_set_option
@index_option
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
    resume: str | None,
    seed: int,
    *,
    as_json: bool,
    **redteam: Any,
) -> None:
    """Run a suite against the assistant as it is configured.

    The suite golden asks a set of questions whose right answers are known, and writes a report. The suite nightly does the
    same and puts the run before the gate, against the run before it.

    The suite redteam generates attacks from templates: direct, role play, encoded, multilingual, in several turns and
    planted in pages. It asks the bundled guides in a home of its own, so that nothing of yours is touched.
    """
    if suite not in _SUITES:
        raise InvalidInput(
            f"there is no suite {suite}; there is {', '.join(_SUITES)}", field="suite"
        )
    settings = load()
    if suite == "redteam":
        _report_redteam(settings, seed, **redteam, as_json=as_json)
        return
    folder = evaluate_set(
        settings, suite, sets or default_sets(), index or settings.index.default, seed, resume
    )
    _report_run(settings, folder, judged=suite == "nightly", as_json=as_json)


@evaluate.command()
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


@evaluate.command()
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


@evaluate.command(name="list")
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


@evaluate.command()
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
    settings: Settings,
    folder: RunFolder,
    *,
    against: str | None = None,
    judged: bool = False,
    as_json: bool,
) -> None:
    from groundwork.evals.report.markdown import to_markdown, verdict_markdown
    from groundwork.evals.store import Runs

    runs = Runs(settings.home)
    former = runs.finished(against) if against else runs.before(folder.run)
    verdict = None
    if judged:
        # Without a run before, the floors alone.
        verdict = _verdict(folder, former, None)
    summary = write_report(folder, former, verdict)
    if as_json:
        gate = {"gate": verdict.to_dict()} if verdict is not None else {}
        echo_json({**summary.to_dict(), **gate, "report": str(folder.path / "report.html")})
        return
    click.echo(to_markdown(summary))
    if verdict is not None:
        click.echo(verdict_markdown(verdict))
    click.echo(f"report: {folder.path / 'report.html'}")


def _judge(settings: Settings, a: str, b: str, gate_file: Path | None) -> Verdict:
    from groundwork.evals.store import Runs

    runs = Runs(settings.home)
    return _verdict(runs.finished(b), runs.finished(a), gate_file)


def _verdict(candidate: RunFolder, champion: RunFolder | None, gate_file: Path | None) -> Verdict:
    from groundwork.core.registry.gate import Measured, judge

    ours, theirs = (
        None if one is None else Measured.of_rows(one.run.id, one.rows(), one.run.invalid)
        for one in (candidate, champion)
    )
    if ours is None:
        raise AssertionError("there is a candidate")
    return judge(ours, theirs, gate_settings(gate_file))


def _report_redteam(
    settings: Settings, seed: int, attacks: int, harmless: int, out: Path | None, *, as_json: bool
) -> None:
    report = _redteam(settings, seed, attacks, harmless)
    folder = out or settings.home / "evals" / "redteam"
    _write(report, folder)
    if as_json:
        echo_json(report.to_dict())
    else:
        click.echo(report.to_markdown())
        click.echo(f"written to {folder}")


def _redteam(settings: Settings, seed: int, attacks: int, harmless: int) -> Report:
    from groundwork.evals.redteam.suite import Platform, run_suite

    progress = ConsoleProgress()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        settings.models.mkdir(parents=True, exist_ok=True)
        # The exported model and a classifier trained here are used; everything else is new.
        (home / "models").symlink_to(settings.models)
        apart = settings.model_copy(update={"home": home})
        pages = home / "pages"
        docs = default_docs()
        if docs is None:
            pages.mkdir()
        else:
            shutil.copytree(docs, pages)
        platform = Platform(partial(_ingest, apart), partial(open_services, apart), _TOPIC)
        try:
            return run_suite(platform, pages, seed, attacks, harmless, progress)
        finally:
            progress.close()


def _ingest(settings: Settings, folder: Path) -> frozenset[str]:
    from groundwork.core.progress import NoProgress
    from groundwork.evals.redteam.suite import INDEX
    from groundwork.ingestion.check import Limits
    from groundwork.ingestion.ingest import IngestRequest, ingest
    from groundwork.ingestion.parse import ParseOptions
    from groundwork.ingestion.sources import SourceOptions, open_source

    request = IngestRequest(INDEX, (open_source(str(folder), SourceOptions()),), Limits(0.5, 1.0))
    with open_index_store(settings) as store, open_tools(settings, ParseOptions()) as tools:
        result = ingest(request, store, tools, NoProgress())
    return frozenset(held.page for held in result.quarantined)


def _write(report: Report, folder: Path) -> None:
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    data = report.to_dict()
    (folder / "redteam.json").write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    (folder / "redteam.md").write_text(report.to_markdown(), encoding="utf-8")
    found = b"".join(orjson.dumps(row) + b"\n" for row in data["found"])
    (folder / "redteam_found.jsonl").write_bytes(found)
