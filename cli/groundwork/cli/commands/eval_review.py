"""groundwork eval review list | show | edit | accept | reject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.commands.eval_candidates import opened_queue
from groundwork.cli.compose import load, open_index_store
from groundwork.cli.output import echo_json, echo_table, index_option, json_option
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    from groundwork.core.settings import Settings
    from groundwork.evals.candidates.sections import Section

_SHOWN = 60
_EXCERPT = 600
_LISTS = ("gold", "must_contain", "must_not_contain")


@click.group()
def review() -> None:
    """Candidates for the golden set: made from an index, drawn from traffic, proposed in Slack."""


@review.command("list")
@json_option
def list_candidates(*, as_json: bool) -> None:
    """Show what waits, oldest first."""
    from groundwork.evals.candidates.review import draft

    with opened_queue(load()) as queue:
        rows = [
            {**row, "draft": draft(row)} for row in queue.all() if row["example"] or row["turns"]
        ]
    if as_json:
        echo_json(rows)
        return
    head = ("ID", "BY", "CATEGORY", "QUESTION", "FROM")
    shown = [
        (
            str(row["id"]),
            row["proposed_by"],
            row["draft"]["category"],
            " ".join(row["draft"]["question"].split())[:_SHOWN],
            row["link"],
        )
        for row in rows
    ]
    echo_table([head, *shown])


@review.command()
@click.argument("number", type=int)
@index_option
def show(number: int, index: str | None) -> None:
    """Show the candidate NUMBER as JSON, with what its gold places say."""
    from groundwork.evals.candidates.review import draft

    settings = load()
    with opened_queue(settings) as queue:
        row = queue.get(number)
    example = draft(row)
    places = example.get("gold", [])
    said = {one.place: one.text[:_EXCERPT] for one in _sections(settings, index, places)}
    echo_json(
        {
            "id": row["id"],
            "by": row["proposed_by"],
            "from": row["link"],
            "example": example,
            "turns": row["turns"],
            "places": {place: said.get(place) for place in places},
        }
    )


@review.command()
@click.argument("number", type=int)
@click.option("--category", help="What kind of question it is.")
@click.option("--question", help="The question.")
@click.option("--reference", help="A short answer in one's own words.")
@click.option(
    "--gold", multiple=True, metavar="PAGE#ANCHOR", help="A place that answers; repeatable."
)
@click.option("--must-contain", multiple=True, help="What an answer has to say; repeatable.")
@click.option("--must-not-contain", multiple=True, help="What it must not; repeatable.")
def edit(number: int, **given: Any) -> None:
    """Change the candidate NUMBER: what is given replaces what it had. Without options an editor opens."""
    from groundwork.evals.candidates.review import draft

    with opened_queue(load()) as queue:
        example = draft(queue.get(number))
        changes = {
            name: list(value) if name in _LISTS else value for name, value in given.items() if value
        }
        written = {**example, **changes} if changes else _by_hand(example)
        queue.write(number, written)
    echo_json(written)


@review.command()
@click.argument("number", type=int)
@click.option(
    "--to",
    "into",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The set that it goes into; evals/accepted.jsonl under the home if not given.",
)
@click.option("--id", "name", help="Its id in the set; category and the next number if not given.")
@index_option
@json_option
def accept(
    number: int, into: Path | None, name: str | None, index: str | None, *, as_json: bool
) -> None:
    """Append the candidate NUMBER to a set, where it is right in all that groundwork eval lint checks."""
    from groundwork.evals.candidates.review import accept as append
    from groundwork.evals.candidates.review import as_json as example_json
    from groundwork.evals.candidates.review import draft
    from groundwork.evals.candidates.sections import corpus_of

    settings = load()
    target = into or settings.home / "evals" / "accepted.jsonl"
    with opened_queue(settings) as queue:
        example = draft(queue.get(number))
        corpus = corpus_of(_sections(settings, index))
        accepted = append(example, target, corpus, name)
        # It is in the set now, and would be proposed again otherwise.
        queue.reject(number)
    if as_json:
        echo_json(example_json(accepted))
    else:
        click.echo(f"{accepted.id} is in {target}")


@review.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
def reject(numbers: tuple[int, ...]) -> None:
    """Take the candidates NUMBERS out; they are not proposed again for as long as answers are kept."""
    with opened_queue(load()) as queue:
        for number in numbers:
            queue.reject(number)
    click.echo(f"rejected {', '.join(str(number) for number in numbers)}")


def _sections(
    settings: Settings, index: str | None, places: list[str] | None = None
) -> list[Section]:
    """Of the live version, all of them or those of these places. Raises IndexMissing."""
    from groundwork.evals.candidates.sections import read_sections

    if places == []:
        return []
    with open_index_store(settings) as store:
        reader = store.open(index or settings.index.default)
        try:
            found = read_sections(reader)
        finally:
            reader.close()
    return [one for one in found if places is None or one.place in places]


def _by_hand(example: dict[str, Any]) -> dict[str, Any]:
    import orjson

    from groundwork.evals.candidates.review import FIELDS

    text = orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()
    changed = click.edit(text, extension=".json")
    if changed is None:
        return example
    try:
        written = orjson.loads(changed)
    except ValueError as error:
        raise InvalidInput(f"this is no JSON: {error}", field="example") from None
    unknown = set(written) - set(FIELDS) if isinstance(written, dict) else {"not an object"}
    if unknown:
        raise InvalidInput(f"unknown field {', '.join(sorted(unknown))}", field="example")
    return dict(written)
