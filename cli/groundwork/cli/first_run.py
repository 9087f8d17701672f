"""What `groundwork up` does before it serves: an index to answer from, and a first answer to look at."""

from __future__ import annotations

import click

from groundwork.cli.compose import answer_once, open_index_store, open_services, open_tools
from groundwork.cli.progress import ConsoleProgress
from groundwork.core.settings import Settings

FIRST_QUESTION = "How do I ingest my own documentation?"


def ensure_index(settings: Settings) -> None:
    """Index the bundled documentation under the default name, unless something is indexed already."""
    from groundwork.cli.commands.ingest import default_docs

    with open_index_store(settings) as store:
        if store.names():
            return
        docs = default_docs()
        if docs is None:
            click.echo("nothing is indexed yet; run: groundwork ingest SOURCE", err=True)
            return
        from groundwork.core.scan import Decisions, decisions_file
        from groundwork.ingestion.check import Limits
        from groundwork.ingestion.ingest import IngestRequest, ingest
        from groundwork.ingestion.parse.base import ParseOptions
        from groundwork.ingestion.sources import open_source

        index = settings.index.default
        limits = Limits(settings.ingest.max_failed_share, settings.ingest.max_vanished_share)
        verdicts = Decisions(decisions_file(settings.home, index)).verdicts()
        request = IngestRequest(index, (open_source(str(docs)),), limits, verdicts=verdicts)
        # The service shows its own pages, so a citation of the bundled docs is a link too.
        parsing = ParseOptions(url_base=f"/pages/{index}", site="github")
        progress = ConsoleProgress()
        with open_tools(settings, parsing) as tools:
            result = ingest(request, store, tools, progress)
        progress.close()
        click.echo(
            f"indexed the bundled docs: {result.pages} pages, {result.chunks} chunks", err=True
        )


def print_first_answer(settings: Settings) -> None:
    """Ask and show, so that a new user sees what the service does before opening a page."""
    from groundwork.cli.commands.ask import show_answer
    from groundwork.serving.case import Question

    with open_services(settings) as services:
        names = services.index_store.names()
        if settings.index.default not in names:
            return
        asked = Question(FIRST_QUESTION, settings.index.default)
        answer = answer_once(asked, services)
    click.echo(f"> {FIRST_QUESTION}\n")
    show_answer(answer)
    click.echo()
