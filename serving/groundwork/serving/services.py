"""What the service and the command line answer with, wired once from the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from groundwork.core.errors import Unavailable
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.prices import embedded_book
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.settings import Settings, quiet_libraries
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import IndexStore
from groundwork.retrieval.live import LiveReaders
from groundwork.serving.assistant import Assistant
from groundwork.serving.assistants import Assistants
from groundwork.serving.cache import AnswerCache
from groundwork.serving.conversation_store import ConversationStore
from groundwork.serving.engine.base import Engine
from groundwork.serving.monitoring import Monitoring
from groundwork.serving.parts import Parts
from groundwork.serving.store import AnswerStore
from groundwork.serving.witness import NoWitness

_log = logging.getLogger("groundwork.serving")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a request needs. Tests hand in fakes."""

    assistant: Assistant
    store: AnswerStore
    index_store: IndexStore
    readers: LiveReaders
    embedder: Embedder
    conversations: ConversationStore
    accounts: Accounts
    engines: Mapping[str, Engine] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    # What assistants of other releases are made of; tests with a single fake assistant have none.
    parts: Parts | None = None
    # Traces, drift and retraining; None where nobody watches, as on the command line.
    monitoring: Monitoring | None = None
    # Chooses among releases; `assistant` is the one that the settings make.
    assistants: Assistants = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "assistants", Assistants(self.assistant))

    async def greet_engines(self) -> None:
        """Ask each engine what it serves. One that does not answer is logged and left for later."""
        for name, engine in self.engines.items():
            try:
                info = await engine.ping()
            except Unavailable as error:
                _log.warning("engine %s: %s", name, error.detail)
            else:
                _log.info("engine %s serves %s", name, info.model)

    async def close_engines(self) -> None:
        """Close connections, in the event loop that opened them."""
        for engine in self.engines.values():
            await engine.close()

    def close(self) -> None:
        """Release readers, engine and ledger; what waits in the journal is posted first."""
        self.readers.close()
        self.index_store.close()
        self.store.close()
        self.conversations.close()
        self.accounts.close()
        if self.monitoring is not None:
            self.monitoring.close()


def build_services(settings: Settings, *, watched: bool = False) -> Services:
    """The real parts. Raises Unavailable or ConfigurationError; what was opened before is closed again.

    `watched` keeps traces and observations of every answer, as a service does.
    """
    quiet_libraries()
    metrics = Metrics()
    with ExitStack() as undo:
        monitoring = None
        if watched:
            monitoring = Monitoring.open(settings, metrics)
            undo.callback(monitoring.close)
        witness = NoWitness() if monitoring is None else monitoring.witness
        parts = replace(_open_parts(settings, metrics, undo), witness=witness)
        assistant = parts.assemble(settings)
        undo.pop_all()
    return Services(
        assistant=assistant,
        store=parts.store,
        index_store=parts.index_store,
        readers=parts.readers,
        embedder=parts.embedder,
        conversations=parts.conversations,
        accounts=parts.accounts,
        engines=parts.engines,
        metrics=metrics,
        parts=parts,
        monitoring=monitoring,
    )


def _open_parts(settings: Settings, metrics: Metrics, undo: ExitStack) -> Parts:
    from groundwork.classic.injection.open import open_classifier
    from groundwork.retrieval.embed.factory import create_embedder
    from groundwork.retrieval.embed.recent import RecentEmbedder
    from groundwork.retrieval.index.factory import open_store
    from groundwork.serving.engine.factory import engines_of

    store = AnswerStore(settings.ledger_url)
    undo.callback(store.close)
    conversations = ConversationStore(settings.ledger_url)
    undo.callback(conversations.close)
    index_store = open_store(settings)
    undo.callback(index_store.close)
    embedder = RecentEmbedder(create_embedder(settings))
    accounts = Accounts.open(settings, embedded_book(embedder.model), metrics.money.posted)
    accounts.start()
    undo.callback(accounts.close)
    return Parts(
        index_store=index_store,
        readers=LiveReaders(index_store, settings.service.follow_seconds),
        embedder=embedder,
        classifier=open_classifier(settings, embedder),
        engines=engines_of(settings),
        accounts=accounts,
        store=store,
        conversations=conversations,
        cache=AnswerCache(settings.cache, embedder),
    )
