"""groundwork index list | show | diff | promote | rollback | gc | export | import | quarantine."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import Any

import click

from groundwork.cli.commands.index_archive import export, import_
from groundwork.cli.commands.quarantine import quarantine
from groundwork.cli.compose import load, open_index_store
from groundwork.cli.output import echo_json, echo_table, human_bytes, index_option, json_option
from groundwork.core.errors import Conflict, IndexMissing
from groundwork.core.settings import Settings
from groundwork.retrieval.index.base import LIVE, PREVIOUS, IndexStore
from groundwork.retrieval.index.manifest import Manifest


@click.group()
def index() -> None:
    """Index versions: immutable, compared by page, swapped by alias."""


index.add_command(quarantine)
index.add_command(export)
index.add_command(import_)


@index.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All indexes and their versions, newest first."""
    settings = load()
    rows = []
    with open_index_store(settings) as store:
        for name in store.names():
            aliases = _aliases(store, name)
            for info in store.versions(name):
                state = [alias for alias, version in aliases.items() if version == info.version]
                rows.append({"index": name, **asdict(info), "aliases": state})
    if as_json:
        echo_json(rows)
        return
    if not rows:
        click.echo("no index yet; make one with: groundwork ingest SOURCE")
        return
    table = [("INDEX", "VERSION", "CREATED", "PAGES", "CHUNKS", "SIZE", "STATE")]
    for row in rows:
        label = ", ".join(row["aliases"]) or ("refused" if row["refusal"] else "kept")
        size = human_bytes(row["bytes"])
        counts = (f"{row['pages']:,}", f"{row['chunks']:,}")
        table.append((row["index"], row["version"], row["created_at"], *counts, size, label))
    echo_table(table)


@index.command()
@click.argument("version", required=False)
@index_option
@json_option
def show(version: str | None, index: str | None, as_json: bool) -> None:
    """One version, by default the live one: pages, chunks, skipped files with reasons, time and rate."""
    settings = load()
    with open_index_store(settings) as store:
        name = _name(settings, index)
        manifest = _manifest(store, name, version)
        aliases = [alias for alias, at in _aliases(store, name).items() if at == manifest.version]
    if as_json:
        echo_json(_shown(manifest, aliases))
        return
    stats = manifest.stats
    state = ", ".join(aliases) or "kept"
    click.echo(f"index    {manifest.index}, version {manifest.version} ({state})")
    click.echo(f"created  {manifest.created_at} from {', '.join(manifest.sources)}")
    click.echo(f"holds    {len(manifest.pages):,} pages, {manifest.chunk_count:,} chunks")
    click.echo(
        f"built    in {stats.seconds:.1f} s: {stats.added:,} added, {stats.changed:,} changed, "
        f"{stats.removed:,} removed, {stats.unchanged:,} unchanged; {stats.embedded:,} chunks "
        f"embedded ({stats.rate(stats.embedded):,.0f}/s), {stats.reused:,} reused"
    )
    click.echo(f"embedder {manifest.config['embedder']}")
    if manifest.refusal:
        click.echo(f"refused  {manifest.refusal}")
    click.echo(f"held     {len(manifest.quarantined):,} pages in quarantine")
    for held in manifest.quarantined:
        state = "confirmed" if held.confirmed else "to review"
        click.echo(f"    {held.page}: {held.reason} ({held.score:.2f}, {state}): {held.excerpt}")
    click.echo(f"skipped  {len(manifest.skipped):,}")
    for reason, count in sorted(Counter(entry.reason for entry in manifest.skipped).items()):
        click.echo(f"  {reason} ({count})")
        for entry in manifest.skipped:
            if entry.reason == reason:
                click.echo(f"    {entry.page}: {entry.detail}")


@index.command()
@click.argument("a")
@click.argument("b")
@index_option
@json_option
def diff(a: str, b: str, index: str | None, as_json: bool) -> None:
    """Pages added, changed and removed from version A to version B; `live` and `previous` are versions too."""
    settings = load()
    with open_index_store(settings) as store:
        name = _name(settings, index)
        before, after = (_manifest(store, name, version).by_page() for version in (a, b))
    changes = {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(
            page
            for page in after.keys() & before.keys()
            if after[page].identity() != before[page].identity()
        ),
    }
    if as_json:
        echo_json(changes)
        return
    for kind, mark in (("added", "+"), ("removed", "-"), ("changed", "~")):
        for page in changes[kind]:
            click.echo(f"{mark} {page}")
    click.echo(", ".join(f"{len(pages)} {kind}" for kind, pages in changes.items()))


@index.command()
@click.argument("version")
@index_option
@json_option
def promote(version: str, index: str | None, as_json: bool) -> None:
    """Make a version live; the one before becomes `previous`."""
    settings = load()
    with open_index_store(settings) as store:
        name = _name(settings, index)
        manifest = _manifest(store, name, version)
        store.promote(name, manifest.version)
    _publish(settings, name, manifest.version, "index promote")
    _say_live(name, manifest.version, as_json)


@index.command()
@index_option
@json_option
def rollback(index: str | None, as_json: bool) -> None:
    """Make the previous version live again."""
    settings = load()
    with open_index_store(settings) as store:
        name = _name(settings, index)
        previous = store.alias(name, PREVIOUS)
        if previous is None:
            raise Conflict(f"index {name} has no previous version to go back to", field="index")
        store.promote(name, previous)
    _publish(settings, name, previous, "index rollback")
    _say_live(name, previous, as_json)


@index.command()
@index_option
@click.option(
    "--keep", type=click.IntRange(min=0), help="Versions to keep besides the aliased ones."
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
@json_option
def gc(index: str | None, keep: int | None, dry_run: bool, as_json: bool) -> None:
    """Delete old versions and the vectors that no version uses; never a live, previous or kept one.

    Versions that a champion, a challenger or the previous champion answers from stay as well.
    """
    from groundwork.cli.releases import versions_in_use
    from groundwork.retrieval.collect import collect

    settings = load()
    with open_index_store(settings) as store:
        names = [index] if index else store.names()
        count = settings.index.keep_versions if keep is None else keep
        collected = collect(
            store,
            names,
            keep=count,
            cache=settings.caches / "vectors.sqlite",
            dry_run=dry_run,
            in_use=partial(versions_in_use, settings),
        )
    if as_json:
        echo_json(asdict(collected))
        return
    for name, version in collected.versions:
        click.echo(f"{name} {version} {'would go' if dry_run else 'deleted'}")
    click.echo(
        f"{len(collected.versions)} versions, {collected.vectors} cached vectors"
        f"{' would go' if dry_run else ' deleted'}"
    )


def _publish(settings: Settings, name: str, version: str, why: str) -> None:
    from groundwork.cli.releases import publish_live

    publish_live(settings, name, version, why)


def _name(settings: Settings, index: str | None) -> str:
    return index or settings.index.default


def _aliases(store: IndexStore, name: str) -> dict[str, str | None]:
    return {alias: store.alias(name, alias) for alias in (LIVE, PREVIOUS)}


def _manifest(store: IndexStore, name: str, version: str | None) -> Manifest:
    wanted = version or LIVE
    if wanted in {LIVE, PREVIOUS}:
        found = store.alias(name, wanted)
        if found is None:
            raise IndexMissing(f"index {name} has no {wanted} version", field="index")
        wanted = found
    return Manifest.from_json(store.manifest(name, wanted))


def _shown(manifest: Manifest, aliases: list[str]) -> dict[str, Any]:
    shown = asdict(manifest)
    stats = manifest.stats
    shown.update(
        aliases=aliases,
        page_count=len(manifest.pages),
        chunk_count=manifest.chunk_count,
        chunks_per_second=round(stats.rate(stats.embedded), 1),
        pages_per_second=round(stats.rate(stats.added + stats.changed), 1),
    )
    return shown


def _say_live(name: str, version: str, as_json: bool) -> None:
    if as_json:
        echo_json({"index": name, "live": version})
    else:
        click.echo(f"{name}: version {version} is live")
