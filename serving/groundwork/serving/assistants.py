"""Which assistant answers a question: the one that the settings make, or the release that the registry names.

An index whose releases are managed is followed: its champion answers, and while a release is tried, the challenger answers
its share of the conversations or gets copies of their questions. Every other index is answered as configured.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace

from groundwork.core.answers import Answer, Turn
from groundwork.core.errors import GroundworkError
from groundwork.core.metering.callers import Caller
from groundwork.core.registry.follow import Follower
from groundwork.core.registry.held import Held
from groundwork.core.settings import CacheSettings
from groundwork.core.telemetry import Trace
from groundwork.serving.answer import answer
from groundwork.serving.assistant import Assistant
from groundwork.serving.books import AsideBooks
from groundwork.serving.cache import AnswerCache
from groundwork.serving.case import Question, new_answer_id
from groundwork.serving.events import Done, Event
from groundwork.serving.releases.load import Loaded

_log = logging.getLogger("groundwork.releases")

# What cost reports show as the channel of a copied question.
SHADOW = "shadow"
# Copies under way at once; further ones are left out, so that a slow challenger holds nobody up.
MAX_COPIES = 4
_LAST_TURNS = 20


class Assistants:
    """Answers by the right one. Used from the event loop; `follow` and `unfollow` from any thread."""

    def __init__(self, configured: Assistant) -> None:
        self.configured = configured
        self._followed: dict[str, Follower[Loaded]] = {}
        self._copies: set[asyncio.Task[None]] = set()

    def follow(self, index: str, follower: Follower[Loaded]) -> None:
        """From now on the registry decides what answers from this index."""
        self._followed = {**self._followed, index: follower}

    def unfollow(self, index: str) -> None:
        """From now on the settings do."""
        self._followed = {name: each for name, each in self._followed.items() if name != index}

    @contextmanager
    def standing(self, index: str) -> Iterator[Assistant]:
        """Whatever answers from this index when nothing is tried. Raises Unavailable where its release is not loaded yet."""
        follower = self._followed.get(index)
        if follower is None:
            yield self.configured
            return
        with follower.lease() as held:
            yield held.value.assistant

    def answer(self, question: Question, trace: Trace) -> AsyncGenerator[Event, None]:
        """See `answer.answer`: the same events, by whichever assistant this conversation belongs to."""
        follower = self._followed.get(question.index)
        if follower is None:
            return answer(question, self.configured, trace)
        return self._answer(follower, question, trace)

    async def complete(self, question: Question, trace: Trace) -> Answer:
        """The finished answer, for callers that do not stream."""
        async with aclosing(self.answer(question, trace)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.answer
        raise AssertionError("an answer always ends in Done")

    async def aclose(self) -> None:
        """Leave copies that are under way."""
        for task in self._copies:
            task.cancel()
        await asyncio.gather(*self._copies, return_exceptions=True)

    async def _answer(
        self, follower: Follower[Loaded], question: Question, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        name = new_answer_id()
        answered = False
        try:
            with follower.lease(question.thread, name) as held:
                async with aclosing(answer(question, held.value.assistant, trace, name)) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            _note(held, event.answer)
                            answered = True
                        yield event
        finally:
            # Whoever has the answer rarely waits for the generator's end.
            if answered:
                self._copy(follower, question, name)

    def _copy(self, follower: Follower[Loaded], question: Question, name: str) -> None:
        """Put the question to the challenger as well, where it is tried in the shadow: nobody waits for that."""
        trial = follower.status().trial
        if trial is None or trial.plan.mode != SHADOW or len(self._copies) >= MAX_COPIES:
            return
        task = asyncio.create_task(_shadow(follower, question, name))
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)


async def _shadow(follower: Follower[Loaded], question: Question, name: str) -> None:
    """Answered and charged, kept nowhere and shown to nobody."""
    try:
        with follower.shadow(question.thread, name) as held:
            if held is None:
                return
            assistant = held.value.assistant
            # It is no turn of a conversation, so it takes along what was said before it.
            history = await asyncio.to_thread(_said_before, question, assistant)
            copied = replace(
                question, caller=Caller.local(SHADOW), conversation=None, history=history
            )
            aside = replace(
                assistant,
                books=AsideBooks(assistant.books),
                cache=AnswerCache(CacheSettings(mode="off")),
            )
            async with aclosing(answer(copied, aside, Trace())) as events:
                async for event in events:
                    if isinstance(event, Done):
                        _note(held, event.answer)
    except GroundworkError as error:
        # Held has noted that it failed.
        _log.info("a copy for the challenger failed: %s", error.detail)


def _said_before(question: Question, assistant: Assistant) -> tuple[Turn, ...]:
    if question.conversation is None or question.begins:
        return question.history
    owner = question.caller.key_id or None
    kept = assistant.conversations.read(question.conversation, owner, _LAST_TURNS).history()
    # The newest turn is the question itself, with its answer.
    return kept[:-2]


def _note(held: Held[Loaded], given: Answer) -> None:
    kept = "cache" in given.record
    held.note(
        given.outcome,
        latency_ms=None if kept else given.timings_ms["total"],
        picodollars=None if kept else given.picodollars,
        confidence=given.confidence,
    )
