"""groundwork keys create | list | revoke | assign | budget."""

from __future__ import annotations

import getpass
from typing import Any

import click

from groundwork.cli.commands.cost_options import open_ledger
from groundwork.cli.output import echo_json, echo_table, json_option

_SCOPES = ("ask", "search", "recommend", "ingest", "costs", "admin")


@click.group()
def keys() -> None:
    """API keys, who they belong to, and budgets."""


@keys.command()
@click.option("--name", default="", help="What it is for.")
@click.option("--team", default="", help="The team that is charged.")
@click.option("--user", default="", help="The person, as your organisation names them.")
@click.option("--project", default="", help="The project that is charged.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(_SCOPES), default=("ask", "search"), show_default=True, help="What it may do; may be repeated. admin holds all.")  # fmt: skip
@click.option("--expires", metavar="WHEN", help="A number of days such as 90d, or a date (UTC); never if not given.")  # fmt: skip
@click.option("--requests-per-minute", type=click.IntRange(min=1), help="Its own rate limit.")
@click.option("--tokens-per-minute", type=click.IntRange(min=1), help="Its own limit of tokens.")
@click.option("--budget", metavar="DECIMAL", help="A budget of this key, by month.")
@json_option
def create(as_json: bool, scopes: tuple[str, ...], expires: str | None, budget: str | None, **given: Any) -> None:  # fmt: skip
    """Make a key and show it, this once."""
    from groundwork.core.metering.budgets import Budgets
    from groundwork.core.metering.keys import Keys, NewKey, parse_expiry

    new = NewKey(scopes=scopes, expires_at=parse_expiry(expires), **given)
    amount = _amount(budget) if budget is not None else None
    with open_ledger() as ledger:
        key_id, key = Keys(ledger.engine).create(new, _actor())
        if amount is not None:
            Budgets(ledger.engine).set(
                scope="key", subject=key_id, period="month", picodollars=amount, actor=_actor()
            )
    if as_json:
        echo_json({"id": key_id, "key": key})
        return
    click.echo(key)
    click.echo("keep it now: it is not shown again", err=True)


@keys.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All keys, newest first; never their secrets."""
    from groundwork.core.metering.keys import Keys, shown

    with open_ledger() as ledger:
        rows = [shown(row) for row in Keys(ledger.engine).all()]
    if as_json:
        echo_json(rows)
        return
    if not rows:
        click.echo("no key yet; only this machine is served without one")
        return
    table = [("ID", "NAME", "TEAM", "USER", "PROJECT", "SCOPES", "STATE")]
    for row in rows:
        names = (row["id"], row["name"], row["team"], row["user"], row["project"])
        table.append((*names, ",".join(row["scopes"]), row["state"]))
    echo_table(table)


@keys.command()
@click.argument("key_id", metavar="ID")
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """Refuse a key from now on, in every process at once."""
    from groundwork.core.metering.keys import Keys

    with open_ledger() as ledger:
        was_valid = Keys(ledger.engine).revoke(key_id, _actor())
    if as_json:
        echo_json({"id": key_id, "revoked": was_valid})
    else:
        click.echo(f"{key_id} {'is revoked' if was_valid else 'was revoked already'}")


@keys.command()
@click.argument("user")
@click.argument("team")
@click.option("--name", default="", help="The person's name, for reports.")
@json_option
def assign(user: str, team: str, name: str, as_json: bool) -> None:
    """Put USER into TEAM from now on. A Slack user is slack:U… with the id that Slack gives."""
    from groundwork.core.metering.directory import Directory

    with open_ledger() as ledger:
        Directory(ledger.engine).assign(user, team, _actor(), name)
    if as_json:
        echo_json({"user": user, "team": team})
    else:
        click.echo(f"{user} is in {team}")


@keys.group()
def budget() -> None:
    """Budgets of keys, users, teams and projects, by day or month in UTC."""


@budget.command("set")
@click.argument("scope", type=click.Choice(("key", "user", "team", "project")))
@click.argument("subject")
@click.argument("amount")
@click.option("--period", type=click.Choice(("day", "month")), default="month", show_default=True, help="How often it begins anew.")  # fmt: skip
@click.option("--soft-percent", type=click.IntRange(1, 100), default=80, show_default=True, help="From here on answers are frugal, and an alert is given.")  # fmt: skip
@json_option
def set_(scope: str, subject: str, amount: str, period: str, soft_percent: int, as_json: bool) -> None:  # fmt: skip
    """Let SUBJECT spend AMOUNT in a period. What the period has cost already counts."""
    from groundwork.cli.compose import load
    from groundwork.core.metering.budgets import Budgets

    with open_ledger() as ledger:
        budgets = Budgets(ledger.engine)
        identity = budgets.set(
            scope=scope,
            subject=subject,
            period=period,
            picodollars=_amount(amount),
            soft_percent=soft_percent,
            currency=load().ledger.currency,
            actor=_actor(),
        )
        standing = next(one for one in budgets.standings() if one.budget_id == identity)
    if as_json:
        echo_json(standing.to_dict())
    else:
        shown = standing.to_dict()
        click.echo(f"{scope} {subject}: {shown['remaining']} of {shown['limit']} {shown['currency']} left this {period}")  # fmt: skip


@budget.command("list")
@json_option
def list_budgets(as_json: bool) -> None:
    """Every budget and what is left of it."""
    from groundwork.core.metering.budgets import Budgets

    with open_ledger() as ledger:
        rows = [standing.to_dict() for standing in Budgets(ledger.engine).standings()]
    if as_json:
        echo_json(rows)
        return
    if not rows:
        click.echo("no budget yet; set one with: groundwork keys budget set team NAME 100")
        return
    names = ("scope", "subject", "period", "currency", "limit", "spent", "reserved", "remaining")
    echo_table([tuple(name.upper() for name in names), *(tuple(str(row[name]) for name in names) for row in rows)])  # fmt: skip


@budget.command("remove")
@click.argument("scope", type=click.Choice(("key", "user", "team", "project")))
@click.argument("subject")
@click.option("--period", type=click.Choice(("day", "month")), default="month", show_default=True, help="Which of its budgets.")  # fmt: skip
@json_option
def remove(scope: str, subject: str, period: str, as_json: bool) -> None:
    """Take the limit away. Charges stay."""
    from groundwork.core.metering.budgets import Budgets

    with open_ledger() as ledger:
        Budgets(ledger.engine).remove(scope=scope, subject=subject, period=period, actor=_actor())
    if as_json:
        echo_json({"scope": scope, "subject": subject, "period": period, "removed": True})
    else:
        click.echo(f"{scope} {subject} has no budget by {period} any more")


def _amount(text: str) -> int:
    from groundwork.core.errors import InvalidInput
    from groundwork.core.money import parse_dollars

    try:
        return parse_dollars(text)
    except ValueError as error:
        raise InvalidInput(str(error), field="amount") from None


def _actor() -> str:
    return f"cli:{getpass.getuser()}"
