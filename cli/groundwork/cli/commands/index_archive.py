"""groundwork index export | import."""

from __future__ import annotations

from dataclasses import asdict

import click

from groundwork.cli.compose import load, open_index_store
from groundwork.cli.output import echo_json, human_bytes, index_option, json_option
from groundwork.cli.progress import ConsoleProgress
from groundwork.core.errors import IndexMissing
from groundwork.retrieval.index.base import LIVE, PREVIOUS, IndexStore

# Below the caches: an archive on its way to or from elsewhere.
_WORK = "archives"


@click.command("export")
@click.argument("version", metavar="INDEX[@VERSION]")
@click.argument("url", metavar="URL")
@json_option
def export(version: str, url: str, as_json: bool) -> None:
    """Write a version, by default the live one, as one file to URL: a path, s3://…, gs://… or abfs://….

    The file holds everything: passages, vectors, manifest. Any engine reads it back. A URL that ends in / gets the
    file's name.
    """
    from groundwork.retrieval import archives

    settings = load()
    name, _, wanted = version.partition("@")
    progress = ConsoleProgress()
    try:
        with open_index_store(settings) as store:
            held, work = _held(store, name, wanted), settings.caches / _WORK
            done = archives.export(store, name, held, url, work, progress)
    finally:
        progress.close()
    if as_json:
        echo_json(asdict(done))
        return
    click.echo(
        f"{done.index}: version {done.version}, {done.chunks:,} chunks, {human_bytes(done.bytes)} "
        f"in {done.url}"
    )
    click.echo(f"sha256 {done.digest}")


@click.command("import")
@click.argument("url", metavar="URL")
@index_option
@click.option("--promote", is_flag=True, help="Make the version live.")
@json_option
def import_(url: str, index: str | None, promote: bool, as_json: bool) -> None:
    """Bring a version back from the file at URL, under the same id.

    Everything is checked before anything is visible. --index imports it under another name than it had.
    """
    from groundwork.retrieval import archives

    settings = load()
    progress = ConsoleProgress()
    work = settings.caches / _WORK
    try:
        with open_index_store(settings) as store:
            done = archives.restore(store, url, work, progress, index=index, promote=promote)
    finally:
        progress.close()
    if as_json:
        echo_json(asdict(done))
        return
    state = "is there already" if done.known else "imported"
    live = (
        " and live"
        if done.promoted
        else f"; to make it live: {_promoting(done.index, done.version)}"
    )
    click.echo(f"{done.index}: version {done.version}, {done.chunks:,} chunks, {state}{live}")


def _held(store: IndexStore, name: str, wanted: str) -> str | None:
    """The version asked for; `live` and `previous` stand for versions here too, nothing for the live one."""
    if wanted not in {LIVE, PREVIOUS}:
        return wanted or None
    found = store.alias(name, wanted)
    if found is None:
        raise IndexMissing(f"index {name} has no {wanted} version", field="index")
    return found


def _promoting(index: str, version: str) -> str:
    return f"groundwork index promote {version} --index {index}"
