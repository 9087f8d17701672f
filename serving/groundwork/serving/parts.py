"""What every assistant of a service shares, and how settings make one of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from groundwork.core.metering.accounts import Accounts
from groundwork.core.settings import Settings
from groundwork.guardrails.guard import Guard
from groundwork.guardrails.rails.base import InjectionClassifier
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.index.base import IndexStore
from groundwork.retrieval.live import LiveReaders, Readers
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.assistant import Assistant
from groundwork.serving.cache import AnswerCache
from groundwork.serving.conversation import create_rewriter
from groundwork.serving.conversation_store import ConversationStore
from groundwork.serving.engine.base import Engine
from groundwork.serving.generate.factory import create_generator
from groundwork.serving.prompts.library import PromptLibrary, prompts_in_force
from groundwork.serving.store import AnswerStore
from groundwork.serving.witness import NoWitness, Witness, WitnessedBooks


@dataclass(frozen=True, slots=True)
class Parts:
    """Engines, stores and caches: opened once, used by the assistant of every release."""

    index_store: IndexStore
    readers: LiveReaders
    embedder: Embedder
    classifier: InjectionClassifier
    engines: Mapping[str, Engine]
    accounts: Accounts
    store: AnswerStore
    conversations: ConversationStore
    cache: AnswerCache
    witness: Witness = field(default_factory=NoWitness)

    def guard(self, settings: Settings) -> Guard:
        """The rails that the settings ask for. Raises ConfigurationError."""
        from groundwork.guardrails.factory import create_guard
        from groundwork.guardrails.hosts import KnownHosts

        return create_guard(
            settings,
            classifier=self.classifier,
            embedder=self.embedder,
            known_hosts=KnownHosts(self.index_store),
        )

    def assemble(
        self, settings: Settings, *, readers: Readers | None = None, guard: Guard | None = None
    ) -> Assistant:
        """An assistant as the settings say; `readers` are the live ones if not given. Raises ConfigurationError."""
        return Assistant(
            retriever=Retriever(readers or self.readers, self.embedder, settings.retrieval),
            generator=create_generator(settings.generator, self.engines, self.embedder),
            guard=guard or self.guard(settings),
            rewriter=create_rewriter(
                settings.conversation,
                next(iter(self.engines.values()), None),
                PromptLibrary(settings.generator.prompts),
            ),
            conversations=self.conversations,
            cache=self.cache,
            books=WitnessedBooks(self.accounts, self.store, self.witness),
            max_history_tokens=settings.conversation.max_history_tokens,
            prompts=prompts_in_force(settings, with_engine=bool(self.engines)),
        )
