"""Composition of the red team: a home of its own, so that nothing of the user's is touched."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.commands.ingest import default_docs
from groundwork.cli.compose import open_index_store, open_services, open_tools
from groundwork.cli.output import echo_json
from groundwork.cli.progress import ConsoleProgress

if TYPE_CHECKING:
    from groundwork.core.settings import Settings
    from groundwork.evals.redteam.report import Report

_TOPIC = "How is the port of the service changed?"


def report_redteam(
    settings: Settings, seed: int, attacks: int, harmless: int, out: Path | None, *, as_json: bool
) -> None:
    """Run it, write its three files, print the report."""
    report = _redteam(settings, seed, attacks, harmless)
    folder = out or settings.home / "evals" / "redteam"
    _write(report, folder)
    if as_json:
        echo_json(report.to_dict())
    else:
        click.echo(report.to_markdown())
        click.echo(f"written to {folder}")


def _redteam(settings: Settings, seed: int, attacks: int, harmless: int) -> Report:
    from groundwork.evals.redteam.suite import Platform, run_suite

    progress = ConsoleProgress()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        settings.models.mkdir(parents=True, exist_ok=True)
        # The exported model and a classifier trained here are used; everything else is new.
        (home / "models").symlink_to(settings.models)
        apart = settings.model_copy(update={"home": home})
        pages = home / "pages"
        docs = default_docs()
        if docs is None:
            pages.mkdir()
        else:
            shutil.copytree(docs, pages)
        platform = Platform(partial(_ingest, apart), partial(open_services, apart), _TOPIC)
        try:
            return run_suite(platform, pages, seed, attacks, harmless, progress)
        finally:
            progress.close()


def _ingest(settings: Settings, folder: Path) -> frozenset[str]:
    from groundwork.core.progress import NoProgress
    from groundwork.evals.redteam.suite import INDEX
    from groundwork.ingestion.check import Limits
    from groundwork.ingestion.ingest import IngestRequest, ingest
    from groundwork.ingestion.parse import ParseOptions
    from groundwork.ingestion.sources import SourceOptions, open_source

    request = IngestRequest(INDEX, (open_source(str(folder), SourceOptions()),), Limits(0.5, 1.0))
    with open_index_store(settings) as store, open_tools(settings, ParseOptions()) as tools:
        result = ingest(request, store, tools, NoProgress())
    return frozenset(held.page for held in result.quarantined)


def _write(report: Report, folder: Path) -> None:
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    data = report.to_dict()
    (folder / "redteam.json").write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    (folder / "redteam.md").write_text(report.to_markdown(), encoding="utf-8")
    found = b"".join(orjson.dumps(row) + b"\n" for row in data["found"])
    (folder / "redteam_found.jsonl").write_bytes(found)
