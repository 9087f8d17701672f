"""groundwork cost correct."""

from __future__ import annotations

import getpass
from typing import Any

import click

from groundwork.cli.commands.cost_options import open_ledger
from groundwork.cli.output import echo_json, json_option


@click.command()
@click.argument("request")
@click.option("--reason", required=True, help="Why; kept with the row.")
@click.option("--stage", help="The charge's stage, where the request has several charges.")
@click.option("--meter", help="Its meter.")
@click.option("--model", help="Its model.")
@click.option("--quantity", type=click.IntRange(min=0), help="The right quantity; the amount follows by the price charged.")  # fmt: skip
@click.option("--amount", metavar="DECIMAL", help="The right amount instead, in the charge's currency.")  # fmt: skip
@json_option
def correct(request: str, reason: str, as_json: bool, **given: Any) -> None:
    """Bring a charge of REQUEST to the right quantity or amount, by a further row.

    The charge itself is never changed. The row is dated today, so that it falls into the open month.
    """
    from groundwork.core.metering.correction import corrected

    with open_ledger() as ledger:
        done = corrected(ledger, request, reason=reason, actor=f"cli:{getpass.getuser()}", **given)
    if as_json:
        echo_json(done)
    elif done["difference"] == "0":
        click.echo(f"{request} {done['stage']} {done['meter']}: nothing to correct")
    else:
        click.echo(
            f"{request} {done['stage']} {done['meter']} of {done['model'] or 'no model'}: {done['before']} is now "
            f"{done['after']} {done['currency']} (difference {done['difference']})"
        )
