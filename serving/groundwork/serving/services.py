"""What the service and the command line answer with, wired once from the settings."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from groundwork.core.metering.prices import embedded_book
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.settings import Settings, quiet_libraries
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import IndexStore
from groundwork.retrieval.live import LiveReaders
from groundwork.serving.answer import Assistant
from groundwork.serving.store import AnswerStore


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a request needs. Tests hand in fakes."""

    assistant: Assistant
    store: AnswerStore
    index_store: IndexStore
    readers: LiveReaders
    embedder: Embedder
    metrics: Metrics = field(default_factory=Metrics)

    def close(self) -> None:
        """Release readers, engine and ledger."""
        self.readers.close()
        self.index_store.close()
        self.store.close()


def build_services(settings: Settings) -> Services:
    """The real parts. Raises Unavailable or ConfigurationError; what was opened before is closed again."""
    from groundwork.retrieval.embed.factory import create_embedder
    from groundwork.retrieval.index.factory import open_store
    from groundwork.retrieval.retrieve import Retriever
    from groundwork.serving.generate.extractive import ExtractiveGenerator

    quiet_libraries()
    with ExitStack() as undo:
        store = AnswerStore(settings.ledger_url)
        undo.callback(store.close)
        index_store = open_store(settings)
        undo.callback(index_store.close)
        embedder = create_embedder(settings)
        readers = LiveReaders(index_store, settings.service.follow_seconds)
        assistant = Assistant(
            retriever=Retriever(readers, embedder, settings.retrieval),
            generator=ExtractiveGenerator(settings.generator),
            prices=embedded_book(embedder.model),
            store=store,
        )
        undo.pop_all()
    return Services(assistant, store, index_store, readers, embedder)
