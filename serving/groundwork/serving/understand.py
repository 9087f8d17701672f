"""The first steps of a question: what the rails say, what it means without its history, what was answered before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from groundwork.core.answers import Turn
from groundwork.core.metering.prices import EMBED, RETRIEVE
from groundwork.core.metering.tally import INPUT, SEARCHES
from groundwork.retrieval.passages import Retrieval
from groundwork.serving.admission import admit
from groundwork.serving.assistant import Assistant
from groundwork.serving.cache import CacheKey, history_digest
from groundwork.serving.case import Case
from groundwork.serving.conversation import trim
from groundwork.serving.draft import Draft

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Conversations are read from here on back; older turns would be trimmed anyway.
_LAST_TURNS = 20


async def let_in(case: Case, assistant: Assistant) -> None:
    """Hold what the question may cost, and let the rails see it: they may redact it, or stop it.

    Raises TooManyRequests, BudgetExceeded, Unavailable.
    """
    with case.trace.stage("input_rails"):
        # One hop to a thread for both: a hop costs more than either.
        await asyncio.to_thread(_let_in, case, assistant)
    case.standalone = case.text


async def stand_alone(case: Case, assistant: Assistant) -> None:
    """Read the conversation, trim it, and make the question one that needs none of it."""
    if case.refusal is not None:
        return
    history = case.question.history or await _kept_turns(case, assistant)
    trimmed = trim(history, assistant.max_history_tokens)
    case.history = trimmed.turns
    if trimmed.dropped_turns:
        case.record["dropped_history"] = {
            "turns": trimmed.dropped_turns,
            "tokens": trimmed.dropped_tokens,
        }
    if not case.history:
        return
    with case.trace.stage("rewrite"):
        rewritten = await assistant.rewriter.rewrite(case.text, case.history, case.tally)
    case.standalone = rewritten.question
    case.record["rewritten"] = rewritten.record()


async def retrieve(case: Case, assistant: Assistant) -> None:
    """What was answered before, or passages. Raises IndexMissing, and what retrieval raises."""
    with case.trace.stage("retrieve"):
        await asyncio.to_thread(_find, case, assistant)
    assistant.books.watch(case)


async def _kept_turns(case: Case, assistant: Assistant) -> tuple[Turn, ...]:
    owner = case.question.caller.key_id or None
    store = assistant.conversations
    if case.conversation is None:
        return ()
    if case.question.begins:
        await asyncio.to_thread(store.create, owner, case.conversation)
        return ()
    kept = await asyncio.to_thread(store.read, case.conversation, owner, _LAST_TURNS)
    return kept.history()


def _let_in(case: Case, assistant: Assistant) -> None:
    admit(case, assistant)
    vector = _embedded(case, assistant)
    case.judged(case.rails.check_input(case.text, vector=vector))


def _find(case: Case, assistant: Assistant) -> None:
    index = case.question.index
    version = assistant.retriever.version(index)
    release = assistant.release(index, version)
    model = assistant.generator.model
    if case.refusal is not None:
        case.begun(_nothing(case, version), release, model)
        return
    vector = _embedded(case, assistant)
    case.key = _key(case, release.id, version)
    case.hit = assistant.cache.find(case.key, case.standalone, vector).hit
    if case.hit is not None:
        kept = case.hit.answer
        case.begun(_nothing(case, version, kept.confidence), release, kept.model)
        case.draft = Draft.of(kept.answer, kept.citations)
        case.record["cache"] = case.hit.record()
        return
    found = _passages(case, assistant, vector)
    # A promotion may have come between; what was read decides.
    case.begun(found, assistant.release(index, found.index_version), model)


def _embedded(case: Case, assistant: Assistant) -> NDArray[np.float32]:
    """The vector of what is asked now: once for the question, again where a rail or the rewriter changed it."""
    if case.vector is None or case.embedded != case.standalone:
        embedder = assistant.retriever.embedder
        case.tally.add(EMBED, embedder.model, INPUT, embedder.count_tokens(case.standalone))
        case.vector, case.embedded = embedder.embed([case.standalone])[0], case.standalone
    return case.vector


def _passages(case: Case, assistant: Assistant, vector: NDArray[np.float32]) -> Retrieval:
    question = case.question
    found = assistant.retriever.retrieve(
        case.standalone,
        question.index,
        where=question.where,
        limit=question.passages,
        vector=vector,
    )
    case.tally.add(RETRIEVE, "qdrant", SEARCHES, 1)
    kept = case.rails.check_passages(found.passages)
    case.verdicts += kept.verdicts
    if kept.dropped:
        case.record["dropped_passages"] = list(kept.dropped)
    if found.passages:
        case.judged(case.rails.check_signals(case.text, found.signals))
    return found.only(kept.passages)


def _nothing(case: Case, version: str, confidence: float = 0.0) -> Retrieval:
    """What stands for a retrieval that was not needed."""
    return Retrieval(case.standalone, case.question.index, version, (), confidence, 0.0, 0)


def _key(case: Case, release: str, version: str) -> CacheKey:
    question = case.question
    return CacheKey(
        release=release,
        index=question.index,
        index_version=version,
        # What a team may see and which rails it has are its own.
        access=question.caller.team,
        where=question.where,
        passages=question.passages,
        generator=question.generator,
        history=history_digest(case.history),
    )
