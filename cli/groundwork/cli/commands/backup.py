"""groundwork backup create | list | verify | restore."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, human_bytes, json_option
from groundwork.cli.progress import ConsoleProgress

if TYPE_CHECKING:
    from groundwork.cli.backups.whole import Backup

_name_option = click.option(
    "--id", "name", metavar="ID", help="Which one; the newest if not given."
)


@click.group()
def backup() -> None:
    """Copies of the ledger, the registry and the indexes, and the way back."""


@backup.command()
@click.argument("url")
@json_option
def create(url: str, *, as_json: bool) -> None:
    """Take a backup into the folder URL: a path, s3://…, gs://… or abfs://…. Others may go on working meanwhile.

    It holds what cannot be made again: charges, answers, keys, releases with their files, index versions that answer or can be
    rolled back to, evaluations. Vectors that are cached and exported models are made again.
    """
    from groundwork.cli.backups import whole

    progress = ConsoleProgress()
    try:
        made = whole.create(load(), url, progress)
    finally:
        progress.close()
    if as_json:
        echo_json(asdict(made))
        return
    _print(made)


@backup.command("list")
@click.argument("url")
@json_option
def list_(url: str, *, as_json: bool) -> None:
    """All backups at URL that are whole, newest first."""
    from groundwork.cli.backups import whole

    found = whole.backups(url)
    if as_json:
        echo_json([asdict(each) for each in found])
        return
    rows = [("BACKUP", "CREATED", "SIZE", "INDEXES", "CODE")]
    for each in found:
        names = ", ".join(sorted({index.name for index in each.indexes})) or "-"
        rows.append((each.id, each.created_at, human_bytes(each.bytes), names, each.code))
    echo_table(rows)


@backup.command()
@click.argument("url")
@_name_option
@json_option
def verify(url: str, name: str | None, *, as_json: bool) -> None:
    """Read a whole backup and compare every file with its digest."""
    from groundwork.cli.backups import whole

    progress = ConsoleProgress()
    try:
        folder, found = whole.find(url, name)
        whole.verify(folder, found, progress)
    finally:
        progress.close()
    if as_json:
        echo_json({"backup": found.id, "files": len(found.parts), "whole": True})
    else:
        click.echo(f"backup {found.id} is whole: {len(found.parts)} files")


@backup.command()
@click.argument("url")
@_name_option
@json_option
def restore(url: str, name: str | None, *, as_json: bool) -> None:
    """Bring a backup back into a home, and databases, that are empty. Everything is checked first."""
    from groundwork.cli.backups import whole

    settings = load()
    progress = ConsoleProgress()
    try:
        folder, found = whole.find(url, name)
        whole.restore(settings, folder, found, progress)
    finally:
        progress.close()
    if as_json:
        echo_json({"backup": found.id, "home": str(settings.home)})
    else:
        click.echo(f"backup {found.id} is restored to {settings.home}; see: groundwork doctor")


def _print(made: Backup) -> None:
    click.echo(f"backup {made.id}: {len(made.parts)} files, {human_bytes(made.bytes)}")
    for index in made.indexes:
        click.echo(f"  index {index.name}@{index.version} ({', '.join(index.aliases) or 'in use'})")
    for note in made.notes:
        click.echo(f"  note: {note}")
