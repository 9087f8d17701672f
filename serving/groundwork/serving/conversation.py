"""Follow-up questions become standalone ones, so that retrieval and the cache need to know nothing of history.

Three rewriters: by a model, by words alone, and none. Whatever a model does wrong, the words do instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from groundwork.core.answers import Turn, Usage
from groundwork.core.errors import ConfigurationError, EngineError
from groundwork.core.metering.tally import Tally
from groundwork.core.settings import ConversationSettings
from groundwork.core.tokens import count_tokens
from groundwork.serving.engine.base import ChatRequest, Completion, Engine, Message
from groundwork.serving.followups import VERSION, is_follow_up, specific_words, topic
from groundwork.serving.generate.base import Reach
from groundwork.serving.prompts.file import Prompt
from groundwork.serving.prompts.library import PromptLibrary

REWRITE = "rewrite"

# What a message costs besides its text in common chat formats.
_TURN_TOKENS = 4
# A rewritten question is the question and what it left out, not an essay.
_MAX_GROWTH_CHARS = 300
# Of a rewritten question's telling words, this share has to be in the conversation: else it is about something else.
_FROM_CONVERSATION = 0.6
_LABEL = re.compile(
    r"^(?:(?:standalone|rewritten|last)?\s*(?:question|query)(?:, standing alone)?)\s*:\s*",
    re.IGNORECASE,
)
_QUOTES = "\"'“”‘’`"
_EXACT = re.compile(r"\d|^--")


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The newest turns that fit, oldest first, and how many older ones were left out."""

    turns: tuple[Turn, ...]
    dropped_turns: int = 0
    dropped_tokens: int = 0


def trim(history: Sequence[Turn], max_tokens: int) -> Trimmed:
    """The newest turns of at most so many tokens in all. A turn is kept whole or not at all."""
    kept: list[Turn] = []
    left = max_tokens
    sizes = [count_tokens(turn.content) + _TURN_TOKENS for turn in history]
    for turn, size in zip(reversed(history), reversed(sizes), strict=True):
        if size > left:
            break
        kept.append(turn)
        left -= size
    dropped = len(history) - len(kept)
    return Trimmed(tuple(reversed(kept)), dropped, sum(sizes[:dropped]))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The question to search and answer, who wrote it, and why."""

    question: str
    by: Literal["model", "heuristic", "none"]
    reason: str

    def record(self) -> dict[str, Any]:
        """For the answer's record."""
        return {"question": self.question, "by": self.by, "reason": self.reason}


class Rewriter(Protocol):
    """Makes a question stand alone. `identity` names everything that decides how, for the release."""

    @property
    def identity(self) -> str:
        """For the release."""
        ...

    async def rewrite(self, question: str, history: Sequence[Turn], tally: Tally) -> Rewritten:
        """`history` is trimmed, oldest first; what a model uses is said to `tally`. Raises nothing on purpose."""
        ...

    def reach(self) -> Reach | None:
        """The model that may be asked, and what it writes at most; None where none is."""
        ...


class NoRewriter:
    """Leaves every question as it is."""

    identity = "none"

    async def rewrite(self, question: str, history: Sequence[Turn], tally: Tally) -> Rewritten:
        """The question."""
        del history, tally
        return Rewritten(question, "none", "rewriting is off")

    def reach(self) -> Reach | None:
        """No model is asked."""
        return None


class HeuristicRewriter:
    """Names the topic behind a question that leans on an earlier one."""

    identity = VERSION

    async def rewrite(self, question: str, history: Sequence[Turn], tally: Tally) -> Rewritten:
        """No model is asked, so nothing is used."""
        del tally
        return by_words(question, history)

    def reach(self) -> Reach | None:
        """No model is asked."""
        return None


def by_words(question: str, history: Sequence[Turn]) -> Rewritten:
    """The question with its topic in brackets, where it leans on the conversation; else as it is."""
    asked = [turn.content for turn in history if turn.role == "user"]
    if not asked:
        return Rewritten(question, "none", "the first question")
    reason = is_follow_up(question)
    if reason is None:
        return Rewritten(question, "none", "stands alone")
    words = topic(asked)
    if not words:
        return Rewritten(question, "none", f"{reason}, and nothing before says what it is about")
    return Rewritten(f"{question} ({' '.join(words)})", "heuristic", reason)


class ModelRewriter:
    """Asks a model, and takes the words instead where the model fails or writes what cannot be the question."""

    def __init__(self, engine: Engine, prompt: Prompt) -> None:
        self._engine = engine
        self._prompt = prompt

    @property
    def identity(self) -> str:
        """The engine, the prompt, and what checks them."""
        return f"{self._engine.identity}:{self._prompt.digest}:{VERSION}"

    def reach(self) -> Reach | None:
        """The engine's, for as long as the prompt lets it write."""
        return Reach(self._engine.model, self._prompt.settings.max_tokens)

    async def rewrite(self, question: str, history: Sequence[Turn], tally: Tally) -> Rewritten:
        """One call, unless the question is the first. What it uses is said to `tally`, also where it is of no use."""
        if not history:
            return Rewritten(question, "none", "the first question")
        messages = self._prompt.render(history=_transcript(history), question=_one_line(question))
        settings = self._prompt.settings
        request = ChatRequest(
            messages,
            max_tokens=settings.max_tokens,
            temperature=settings.temperature,
            stop=tuple(settings.stop),
        )
        try:
            written = await self._engine.complete(request)
        except EngineError as error:
            if error.usage is not None:
                tally.tokens(REWRITE, self._engine.model, error.usage)
            return _instead(question, history, error.code)
        tally.tokens(REWRITE, written.model, written.usage or _estimate(messages, written))
        text = _clean(written.text)
        wrong = _what_is_wrong(text, written.finish_reason, question, history)
        if wrong is not None:
            return _instead(question, history, wrong)
        if text == question:
            return Rewritten(question, "none", "stands alone")
        return Rewritten(text, "model", "leans on the conversation")


def create_rewriter(
    settings: ConversationSettings, engine: Engine | None, prompts: PromptLibrary
) -> Rewriter:
    """As the settings say. Raises ConfigurationError where they ask for a model and there is none."""
    if settings.rewrite == "off":
        return NoRewriter()
    if settings.rewrite == "heuristic" or (settings.rewrite == "auto" and engine is None):
        return HeuristicRewriter()
    if engine is None:
        raise ConfigurationError(
            "conversation.rewrite is model and there is no engine; set generator.url, or use auto",
            field="conversation.rewrite",
        )
    return ModelRewriter(engine, prompts.get("rewrite"))


def _instead(question: str, history: Sequence[Turn], why: str) -> Rewritten:
    found = by_words(question, history)
    return Rewritten(found.question, found.by, f"model: {why}; {found.reason}")


def _transcript(history: Sequence[Turn]) -> str:
    return "\n".join(f"{turn.role.capitalize()}: {_one_line(turn.content)}" for turn in history)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _clean(text: str) -> str:
    """Without the label and the quotes that models like to put around one line."""
    line = text.strip().split("\n", 1)[0].strip()
    line = _LABEL.sub("", line)
    if len(line) > 1 and line[0] in _QUOTES and line[-1] in _QUOTES:
        line = line[1:-1].strip()
    return line


def _what_is_wrong(
    text: str, finish_reason: str, question: str, history: Sequence[Turn]
) -> str | None:
    """Why this cannot be the question, standing alone; None where it can."""
    if not text:
        return "wrote nothing"
    if finish_reason == "length" or len(text) > len(question) + _MAX_GROWTH_CHARS:
        return "wrote too much"
    words = {word.lower() for word in specific_words(text)}
    own = {word.lower() for word in specific_words(question)}
    said = {word.lower() for turn in history for word in specific_words(turn.content)} | own
    if not words or len(words & said) < _FROM_CONVERSATION * len(words):
        return "wrote of something else"
    # Words may be inflected; numbers and options are what they are.
    exact = {word for word in own if _EXACT.search(word)}
    if not exact <= words or any(_EXACT.search(word) for word in words - said):
        return "changed a number or an option"
    return None


def _estimate(messages: Sequence[Message], written: Completion) -> Usage:
    read = sum(count_tokens(message.content) + _TURN_TOKENS for message in messages)
    return Usage(prompt_tokens=read, completion_tokens=count_tokens(written.text))
