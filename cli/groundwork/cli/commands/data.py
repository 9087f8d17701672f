"""groundwork data add | list | show | diff | get."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, human_bytes, json_option
from groundwork.cli.progress import ConsoleProgress

if TYPE_CHECKING:
    from groundwork.core.datasets import DataVersion
    from groundwork.core.datasets_store import DataStore


@click.group()
def data() -> None:
    """Versions of the data that models are trained on and measured with."""


def _store() -> DataStore:
    from groundwork.core.datasets_store import DataStore

    return DataStore(load().data_url)


@data.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--source", default="", help="Where it came from; the path if not given.")
@click.option(
    "--parent",
    "parents",
    metavar="NAME@DIGEST",
    multiple=True,
    help="A version it was made from; repeatable.",
)
@json_option
def add(name: str, path: Path, source: str, parents: tuple[str, ...], as_json: bool) -> None:
    """Keep a file or a folder as a version of NAME; the same content is the same version."""
    progress = ConsoleProgress()
    try:
        version = _store().add(name, path, source=source, parents=parents, progress=progress)
    finally:
        progress.close()
    _say(version, as_json)


@data.command("list")
@click.argument("name", required=False)
@json_option
def list_(name: str | None, as_json: bool) -> None:
    """The versions of NAME, or of every dataset; newest first."""
    store = _store()
    names = [name] if name else store.names()
    found = [version for each in names for version in store.versions(each)]
    if as_json:
        echo_json([_shown(version) for version in found])
        return
    if not found:
        click.echo("no data yet; keep some with: groundwork data add NAME PATH")
        return
    table = [("DATA", "DIGEST", "CREATED", "FILES", "ROWS", "SIZE", "SOURCE")]
    for version in found:
        counts = (f"{len(version.files):,}", _rows(version.rows), human_bytes(version.size))
        table.append((version.name, _short(version), version.created_at, *counts, version.source))
    echo_table(table)


@data.command()
@click.argument("reference", metavar="NAME[@DIGEST]")
@json_option
def show(reference: str, as_json: bool) -> None:
    """One version, by default the newest: its digest, source, parents and files."""
    version = _store().find(reference)
    if as_json:
        echo_json({**_shown(version), "files": [asdict(file) for file in version.files]})
        return
    click.echo(f"data     {version.name}@{version.digest}")
    click.echo(f"created  {version.created_at} from {version.source or '-'}")
    for parent in version.parents:
        click.echo(f"made of  {parent}")
    size = human_bytes(version.size)
    click.echo(f"holds    {_rows(version.rows)} rows in {len(version.files):,} files, {size}")
    for file in version.files:
        click.echo(f"  {file.digest[:12]}  {human_bytes(file.bytes):>9}  {file.name}")


@data.command()
@click.argument("a", metavar="NAME[@DIGEST]")
@click.argument("b", metavar="NAME[@DIGEST]")
@json_option
def diff(a: str, b: str, as_json: bool) -> None:
    """Files added, removed and changed from version A to version B."""
    from groundwork.core.datasets import compare

    store = _store()
    changes = compare(store.find(a), store.find(b))
    if as_json:
        echo_json(asdict(changes))
        return
    for kind, mark in (("added", "+"), ("removed", "-"), ("changed", "~")):
        for name in getattr(changes, kind):
            click.echo(f"{mark} {name}")
    rows = "" if changes.rows is None else f"; {changes.rows:+,} rows"
    click.echo(
        f"{len(changes.added)} added, {len(changes.removed)} removed, {len(changes.changed)} changed{rows}"
    )


@data.command()
@click.argument("reference", metavar="NAME[@DIGEST]")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def get(reference: str, folder: Path, as_json: bool) -> None:
    """Bring a version into a folder; every file is checked against its digest."""
    store = _store()
    version = store.find(reference)
    progress = ConsoleProgress()
    try:
        store.get(version, folder, progress)
    finally:
        progress.close()
    if as_json:
        echo_json({**_shown(version), "folder": str(folder)})
    else:
        click.echo(f"{version.name}@{_short(version)}: {len(version.files):,} files in {folder}")


def _say(version: DataVersion, as_json: bool) -> None:
    if as_json:
        echo_json(_shown(version))
        return
    click.echo(
        f"{version.name}@{_short(version)}: {_rows(version.rows)} rows in {len(version.files):,} files, "
        f"{human_bytes(version.size)}"
    )


def _shown(version: DataVersion) -> dict[str, Any]:
    return {**asdict(version), "files": len(version.files), "bytes": version.size}


def _rows(rows: int | None) -> str:
    return "?" if rows is None else f"{rows:,}"


def _short(version: DataVersion) -> str:
    from groundwork.core.datasets import SHORT

    return version.digest[:SHORT]
