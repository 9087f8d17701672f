"""What the service and the command line answer with, wired once from the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from groundwork.core.errors import Unavailable
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.prices import embedded_book
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.settings import Settings, quiet_libraries
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import IndexStore
from groundwork.retrieval.live import LiveReaders
from groundwork.serving.assistant import Assistant
from groundwork.serving.books import Books
from groundwork.serving.cache import AnswerCache
from groundwork.serving.conversation import create_rewriter
from groundwork.serving.conversation_store import ConversationStore
from groundwork.serving.engine.base import Engine
from groundwork.serving.store import AnswerStore

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


def build_services(settings: Settings) -> Services:
    """The real parts. Raises Unavailable or ConfigurationError; what was opened before is closed again."""
    from groundwork.classic.injection.open import open_classifier
    from groundwork.guardrails.factory import create_guard
    from groundwork.guardrails.hosts import KnownHosts
    from groundwork.retrieval.embed.factory import create_embedder
    from groundwork.retrieval.embed.recent import RecentEmbedder
    from groundwork.retrieval.index.factory import open_store
    from groundwork.retrieval.retrieve import Retriever
    from groundwork.serving.engine.factory import engines_of
    from groundwork.serving.generate.factory import create_generator
    from groundwork.serving.prompts.library import PromptLibrary

    quiet_libraries()
    with ExitStack() as undo:
        store = AnswerStore(settings.ledger_url)
        undo.callback(store.close)
        conversations = ConversationStore(settings.ledger_url)
        undo.callback(conversations.close)
        index_store = open_store(settings)
        undo.callback(index_store.close)
        embedder = RecentEmbedder(create_embedder(settings))
        readers = LiveReaders(index_store, settings.service.follow_seconds)
        engines = engines_of(settings)
        metrics = Metrics()
        book = embedded_book(embedder.model)
        accounts = Accounts.open(settings, book, metrics.money.posted)
        accounts.start()
        undo.callback(accounts.close)
        assistant = Assistant(
            retriever=Retriever(readers, embedder, settings.retrieval),
            generator=create_generator(settings.generator, engines, embedder),
            guard=create_guard(
                settings,
                classifier=open_classifier(settings, embedder),
                embedder=embedder,
                known_hosts=KnownHosts(index_store),
            ),
            rewriter=create_rewriter(
                settings.conversation,
                next(iter(engines.values()), None),
                PromptLibrary(settings.generator.prompts),
            ),
            conversations=conversations,
            cache=AnswerCache(settings.cache, embedder),
            books=Books(accounts, store),
            max_history_tokens=settings.conversation.max_history_tokens,
        )
        undo.pop_all()
    return Services(
        assistant=assistant,
        store=store,
        index_store=index_store,
        readers=readers,
        embedder=embedder,
        conversations=conversations,
        accounts=accounts,
        engines=engines,
        metrics=metrics,
    )
