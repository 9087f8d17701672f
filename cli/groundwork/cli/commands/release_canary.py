"""groundwork release canary start | status | stop."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.core.errors import GateRefused

if TYPE_CHECKING:
    from groundwork.core.registry.base import Event, Line, Registered, Registry
    from groundwork.core.registry.canary import CanaryWatch
    from groundwork.core.registry.compare import Decision
    from groundwork.core.registry.trial import Ending, Trial
    from groundwork.core.settings import Settings

_line_option = click.option(
    "--line",
    metavar="KIND/NAME",
    help="The line of releases; assistant/ and the default index if not given.",
)


@click.group()
def canary() -> None:
    """Try a release on a share of the traffic, or on copies of it."""


@canary.command()
@click.argument("reference", metavar="RELEASE")
@_line_option
@click.option(
    "--share", type=float, help="Its share, 0 to 1; GROUNDWORK_CANARY__SHARE if not given."
)
@click.option("--shadow", is_flag=True, help="Copies of the traffic, whose answers nobody sees.")
@click.option(
    "--max-requests",
    type=click.IntRange(min=1),
    help="It has passed after so many conversations; GROUNDWORK_CANARY__MAX_REQUESTS if not given.",
)
@click.option("--reason", metavar="TEXT", help="Why; it stands in the history.")
@json_option
def start(
    reference: str,
    line: str | None,
    share: float | None,
    max_requests: int | None,
    reason: str | None,
    *,
    shadow: bool,
    as_json: bool,
) -> None:
    """Send a share of the conversations to a release, and compare it with the champion.

    RELEASE is an id, or an alias, a number or `latest` of the line. Running services follow within seconds. Where it is shown
    to be worse, it is taken out by itself. Started again with a larger share, it keeps the conversations that it has.
    """
    from groundwork.cli.releases import actor, opened_registry
    from groundwork.core.registry.canary import plan_of
    from groundwork.core.registry.promotion import Reason
    from groundwork.core.registry.trial import start_trial

    settings = load()
    plan = plan_of(settings.canary, "shadow" if shadow else "canary", share, max_requests)
    with opened_registry(settings) as registry:
        found = _find(registry, settings, reference, line)
        why = reason or f"{plan.mode} of {plan.share:.0%}"
        trial = start_trial(registry, found, plan, Reason(actor(), why))
        _manage(registry, found.line)
    if as_json:
        echo_json(trial.to_dict())
        return
    what = "gets copies of" if shadow else "answers"
    click.echo(f"{trial.challenger} {what} {plan.share:.0%} of the conversations of {trial.line}")
    click.echo(f"watch it: groundwork release canary status --watch --line {trial.line}")


@canary.command()
@_line_option
@click.option(
    "--watch",
    is_flag=True,
    help="Go on until the trial ends; act on what is found, as a service does.",
)
@json_option
def status(line: str | None, *, watch: bool, as_json: bool) -> None:
    """The figures of what is being tried beside the champion's; how the last trial ended where nothing is.

    With --watch the exit code is 3 where the challenger was found worse.
    """
    from groundwork.cli.releases import line_given, opened_registry
    from groundwork.core.metering.observations import LedgerObservations
    from groundwork.core.registry.trial import trial_of

    settings = load()
    at = line_given(settings, line)
    observations = LedgerObservations(settings.ledger_url)
    try:
        with opened_registry(settings) as registry:
            watcher = _watch(settings, registry, observations)
            ending = _follow(watcher, registry, at, settings, say=not as_json) if watch else None
            trial = trial_of(registry, at)
            decision = None if trial is None else watcher.compare(trial)
            last = _last(registry, at)
    finally:
        observations.close()
    if as_json:
        echo_json(_as_dict(trial, decision, last))
    else:
        _print(trial, decision, last, at)
    if ending is not None and ending.outcome == "breach":
        raise GateRefused(ending.reason)


@canary.command()
@_line_option
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stands in the history.")
@json_option
def stop(line: str | None, reason: str, *, as_json: bool) -> None:
    """End what is being tried; all traffic goes to the champion again, within seconds."""
    from groundwork.cli.releases import actor, line_given, opened_registry
    from groundwork.core.registry.promotion import Reason
    from groundwork.core.registry.trial import stop_trial

    settings = load()
    with opened_registry(settings) as registry:
        trial = stop_trial(registry, line_given(settings, line), Reason(actor(), reason))
    if as_json:
        echo_json(trial.to_dict())
        return
    click.echo(f"{trial.challenger} is not tried any more; {trial.champion} answers {trial.line}")


def _watch(settings: Settings, registry: Registry, observations: Any) -> CanaryWatch:
    from groundwork.cli.releases import carrying
    from groundwork.core.registry.canary import CanaryWatch

    class Carrying:
        """Opens what a promotion needs when there is one."""

        def check(self, release: Registered) -> None:
            with carrying(settings, registry, release.line) as carrier:
                carrier.check(release)

        def carry(self, release: Registered) -> None:
            with carrying(settings, registry, release.line) as carrier:
                carrier.carry(release)

    return CanaryWatch(
        observations,
        promote_passed=settings.canary.promote_after_canary,
        carrier_of=lambda _: Carrying(),
    )


def _follow(
    watcher: CanaryWatch, registry: Registry, line: Line, settings: Settings, *, say: bool
) -> Ending | None:
    """Look until the trial ends; None where another watcher ended it, or where nothing was tried."""
    said = ""
    while (look := watcher.look(registry, line)) is not None:
        if look.ending is not None:
            return look.ending
        if look.decision is not None and look.decision.reason != said:
            said = look.decision.reason
            if say:
                click.echo(said)
        time.sleep(settings.canary.look_seconds)
    return None


def _find(registry: Registry, settings: Settings, reference: str, line: str | None) -> Registered:
    from groundwork.cli.releases import line_given

    if line is None and reference.startswith("rel-"):
        return registry.find(reference)
    return registry.find(reference, line_given(settings, line))


def _manage(registry: Registry, line: Line) -> None:
    from groundwork.core.registry.base import ASSISTANT
    from groundwork.core.registry.managed import manage

    if line.kind == ASSISTANT:
        manage(registry, line)


def _last(registry: Registry, line: Line) -> Event | None:
    ended = (event for event in registry.history(line) if event.action == "canary-ended")
    return next(ended, None)


def _as_dict(trial: Trial | None, decision: Decision | None, last: Event | None) -> dict[str, Any]:
    return {
        "trial": None if trial is None else trial.to_dict(),
        "decision": None if decision is None else decision.to_dict(),
        "last": None if last is None else asdict(last),
    }


def _print(trial: Trial | None, decision: Decision | None, last: Event | None, line: Line) -> None:
    if trial is None or decision is None:
        if last is None:
            click.echo(f"nothing was tried in {line} yet")
            return
        outcome = last.detail.get("outcome", "ended")
        click.echo(f"{last.release} is not tried any more: {outcome} at {last.at} by {last.actor}")
        click.echo(last.reason)
        return
    plan = trial.plan
    click.echo(f"{trial.challenger} against {trial.champion}, {plan.mode} of {plan.share:.0%}")
    click.echo(f"since {trial.started_at} by {trial.actor}, until {trial.ends_at} at most")
    seen = decision.units
    click.echo(f"conversations: {seen['challenger']:,} and {seen['champion']:,} of the champion")
    click.echo(f"{decision.reason}\n")
    rows = [("METRIC", "CHALLENGER", "CHAMPION", "LIMIT", "BY CHANCE")]
    for one in decision.figures:
        limit = "not judged" if one.limit is None else f"{one.limit:g}"
        chance = "-" if one.p is None else f"{one.p:.2g}"
        rows.append((one.metric, *one.shown, limit, chance))
    echo_table(rows)
