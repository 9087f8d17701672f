"""groundwork predict recommender."""

from __future__ import annotations

from pathlib import Path

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, json_option
from groundwork.cli.progress import ConsoleProgress


@click.group()
def predict() -> None:
    """Let a model of the platform answer for a whole set at once."""


@predict.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The Parquet file: user_id, rank, film_id, score, release.",
)
@click.option(
    "--release", "reference", metavar="RELEASE", default="champion", show_default=True, help="An id, an alias, or a number."
)  # fmt: skip
@click.option(
    "--name",
    metavar="NAME",
    help="The line of releases; GROUNDWORK_RECOMMENDER__NAME if not given.",
)
@click.option(
    "--features",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An online store of features; the one that the release brings if not given.",
)
@click.option("-k", type=click.IntRange(1, 1000), default=20, show_default=True, help="Films for each person.")  # fmt: skip
@json_option
def recommender(
    out: Path, reference: str, name: str | None, features: Path | None, k: int, *, as_json: bool
) -> None:
    """Films for everybody: read the release and people's features, predict, write.

    A run that was cut off goes on where it stopped; the file appears when it is complete.
    """
    from groundwork.classic.recommender.batch import predict_release
    from groundwork.classic.recommender.release import line_of
    from groundwork.cli.releases import opened_registry

    settings = load()
    line = line_of(name or settings.recommender.name)
    progress = ConsoleProgress()
    try:
        with opened_registry(settings) as registry:
            batch = predict_release(
                registry, line, reference, out, progress, k=k, features=features
            )
    finally:
        progress.close()
    if as_json:
        echo_json(
            {"out": str(out), "people": batch.people, "rows": batch.rows, "resumed": batch.resumed}
        )
    else:
        click.echo(f"{batch.rows} rows for {batch.people} people are in {out}")
