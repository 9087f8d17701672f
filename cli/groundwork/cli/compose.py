"""The composition root of the command line: settings in, working parts out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from groundwork.core.settings import Settings, load

if TYPE_CHECKING:
    from groundwork.core.answers import Answer
    from groundwork.core.scan import Scanner
    from groundwork.guardrails.guard import Guard
    from groundwork.ingestion.build import Tools
    from groundwork.ingestion.parse.base import ParseOptions
    from groundwork.retrieval.index.base import IndexStore
    from groundwork.serving.case import Question
    from groundwork.serving.services import Services


@contextmanager
def open_index_store(settings: Settings) -> Iterator[IndexStore]:
    """The vector engine that the settings name, closed afterwards."""
    from groundwork.retrieval.index.factory import open_store

    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Everything that answers questions, closed afterwards."""
    from groundwork.serving.services import build_services

    services = build_services(settings)
    try:
        yield services
    finally:
        services.close()


@contextmanager
def open_guard(settings: Settings) -> Iterator[Guard]:
    """The rails of the policy in force."""
    from groundwork.classic.injection.open import open_classifier
    from groundwork.guardrails.factory import create_guard
    from groundwork.guardrails.hosts import KnownHosts

    with open_index_store(settings) as store:
        yield create_guard(
            settings, classifier=open_classifier(settings), known_hosts=KnownHosts(store)
        )


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
def open_tools(settings: Settings, parsing: ParseOptions) -> Iterator[Tools]:
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
        )
    finally:
        cache.close()


def answer_once(question: Question, services: Services) -> Answer:
    """One finished answer, in an event loop of its own."""
    import asyncio

    from groundwork.core.telemetry import Trace
    from groundwork.serving.answer import complete

    async def run() -> Answer:
        await services.greet_engines()
        try:
            return await complete(question, services.assistant, Trace())
        finally:
            await services.close_engines()

    return asyncio.run(run())


__all__ = [
    "answer_once",
    "load",
    "open_guard",
    "open_index_store",
    "open_services",
    "open_tools",
    "page_scanner",
]
