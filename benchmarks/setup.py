"""A place to measure in: its own home, the product's own parts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.data import SETS, Labelled, QuestionSet
from groundwork.cli.compose import open_index_store, open_tools
from groundwork.core.progress import NoProgress
from groundwork.core.settings import Settings, quiet_libraries
from groundwork.ingestion.check import Limits
from groundwork.ingestion.ingest import IngestRequest, IngestResult, ingest
from groundwork.ingestion.parse import ParseOptions
from groundwork.ingestion.sources import open_source
from groundwork.retrieval.embed.factory import create_embedder
from groundwork.retrieval.live import LiveReaders
from groundwork.retrieval.retrieve import Retriever


def ingest_folder(
    settings: Settings, folder: Path, index: str, site: str = "auto", url_base: str | None = None
) -> IngestResult:
    """One ingest, as the command does it."""
    options = ParseOptions(url_base=url_base, site=site)  # type: ignore[arg-type]  # one of its literals
    request = IngestRequest(index, (open_source(str(folder)),), Limits(0.5, 1.0))
    with open_index_store(settings) as store, open_tools(settings, options) as tools:
        return ingest(request, store, tools, NoProgress())


@contextmanager
def open_retriever(settings: Settings) -> Iterator[Retriever]:
    """The product's retriever on everything that the home holds."""
    with open_index_store(settings) as store:
        readers = LiveReaders(store, follow_seconds=3600)
        try:
            yield Retriever(readers, create_embedder(settings), settings.retrieval)
        finally:
            readers.close()


def prepare_sets(settings: Settings, names: tuple[str, ...] = ()) -> dict[str, list[Labelled]]:
    """Lay out and index the labelled sets; what is indexed already costs next to nothing."""
    quiet_libraries()
    questions = {}
    for chosen in SETS:
        if names and chosen.name not in names:
            continue
        questions[chosen.name] = _prepare(settings, chosen)
    return questions


def _prepare(settings: Settings, chosen: QuestionSet) -> list[Labelled]:
    folder = corpus_folder(settings, chosen.name)
    shutil.rmtree(folder, ignore_errors=True)
    labelled = chosen.prepare(folder)
    ingest_folder(settings, folder, chosen.index, chosen.site)
    return labelled


def corpus_folder(settings: Settings, name: str) -> Path:
    """Where a set's corpus lies while it is measured."""
    return settings.home / "corpora" / name
