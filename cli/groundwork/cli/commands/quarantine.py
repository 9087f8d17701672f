"""groundwork index quarantine list | release | confirm."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import load, open_index_store
from groundwork.cli.output import echo_json, echo_table, index_option, json_option
from groundwork.core.errors import NotFound

if TYPE_CHECKING:
    from groundwork.core.scan import Decision, Decisions, Verdict
    from groundwork.core.settings import Settings
    from groundwork.retrieval.index.manifest import Manifest


@click.group()
def quarantine() -> None:
    """Pages kept out of an index for what they say to the assistant; a person decides, by content."""


@quarantine.command("list")
@index_option
@json_option
def list_(index: str | None, as_json: bool) -> None:
    """The newest version's pages in quarantine, and what was decided so far."""
    settings = load()
    name = index or settings.index.default
    manifest = _newest(settings, name)
    known = _decisions(settings, name).all()
    rows = [
        {
            "page": held.page,
            "reason": held.reason,
            "score": held.score,
            "excerpt": held.excerpt,
            "snippet_digest": held.snippet_digest,
            "content_hash": held.content_hash,
            "state": _state(known.get(held.content_hash)),
        }
        for held in manifest.quarantined
    ]
    listed = {held.content_hash for held in manifest.quarantined}
    decided = [each for content, each in known.items() if content not in listed]
    if as_json:
        echo_json({"index": name, "version": manifest.version, "pages": rows})
        return
    if not rows:
        click.echo(f"{name}: no page is in quarantine")
    else:
        table = [("PAGE", "REASON", "SCORE", "STATE", "SAYS")]
        for row in rows:
            score = f"{row['score']:.2f}"
            table.append((row["page"], row["reason"], score, row["state"], row["excerpt"]))  # type: ignore[arg-type]  # rows of text
        echo_table(table)
    for each in decided:
        click.echo(f"decided before: {each.page} ({each.verdict}, {each.at})")


@quarantine.command()
@click.argument("page")
@index_option
@json_option
def release(page: str, index: str | None, as_json: bool) -> None:
    """Say that PAGE is harmless as it is: the next ingest indexes it."""
    _decide(page, index, "release", as_json=as_json)


@quarantine.command()
@click.argument("page")
@index_option
@json_option
def confirm(page: str, index: str | None, as_json: bool) -> None:
    """Say that PAGE is an attack as it is: it stays out, also under a newer scanner."""
    _decide(page, index, "confirm", as_json=as_json)


def _decide(page: str, index: str | None, verdict: Verdict, *, as_json: bool) -> None:
    from groundwork.core.scan import Decision

    settings = load()
    name = index or settings.index.default
    decisions = _decisions(settings, name)
    content_hash = _content(_newest(settings, name), decisions, page)
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    decision = Decision(page, content_hash, verdict, at)
    decisions.add(decision)
    if as_json:
        echo_json(decision)
        return
    what = "goes in" if verdict == "release" else "stays out"
    click.echo(f"{page} {what} at the next ingest of {name}, as long as its content is the same")


def _content(manifest: Manifest, decisions: Decisions, page: str) -> str:
    """The content hash that a decision on the page is about."""
    for held in manifest.quarantined:
        if held.page == page:
            return held.content_hash
    # Released before: the page is in the index now, and the decision can be taken back.
    for known in decisions.all().values():
        if known.page == page:
            return known.content_hash
    raise NotFound(
        f"{page} is not in quarantine; groundwork index quarantine list shows what is", field="page"
    )


def _newest(settings: Settings, name: str) -> Manifest:
    """The newest version's manifest: a refused one is not live, and what it holds back needs review too."""
    from groundwork.core.errors import IndexMissing
    from groundwork.retrieval.index.manifest import Manifest

    with open_index_store(settings) as store:
        versions = store.versions(name)
        if not versions:
            raise IndexMissing(f"index {name} has no version", field="index")
        return Manifest.from_json(store.manifest(name, versions[0].version))


def _decisions(settings: Settings, name: str) -> Decisions:
    from groundwork.core.scan import Decisions, decisions_file

    return Decisions(decisions_file(settings.home, name))


def _state(decision: Decision | None) -> str:
    if decision is None:
        return "to review"
    return "confirmed" if decision.verdict == "confirm" else "released at the next ingest"
