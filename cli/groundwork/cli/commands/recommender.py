"""groundwork recommender check | generate | feedback."""

from __future__ import annotations

from pathlib import Path

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def recommender() -> None:
    """Ratings: check a set, make one up, and write what people did with recommendations into one."""


@recommender.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def check(folder: Path, *, as_json: bool) -> None:
    """Whether the ratings of FOLDER would be trained on: the checks on arrival, without training.

    FOLDER is a MovieLens set in any of its formats. Exits with 2 where they are refused.
    """
    import time

    from groundwork.classic.recommender.check import check as judge
    from groundwork.classic.recommender.read import read

    raw = read(folder)
    report = judge(raw.ratings, raw.films, now=int(time.time()))
    if as_json:
        echo_json({"form": raw.form, "ratings": len(raw.ratings), **report.to_dict()})
    else:
        rows = [("CHECK", "STOPS", "FOUND")]
        rows += [(one.check, "yes" if one.fatal else "no", str(one)) for one in report.findings]
        if len(rows) > 1:
            echo_table(rows)
        click.echo(f"{len(raw.ratings)} ratings of {len(raw.films)} films, read as {raw.form}")
    report.require()


@recommender.command()
@click.argument("folder", type=_FOLDER)
@click.option("--users", type=click.IntRange(1), default=600, show_default=True, help="How many people.")  # fmt: skip
@click.option("--films", type=click.IntRange(60), default=1500, show_default=True, help="How many films.")  # fmt: skip
@click.option("--per-user", type=click.FloatRange(1), default=60.0, show_default=True, help="The mean number of ratings.")  # fmt: skip
@click.option("--shift-at", type=click.FloatRange(0, 1), help="From this share of the time on tastes are mirrored and stars are lower.")  # fmt: skip
@click.option("--seed", type=int, default=7, show_default=True, help="What is drawn at random.")
def generate(
    folder: Path, users: int, films: int, per_user: float, shift_at: float | None, seed: int
) -> None:
    """Make up a set of MovieLens' shape in FOLDER, where nobody's real ratings are to be used."""
    from groundwork.classic.recommender.generate import Shape, write
    from groundwork.classic.recommender.generate import generate as make

    shape = Shape(users=users, films=films, per_user=per_user, shift_at=shift_at, seed=seed)
    ratings, catalogue = make(shape)
    write(folder, ratings, catalogue)
    click.echo(f"{len(ratings)} ratings of {users} people and {films} films are in {folder}")


@recommender.command()
@click.argument("folder", type=_FOLDER)
@json_option
def feedback(folder: Path, *, as_json: bool) -> None:
    """Write clicks on recommendations, and ratings of them, to FOLDER/feedback.csv, which training adds to the ratings.

    A click counts as four stars. What people said who are not users of the data is left out.
    """
    from groundwork.classic.recommender.kept import Recommendations, export
    from groundwork.classic.recommender.read import FEEDBACK

    kept = Recommendations(load().ledger_url)
    try:
        rows, rates = list(kept.reactions()), kept.rates()
    finally:
        kept.close()
    export(rows, folder / FEEDBACK)
    if as_json:
        echo_json({"out": str(folder / FEEDBACK), "rows": len(rows), "releases": rates})
        return
    table = [("RELEASE", "GIVEN", "REACTED", "SHARE")]
    for release, one in rates.items():
        table.append(
            (release, f"{one['given']:.0f}", f"{one['reacted']:.0f}", f"{one['share']:.1%}")
        )
    echo_table(table)
    click.echo(f"{len(rows)} ratings are in {folder / FEEDBACK}")
