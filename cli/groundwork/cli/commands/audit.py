"""groundwork audit."""

from __future__ import annotations

from typing import Any

import click

from groundwork.cli.commands.cost_options import open_ledger
from groundwork.cli.output import echo_json, echo_table, json_option


@click.command()
@click.option("--from", "start", metavar="TIME", help="Month, date or timestamp (UTC); inclusive.")
@click.option("--to", "end", metavar="TIME", help="Month, date or timestamp (UTC); exclusive.")
@click.option("--actor", "actors", multiple=True, metavar="NAME", help="Only what this person, key or part did; may be repeated.")  # fmt: skip
@click.option("--action", "actions", multiple=True, metavar="NAME", help="Only this action, such as key.created, or all of its kind, such as key; may be repeated.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="The latest so many.")  # fmt: skip
@json_option
def audit(start: str | None, end: str | None, actors: tuple[str, ...], actions: tuple[str, ...], limit: int, as_json: bool) -> None:  # fmt: skip
    """Who changed keys, teams, budgets, prices and charges, newest first.

    Promotions and rollbacks are in `groundwork release history`.
    """
    from groundwork.core.metering.events import events
    from groundwork.core.metering.periods import Period

    period = Period.parse(start, end)
    with open_ledger() as ledger:
        rows = events(ledger.engine, limit, period=period, actors=actors, actions=actions)
    shown = [_shown(row) for row in rows]
    if as_json:
        echo_json(shown)
        return
    if not shown:
        click.echo("nothing was changed" if period == Period() else "nothing was changed in this time")  # fmt: skip
        return
    table = [("TIME", "ACTOR", "ACTION", "DETAIL")]
    table += [
        (row["at"], _word(row["actor"]), row["action"], _line(row["detail"])) for row in shown
    ]
    echo_table(table)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    from groundwork.core.metering.periods import iso

    return {**row, "at": iso(row["at"])}


def _line(detail: dict[str, Any]) -> str:
    return " ".join(f"{name}={_word(value)}" for name, value in detail.items())


def _word(value: Any) -> str:
    """As it is where that is one printable word; else as JSON, so that no name can pretend to be two, or move the cursor."""
    import json

    if isinstance(value, str) and value.isprintable() and value and not set(value) & set(' "='):
        return value
    return json.dumps(value)
