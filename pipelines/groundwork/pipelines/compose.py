"""What steps are composed of: settings in, working parts out. The command line composes its ingests of the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import InvalidInput
from groundwork.core.telemetry import NO_STAGES

if TYPE_CHECKING:
    from groundwork.core.scan import Scanner
    from groundwork.core.settings import Settings
    from groundwork.core.telemetry import Stages
    from groundwork.ingestion.build import Tools
    from groundwork.ingestion.outcome import IngestRequest
    from groundwork.ingestion.parse.base import ParseOptions
    from groundwork.ingestion.sources.base import SourceOptions
    from groundwork.retrieval.index.base import IndexStore

# How the sources are read and their pages parsed, with what is taken where nothing is said.
OPTIONS: Mapping[str, Any] = {
    "url_base": None,
    "site": "auto",
    "product_version": None,
    "tags": (),
    "include": (),
    "exclude": (),
    "ref": None,
    "subfolder": None,
}


@contextmanager
def open_index_store(settings: Settings) -> Iterator[IndexStore]:
    """The vector engine that the settings name, closed afterwards."""
    from groundwork.retrieval.index.factory import open_store

    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


def page_scanner(settings: Settings) -> Scanner:
    """What keeps pages with orders to the assistant out of an index."""
    from groundwork.core.scan import NoScanner

    off = settings.ingest.scan == "off"
    # The embedder without a model is for tests and trials; the classifier would load one.
    if off or (settings.ingest.scan == "auto" and settings.embedder.engine == "hashing"):
        return NoScanner()
    from groundwork.classic.injection.open import open_classifier
    from groundwork.classic.injection.scan import InjectionScanner

    return InjectionScanner(open_classifier(settings))


@contextmanager
def open_tools(
    settings: Settings, parsing: ParseOptions, trace: Stages = NO_STAGES
) -> Iterator[Tools]:
    """What an ingest works with."""
    from groundwork.ingestion.build import Tools
    from groundwork.ingestion.chunk import ChunkingConfig
    from groundwork.retrieval.embed.cache import VectorCache
    from groundwork.retrieval.embed.factory import create_embedder
    from groundwork.retrieval.embed.pool import EmbeddingPool

    cache = VectorCache(settings.caches / "vectors.sqlite")
    try:
        yield Tools(
            embedder=create_embedder(settings),
            cache=cache,
            open_pool=partial(EmbeddingPool, settings),
            parsing=parsing,
            chunking=ChunkingConfig(),
            scanner=page_scanner(settings),
            trace=trace,
        )
    finally:
        cache.close()


def traced_ingest(settings: Settings, index: str, step: str = "") -> AbstractContextManager[Stages]:
    """The trace of an ingest, or of one step of it in a process of its own; `index` is "" where the step does not know it."""
    from groundwork.core.monitoring.tracing.job import traced

    name = " ".join(part for part in ("ingest", index, step) if part)
    return traced(settings, name, {"groundwork.index": index or None})


def ingest_request(
    settings: Settings,
    sources: Sequence[str],
    index: str,
    options: Mapping[str, Any],
    *,
    promote: bool = True,
) -> IngestRequest:
    """What to bring in, from specs of sources. Raises InvalidInput or SourceError for one that cannot be meant so."""
    from groundwork.core.scan import Decisions, decisions_file
    from groundwork.ingestion.check import Limits
    from groundwork.ingestion.outcome import IngestRequest
    from groundwork.ingestion.sources import open_source

    how = source_options(settings, options)
    return IngestRequest(
        index=index,
        sources=tuple(open_source(spec, how) for spec in sources),
        limits=Limits(settings.ingest.max_failed_share, settings.ingest.max_vanished_share),
        promote=promote,
        verdicts=Decisions(decisions_file(settings.home, index)).verdicts(),
    )


def parse_options(options: Mapping[str, Any]) -> ParseOptions:
    """The part of the options that decides how pages are parsed."""
    from groundwork.ingestion.parse.base import ParseOptions

    said = known_options(options)
    return ParseOptions(
        url_base=said["url_base"],
        site=said["site"],
        product_version=said["product_version"],
        tags=tuple(said["tags"]),
    )


def source_options(settings: Settings, options: Mapping[str, Any]) -> SourceOptions:
    """The part of the options that decides how sources are read."""
    from groundwork.core.settings import command_environment
    from groundwork.ingestion.sources import SourceOptions

    said = known_options(options)
    return SourceOptions(
        include=tuple(said["include"]),
        exclude=tuple(said["exclude"]),
        max_bytes=settings.ingest.max_bytes,
        ref=said["ref"],
        subfolder=said["subfolder"],
        environment=command_environment(),
        http_cache_dir=settings.caches / "http",
        rate_per_second=settings.ingest.requests_per_second,
        allow_private_addresses=settings.ingest.allow_private_addresses,
        user_agent=settings.ingest.user_agent,
    )


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with defaults for those that were not given. Raises InvalidInput for one that does not exist."""
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise InvalidInput(
            f"an ingest has no option {unknown[0]!r}; it has {', '.join(OPTIONS)}", field="options"
        )
    return {name: options.get(name) or usual for name, usual in OPTIONS.items()}


def bundled_guides() -> Path | None:
    """The documentation of the platform itself: in the installed package, or beside it in a checkout."""
    import groundwork

    installed = (Path(root) / "cli" / "docs" for root in groundwork.__path__)
    beside = (
        parent / "docs"
        for parent in Path(__file__).resolve().parents
        if (parent / "pyproject.toml").is_file()
    )
    return next((folder for folder in (*installed, *beside) if folder.is_dir()), None)
