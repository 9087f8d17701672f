"""groundwork release list | show | history | create | promote | rollback | canary."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.commands.release_canary import canary
from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, index_option, json_option
from groundwork.core.errors import GateRefused, InvalidInput, NotFound

if TYPE_CHECKING:
    from groundwork.core.registry.base import Registered, Registry
    from groundwork.core.registry.gate import Verdict
    from groundwork.core.settings import Settings

line_option = click.option(
    "--line",
    metavar="KIND/NAME",
    help="The line of releases; assistant/ and the default index if not given.",
)
_reason_option = click.option("--reason", metavar="TEXT", help="Why; it stands in the history.")


@click.group()
def release() -> None:
    """What answers, as immutable bundles: measured, promoted, rolled back."""


release.add_command(canary)


@release.command("list")
@click.option("--line", metavar="KIND/NAME", help="Only this line.")
@json_option
def list_(line: str | None, *, as_json: bool) -> None:
    """All releases, newest first, with the aliases that point at them."""
    from groundwork.cli.releases import opened_registry
    from groundwork.core.registry.base import Line

    with opened_registry(load()) as registry:
        lines = [Line.parse(line)] if line else registry.lines()
        found = [one for each in lines for one in registry.releases(each)]
    if as_json:
        echo_json([_as_dict(one) for one in found])
        return
    if not found:
        click.echo("no release yet; one is made by: groundwork ingest SOURCE")
        return
    rows = [("RELEASE", "LINE", "NUMBER", "CREATED", "ALIASES")]
    for one in found:
        aliases = ", ".join(one.aliases) or "-"
        rows.append((one.id, str(one.line), str(one.number), one.created_at, aliases))
    echo_table(rows)


@release.command()
@click.argument("reference", metavar="[RELEASE]", default="champion")
@line_option
@click.option("--file", "name", metavar="NAME", help="Print one of its files instead.")
@json_option
def show(reference: str, line: str | None, name: str | None, *, as_json: bool) -> None:
    """One release: what it is made of, where it comes from, how it measured, and the commands that lead on.

    RELEASE is an id, as answers and bills carry it, or an alias, a number or `latest` of a line.
    """
    from groundwork.cli.releases import opened_registry

    settings = load()
    with opened_registry(settings) as registry:
        found = _find(registry, settings, reference, line)
        if name is not None:
            click.echo(_file(registry, found, name))
            return
        events = [one for one in registry.history(found.line) if one.release == found.id]
    if as_json:
        told = [asdict(one) for one in events]
        echo_json({**_as_dict(found), "history": told, "read_on": _leads(settings, found)})
        return
    _print(found)
    for event in events:
        click.echo(f"{event.at}  {event.action} by {event.actor}: {event.reason}")
    click.echo("\nread on:")
    for lead in _leads(settings, found):
        click.echo(f"  {lead['what']:<24}{lead['command']}")


@release.command()
@line_option
@json_option
def history(line: str | None, *, as_json: bool) -> None:
    """Every promotion, rollback, refusal and trial of a line, newest first."""
    from groundwork.cli.releases import line_given, opened_registry

    settings = load()
    with opened_registry(settings) as registry:
        events = registry.history(line_given(settings, line))
    if as_json:
        echo_json([asdict(one) for one in events])
        return
    rows = [("AT", "WHAT", "RELEASE", "FORMER", "BY", "WHY")]
    rows += [
        (one.at, one.action, one.release, one.former or "-", one.actor, one.reason)
        for one in events
    ]
    echo_table(rows)


@release.command()
@index_option
@click.option("--version", metavar="V", help="The index's version; the live one if not given.")
@json_option
def create(index: str | None, version: str | None, *, as_json: bool) -> None:
    """Register what the settings make with an index as a release, without promoting it.

    Change a prompt, a policy or a setting, create a release of it, evaluate it, then promote it.
    """
    from groundwork.cli.compose import open_services
    from groundwork.cli.releases import opened_registry
    from groundwork.core.registry.base import Lineage
    from groundwork.core.registry.revision import code_revision
    from groundwork.serving.releases.recipe import candidate_of

    settings = load()
    name = index or settings.index.default
    with open_services(settings) as services, opened_registry(settings) as registry:
        chosen = version or services.assistant.retriever.version(name)
        services.index_store.manifest(name, chosen)
        lineage = Lineage(code=code_revision())
        made = registry.register(candidate_of(services.assistant, name, chosen, settings, lineage))
    if as_json:
        echo_json(_as_dict(made))
        return
    click.echo(f"{made.id} is registered in {made.line}")
    click.echo(f"measure it: groundwork eval run --release {made.id} --index {name}")


@release.command()
@click.argument("reference", metavar="RELEASE")
@line_option
@click.option("--run", metavar="RUN", help="The evaluation that counts; the newest if not given.")
@click.option("--force", is_flag=True, help="Promote without the gate; needs --reason.")
@_reason_option
@json_option
def promote(
    reference: str,
    line: str | None,
    run: str | None,
    reason: str | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Make a release the champion, if the gate lets it pass.

    A release of the assistant is judged by its newest evaluation run, against the champion's on the same questions. Services
    follow within seconds. Exits with 3 where the gate refuses.
    """
    from groundwork.cli.releases import actor, carrying, opened_registry, verdict_on
    from groundwork.core.registry import promotion
    from groundwork.core.registry.base import CHAMPION
    from groundwork.core.registry.managed import manage

    if force and not reason:
        raise InvalidInput("promoting without the gate needs a --reason", field="reason")
    settings = load()
    with opened_registry(settings) as registry:
        found = _find(registry, settings, reference, line)
        # Whoever is champion now is what it is compared with.
        over = promotion.ANYONE if force else registry.aliases(found.line).get(CHAMPION)
        verdict = None if force else verdict_on(settings, registry, found, run)
        if verdict is not None and not verdict.passed:
            promotion.refuse(registry, found, verdict, actor())
            _say_verdict(verdict, as_json=as_json)
            raise GateRefused("; ".join(verdict.reasons))
        detail = {"forced": True} if verdict is None else verdict.to_dict()
        why = promotion.Reason(actor(), reason or "passed the gate", detail)
        with carrying(settings, registry, found.line) as carrier:
            promoted = promotion.promote(registry, found, why, carrier, over)
        manage(registry, found.line)
    _say_moved(promoted, verdict, as_json=as_json)


@release.command()
@line_option
@click.option("--to", metavar="RELEASE", help="Which one; the previous champion if not given.")
@_reason_option
@json_option
def rollback(line: str | None, to: str | None, reason: str | None, *, as_json: bool) -> None:
    """Make the previous champion answer again. Services follow within seconds; no request is dropped."""
    from groundwork.cli.releases import actor, carrying_back, line_given, opened_registry
    from groundwork.core.registry import promotion
    from groundwork.core.registry.managed import manage

    settings = load()
    with opened_registry(settings) as registry:
        at = line_given(settings, line)
        champion = registry.find("champion", at)
        former = registry.find(to, at) if to else promotion.previous(registry, champion)
        why = promotion.Reason(actor(), reason or "rolled back")
        with carrying_back(settings, registry, at) as carrier:
            back = promotion.rollback(registry, former, why, carrier)
        manage(registry, at)
    _say_moved(back, None, as_json=as_json)


def _find(registry: Registry, settings: Settings, reference: str, line: str | None) -> Registered:
    from groundwork.cli.releases import line_given

    if line is None and reference.startswith("rel-"):
        return registry.find(reference)
    return registry.find(reference, line_given(settings, line))


def _file(registry: Registry, found: Registered, name: str) -> str:
    if name not in found.digests:
        known = ", ".join(sorted(found.digests))
        raise NotFound(f"{found.id} has no file {name}; it has {known}", field="file")
    with tempfile.TemporaryDirectory() as temporary:
        raw = (registry.files(found, Path(temporary)) / name).read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{name} is no text; it has {len(raw):,} bytes", field="file") from None


def _as_dict(found: Registered) -> dict[str, Any]:
    return {**asdict(found), "line": str(found.line)}


def _print(found: Registered) -> None:
    aliases = f" ({', '.join(found.aliases)})" if found.aliases else ""
    click.echo(f"{found.id}{aliases}")
    click.echo(f"number {found.number} of {found.line}, created {found.created_at}\n")
    rows = [("MADE OF", "")]
    rows += [(name, str(value)) for name, value in found.content.items() if value is not None]
    lineage = found.lineage
    rows += [(f"from {name}", digest) for name, digest in lineage.data.items()]
    rows += [("code", lineage.code)] if lineage.code else []
    rows += [("parent", one) for one in lineage.parents]
    rows += [(f"measured {name}", f"{value:.4f}") for name, value in sorted(found.metrics.items())]
    rows += [(f"file {name}", f"sha256:{digest}") for name, digest in found.digests.items()]
    echo_table(rows)
    click.echo()


def _leads(settings: Settings, found: Registered) -> list[dict[str, str]]:
    """From a release to everything about it: what, and the command that shows it."""
    file = f"groundwork release show {found.id} --file"
    leads = {"card": f"{file} card.md"} if "card.md" in found.digests else {}
    if found.line.kind == "assistant":
        content = found.content
        leads |= {
            "index": f"groundwork index show {content['index_version']} --index {content['index']}",
            "policy": f"{file} policy.yaml",
            "prices": f"{file} prices.json",
            **{f"prompt {name}": f"{file} {name}" for name in found.digests if _is_prompt(name)},
            "evaluation": _evaluation(settings, found),
        }
    elif "measured.json" in found.digests:
        leads["evaluation"] = f"{file} measured.json"
    leads["bill"] = f"groundwork cost report --by release --release {found.id}"
    return [{"what": what, "command": command} for what, command in leads.items()]


def _is_prompt(name: str) -> bool:
    return name.endswith(".yaml") and name != "policy.yaml"


def _evaluation(settings: Settings, found: Registered) -> str:
    from groundwork.evals.store import Runs

    for folder in Runs(settings.home).all():
        run = folder.run
        if run.release == found.id and run.finished_at is not None:
            return f"groundwork eval report {run.id}"
    return f"none yet: groundwork eval run --release {found.id} --index {found.line.name}"


def _say_verdict(verdict: Verdict, *, as_json: bool) -> None:
    from groundwork.evals.report.markdown import verdict_markdown

    if as_json:
        echo_json({"promoted": False, "gate": verdict.to_dict()})
    else:
        click.echo(verdict_markdown(verdict))


def _say_moved(found: Registered, verdict: Verdict | None, *, as_json: bool) -> None:
    if as_json:
        gate = None if verdict is None else verdict.to_dict()
        echo_json({"promoted": True, **_as_dict(found), "gate": gate})
        return
    click.echo(f"{found.id} is the champion of {found.line}")
