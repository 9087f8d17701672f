"""groundwork eval label | calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import load
from groundwork.cli.evaluation import default_sets
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.core.errors import Conflict

if TYPE_CHECKING:
    from groundwork.evals.calibration import Calibration


@click.command()
@click.argument("name", metavar="[RUN]", default="latest")
@click.option(
    "-n",
    "count",
    type=click.IntRange(2, 1000),
    default=100,
    show_default=True,
    help="How many answers.",
)
@click.option(
    "--to",
    "into",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; labels.jsonl in the run's folder if not given.",
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The set that was asked, for its references; the bundled one if not given.",
)
@click.option("--seed", type=int, default=11, show_default=True, help="What is drawn at random.")
def label(name: str, count: int, into: Path | None, sets: tuple[Path, ...], seed: int) -> None:
    """Write answers of a judged run to a file, to be labelled by people.

    One half are those that the judge liked least, the others are drawn at random. Each line asks a few questions; put true or
    false where null stands. What the judge said is not in the file.
    """
    import orjson

    from groundwork.evals.golden import load_examples
    from groundwork.evals.labels import template
    from groundwork.evals.store import Runs

    folder = Runs(load().home).finished(name)
    lines = template(folder.rows(), load_examples(sets or default_sets()), count, seed)
    if not lines:
        raise Conflict(
            f"nothing in {folder.run.id} was judged; run it with GROUNDWORK_JUDGE__URL", field="run"
        )
    target = into or folder.path / "labels.jsonl"
    if target.exists():
        raise Conflict(f"{target} exists, and may hold labels; name another file with --to")
    target.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    click.echo(f"{len(lines)} answers to label in {target}")


@click.command()
@click.option(
    "--labels",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The labelled file.",
)
@click.option(
    "--run", "name", metavar="RUN", default="latest", help="The run; the newest if not given."
)
@click.option("--seed", type=int, default=11, show_default=True, help="What is drawn at random.")
@json_option
def calibrate(path: Path, name: str, seed: int, *, as_json: bool) -> None:
    """Compare a judge's scores with people's labels: Cohen's kappa, and which metrics are calibrated.

    Each metric has a threshold of its own, fitted to the labels; its kappa is measured on answers that the threshold was not
    fitted to, with a 95 % interval bootstrapped by source.
    """
    from groundwork.evals.calibration import calibrate as compare
    from groundwork.evals.labels import read_labels
    from groundwork.evals.store import Runs

    folder = Runs(load().home).finished(name)
    found = compare(folder.rows(), read_labels(path), seed)
    if as_json:
        metrics = [one.to_dict() for one in found.metrics]
        run = folder.run
        echo_json({"run": run.id, "judge": run.judge, "unknown": found.unknown, "metrics": metrics})
        return
    head = (
        "METRIC",
        "LABELS",
        "THRESHOLD",
        "KAPPA",
        "YES/YES",
        "JUDGE ONLY",
        "PEOPLE ONLY",
        "NO/NO",
        "CALIBRATED",
    )
    echo_table([head, *(_row(one) for one in found.metrics)])
    if found.unknown:
        click.echo(f"{found.unknown} labels are of no answer of {folder.run.id}")


def _row(one: Calibration) -> tuple[str, ...]:
    counts = one.confusion
    labels = counts.both_yes + counts.judge_only + counts.people_only + counts.both_no
    agreed = one.kappa
    return (
        one.metric,
        str(labels),
        "-" if one.threshold is None else f"{one.threshold:.2f}",
        "-" if agreed is None else f"{agreed.mean:.2f} ({agreed.low:.2f} to {agreed.high:.2f})",
        str(counts.both_yes),
        str(counts.judge_only),
        str(counts.people_only),
        str(counts.both_no),
        "yes" if one.calibrated else f"no: {one.why_not}",
    )
