"""What answers questions."""

from __future__ import annotations

from dataclasses import dataclass

from groundwork.core.registry.release import Release
from groundwork.guardrails.guard import Guard
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.books import Books
from groundwork.serving.cache import AnswerCache
from groundwork.serving.conversation import Rewriter
from groundwork.serving.conversation_store import ConversationStore
from groundwork.serving.generate.base import Generator
from groundwork.serving.prompts.file import Prompt


@dataclass(frozen=True, slots=True)
class Assistant:
    """Built by the composition root; every part can be replaced."""

    retriever: Retriever
    generator: Generator
    guard: Guard
    rewriter: Rewriter
    conversations: ConversationStore
    cache: AnswerCache
    books: Books
    max_history_tokens: int = 1500
    # What a language model is asked with; none where there is no model.
    prompts: tuple[Prompt, ...] = ()

    def release(self, index: str, version: str) -> Release:
        """Everything that decides an answer from this version."""
        return Release(
            index=index,
            index_version=version,
            embedder=self.retriever.embedder.identity,
            generator=self.generator.identity,
            prices=self.books.prices.digest,
            retrieval={**self.retriever.settings(), "rewriter": self.rewriter.identity},
            prompt=",".join(f"{each.id}-{each.digest}" for each in self.prompts) or None,
            policy=self.guard.identity,
        )
