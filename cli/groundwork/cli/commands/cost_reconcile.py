"""groundwork cost reconcile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.commands.cost_options import open_ledger
from groundwork.cli.output import echo_json, echo_table, json_option

if TYPE_CHECKING:
    import sqlalchemy as sql

    from groundwork.core.metering.periods import Period
    from groundwork.core.metering.reconcile import Comparison


@click.command()
@click.option("--from", "start", metavar="TIME", help="Start of the engine's comparison; its own start if not given.")  # fmt: skip
@click.option("--to", "end", metavar="TIME", help="End of the engine's comparison, exclusive.")
@click.option("--metrics", metavar="URL|FILE", help="A vLLM engine's /metrics, or a file saved from it.")  # fmt: skip
@click.option("--before", metavar="FILE", help="An earlier file saved from it; only what was counted since is compared.")  # fmt: skip
@click.option("--invoice", type=click.Path(path_type=Path), help="CSV or JSON: period, model, tokens, amount.")  # fmt: skip
@json_option
def reconcile(
    start: str | None,
    end: str | None,
    metrics: str | None,
    before: str | None,
    invoice: Path | None,
    as_json: bool,
) -> int:
    """Explain the difference between the ledger and what others counted.

    Without options the ledger is compared with its own sums. Exit code 1 where something differs.
    """
    from groundwork.core.metering.database import reading
    from groundwork.core.metering.periods import Period
    from groundwork.core.metering.reconcile.books import compare_books

    period = Period.parse(start, end)
    with open_ledger() as ledger, reading(ledger.engine) as connection:
        found = [compare_books(connection)]
        if metrics is not None:
            found += _engine(connection, metrics, before, period)
        if invoice is not None:
            found += _invoice(connection, invoice)
    if as_json:
        echo_json([comparison.to_dict() for comparison in found])
    else:
        _show(found)
    return 0 if all(comparison.agrees for comparison in found) else 1


def _engine(
    connection: sql.Connection, metrics: str, before: str | None, period: Period
) -> list[Comparison]:
    from groundwork.core.metering.reconcile.engine import (
        compare_engine,
        parse_metrics,
        read_metrics,
    )

    now = parse_metrics(read_metrics(metrics))
    earlier = None if before is None else parse_metrics(read_metrics(before))
    return compare_engine(connection, now, period, earlier)


def _invoice(connection: sql.Connection, invoice: Path) -> list[Comparison]:
    from groundwork.core.metering.reconcile.invoice import compare_invoice, read_invoice

    return [compare_invoice(connection, line) for line in read_invoice(invoice)]


def _show(found: list[Comparison]) -> None:
    for comparison in found:
        click.echo(f"{comparison.subject}: {'agrees' if comparison.agrees else 'DIFFERS'}")
        rows = []
        for step in comparison.to_dict()["steps"]:
            quantity = "" if step["quantity"] is None else f"{step['quantity']:,}"
            rows.append((f"  {step['what']}", quantity, step["amount"] or "", step["why"]))
        echo_table([("  LINE", "QUANTITY", "AMOUNT", "WHY"), *rows])
