"""groundwork rails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.compose import load, open_guard
from groundwork.cli.output import echo_json, echo_table, index_option, json_option

if TYPE_CHECKING:
    from groundwork.guardrails.guard import Outcome, Session
    from groundwork.guardrails.policy import Policy


@click.group()
def rails() -> None:
    """Try the rails on a text, and show the policy in force."""


@rails.command()
@click.argument("text")
@click.option(
    "--on",
    type=click.Choice(["input", "passages", "output"]),
    default="input",
    show_default=True,
    help="Check TEXT as a question, as a passage or as an answer.",
)
@index_option
@click.option("--team", metavar="NAME", help="The team whose overrides hold.")
@json_option
def check(text: str, on: str, index: str | None, team: str | None, as_json: bool) -> None:
    """Check TEXT by every rail, and say each verdict with its reason and its time."""
    settings = load()
    with open_guard(settings) as guard:
        session = guard.begin(index or settings.index.default, team)
        begun = time.perf_counter()
        outcome = _checked(session, text, on)
        took = (time.perf_counter() - begun) * 1000
        digest = guard.identity
    if as_json:
        echo_json({**_as_dict(outcome), "policy": digest, "ms": round(took, 3)})
        return
    rows = [
        (each.rail, each.on, each.verdict, f"{each.ms:.2f}", each.reason or "")
        for each in outcome.verdicts
    ]
    echo_table([("RAIL", "ON", "VERDICT", "MS", "REASON"), *rows])
    click.echo()
    click.echo(f"{outcome.action} in {took:.2f} ms by {digest}")
    if outcome.message is not None:
        click.echo(outcome.message)
    elif outcome.text != text:
        click.echo(outcome.text)


@rails.command()
@json_option
def policy(as_json: bool) -> None:
    """Check the policy file, and print what is in force with its digest.

    A wrong file ends the command with exit code 2 and a line that names the file, the line and the key.
    """
    with open_guard(load()) as guard:
        found = guard.policy
    if as_json:
        echo_json({"digest": found.digest, "source": found.marked.source, **_policy_dict(found)})
        return
    rows = [
        (
            rule.name,
            ",".join(rule.on),
            rule.action,
            f"{rule.threshold:g}",
            rule.fail,
            f"{rule.time_limit_ms:g}",
        )
        for rule in found.file.rails
    ]
    echo_table([("RAIL", "ON", "ACTION", "THRESHOLD", "FAILS", "LIMIT MS"), *rows])
    for override in found.file.overrides:
        where = " ".join(
            f"{key} {value}"
            for key, value in (("index", override.index), ("team", override.team))
            if value
        )
        click.echo(f"\nfor {where}:")
        for name, change in override.rails.items():
            said = change.model_dump(exclude_none=True)
            click.echo(f"  {name}: " + ", ".join(f"{key} {value}" for key, value in said.items()))
    click.echo(f"\n{found.digest} · {found.file.name} · {found.marked.source}")


def _checked(session: Session, text: str, on: str) -> Outcome:
    if on == "input":
        return session.check_input(text)
    if on == "output":
        return session.check_output(text)
    return session.check_passage(text)


def _as_dict(outcome: Outcome) -> dict[str, Any]:
    return {
        "action": outcome.action,
        "rail": outcome.rail,
        "text": outcome.text,
        "message": outcome.message,
        "verdicts": [
            {
                "rail": each.rail,
                "on": each.on,
                "verdict": each.verdict,
                "reason": each.reason,
                "ms": each.ms,
            }
            for each in outcome.verdicts
        ],
    }


def _policy_dict(policy: Policy) -> dict[str, Any]:
    return policy.file.model_dump(mode="json", exclude_none=True)
