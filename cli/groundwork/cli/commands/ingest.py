"""groundwork ingest."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.compose import load, open_index_store, open_tools
from groundwork.cli.output import echo_json, index_option, json_option
from groundwork.cli.progress import ConsoleProgress
from groundwork.core.errors import GateRefused
from groundwork.core.monitoring.checks import note_check

if TYPE_CHECKING:
    from groundwork.core.settings import Settings
    from groundwork.ingestion.ingest import IngestResult

_SHOWN_SKIPPED = 5


@click.command()
@click.argument("sources", metavar="SOURCE…", nargs=-1, required=True)
@index_option
@click.option("--url-base", metavar="URL", help="Public URL of the source's root, for citations.")
@click.option(
    "--site",
    type=click.Choice(["auto", "hugo", "docusaurus", "sphinx", "mkdocs", "github"]),
    default="auto",
    show_default=True,
    help="The generator that publishes the pages: decides anchors and URLs.",
)
@click.option("--product-version", metavar="V", help="The product version these pages describe.")
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="A tag for every page; repeatable."
)
@click.option("--include", metavar="GLOB", multiple=True, help="Only files that match; repeatable.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Not files that match; repeatable.")
@click.option("--ref", metavar="REF", help="Branch, tag or commit of a git source.")
@click.option("--subfolder", metavar="PATH", help="Only this folder of a git source.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--no-promote", is_flag=True, help="Build the version without making it live.")
@json_option
def ingest(sources: tuple[str, ...], index: str | None, as_json: bool, **options: Any) -> None:
    """Bring an index up to date with its sources.

    SOURCE is a folder, a file, an archive, a git repository (git+https://…@ref#subfolder=docs) or a website
    (its address or its sitemap). The sources named are the whole of the index: pages they no longer hold
    leave the next version. Exits with 3 where the version was built and not promoted.
    """
    settings = load()
    result = _run(settings, sources, index or settings.index.default, dict(options))
    if result.promoted:
        note_check(settings, result.index, result.version)
    release = _release(settings, result)
    if as_json:
        echo_json({**_as_dict(result), "release": release})
    else:
        _print(result, dry_run=options["dry_run"])
        if release is not None:
            click.echo(f"  release {release} answers from it")
    if result.refusal is not None:
        raise GateRefused(
            f"version {result.version} was built and kept, not promoted: {result.refusal}. "
            f"To accept it: groundwork index promote {result.version} --index {result.index}"
        )


def _run(
    settings: Settings, sources: tuple[str, ...], index: str, options: dict[str, Any]
) -> IngestResult:
    from groundwork.core.telemetry import NO_STAGES
    from groundwork.ingestion.ingest import dry_run, ingest
    from groundwork.pipelines.compose import ingest_request, parse_options, traced_ingest

    dry = options.pop("dry_run")
    work = dry_run if dry else ingest
    promote = not options.pop("no_promote")
    request = ingest_request(settings, sources, index, options, promote=promote)
    progress = ConsoleProgress()
    try:
        with (
            # What changes nothing leaves no trace either.
            nullcontext(NO_STAGES) if dry else traced_ingest(settings, index) as trace,
            open_index_store(settings) as store,
            open_tools(settings, parse_options(options), trace) as tools,
        ):
            return work(request, store, tools, progress)
    finally:
        progress.close()


def _release(settings: Settings, result: IngestResult) -> str | None:
    """Every version that goes live makes a release."""
    if not result.promoted or result.unchanged or result.version is None:
        return None
    from groundwork.cli.releases import publish_live

    return publish_live(settings, result.index, result.version, "ingest")


def _as_dict(result: IngestResult) -> dict[str, Any]:
    return asdict(result)


def _print(result: IngestResult, *, dry_run: bool) -> None:
    counts = (
        f"{len(result.added)} added, {len(result.changed)} changed, {len(result.removed)} removed"
    )
    if dry_run:
        click.echo(f"{result.index}: {counts}; nothing was written (--dry-run)")
    elif result.unchanged:
        click.echo(
            f"{result.index}: nothing changed; version {result.version} answers "
            f"({result.pages:,} pages, {result.chunks:,} chunks)"
        )
    else:
        stats = result.stats
        click.echo(f"{result.index}: {counts} in {stats.seconds:.1f} s")
        click.echo(
            f"  {result.pages:,} pages, {result.chunks:,} chunks; {stats.embedded:,} embedded, "
            f"{stats.reused:,} vectors reused"
        )
        state = "live" if result.promoted else "built, not live"
        click.echo(f"  version {result.version} is {state}")
    _print_quarantined(result)
    _print_skipped(result)


def _print_quarantined(result: IngestResult) -> None:
    if not result.quarantined:
        return
    click.echo(f"  {len(result.quarantined)} in quarantine, for what they say to the assistant:")
    for entry in result.quarantined[:_SHOWN_SKIPPED]:
        click.echo(f"    {entry.page}: {entry.reason}: {entry.excerpt}")
    click.echo(f"    review: groundwork index quarantine list --index {result.index}")


def _print_skipped(result: IngestResult) -> None:
    if not result.skipped:
        return
    click.echo(f"  {len(result.skipped)} skipped:")
    for entry in result.skipped[:_SHOWN_SKIPPED]:
        click.echo(f"    {entry.page}: {entry.reason}: {entry.detail}")
    if len(result.skipped) > _SHOWN_SKIPPED:
        click.echo(f"    … all of them: groundwork index show --index {result.index}")


def default_docs() -> Path | None:
    """The bundled documentation: in the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve()
    installed = here.parents[1] / "docs"
    if installed.is_dir():
        return installed
    for parent in here.parents:
        if (parent / "docs").is_dir() and (parent / "pyproject.toml").is_file():
            return parent / "docs"
    return None
