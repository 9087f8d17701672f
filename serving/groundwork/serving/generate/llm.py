"""The generator that writes with a language model: passages in, sentences out, each verified before it is cited."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cached_property

from groundwork.core.answers import Usage
from groundwork.core.errors import ConfigurationError, EngineError
from groundwork.core.metering.prices import GENERATE
from groundwork.core.settings import GeneratorSettings
from groundwork.core.tokens import count_tokens
from groundwork.retrieval import support
from groundwork.retrieval.embed.base import Embedder
from groundwork.serving.engine.base import ChatRequest, End, Engine, Message, Token
from groundwork.serving.generate import context
from groundwork.serving.generate.base import Finished, Reach, Task, Written
from groundwork.serving.generate.inline import subscripted
from groundwork.serving.generate.marks import Claim, MarkParser
from groundwork.serving.generate.policy import Editor, Flagger, Remover
from groundwork.serving.generate.verify import Verifier
from groundwork.serving.prompts import Prompt, PromptLibrary

VERSION = "llm-1"
_NEEDED = frozenset({"passages", "question"})
_FILLED = frozenset({"passages", "question", "fence", "sentinel", "canary"})


class LLMGenerator:
    """One engine, one prompt, one policy. Safe for concurrent questions: each has its own parser and editor."""

    def __init__(self, engine: Engine, settings: GeneratorSettings, embedder: Embedder) -> None:
        self._engine = engine
        self._settings = settings
        self._embedder = embedder

    @property
    def model(self) -> str:
        """The engine's."""
        return self._engine.model

    @property
    def identity(self) -> str:
        """Prompt, engine, how much it may write, and what becomes of unsupported sentences."""
        threshold = self._settings.support_threshold
        return ":".join(
            (
                VERSION,
                context.VERSION,
                f"{self.prompt.id}-{self.prompt.digest}",
                self._engine.identity,
                f"max_tokens={self._max_tokens}",
                f"unsupported={self._settings.unsupported}",
                f"{support.VERSION}>={support.THRESHOLD if threshold is None else threshold}",
            )
        )

    @cached_property
    def prompt(self) -> Prompt:
        """The prompt in force. Raises ConfigurationError."""
        prompt = PromptLibrary(self._settings.prompts).get(self._settings.prompt)
        missing, unknown = _NEEDED - prompt.variables, prompt.variables - _FILLED
        if missing or unknown:
            names = ", ".join(sorted(missing | unknown))
            raise ConfigurationError(
                f"{prompt.source}: an answer's prompt has the variables passages and question, and may have fence,"
                f" sentinel and canary; wrong: {names}",
                field="generator.prompt",
            )
        return prompt

    @property
    def _max_tokens(self) -> int:
        return self._settings.max_tokens or self.prompt.settings.max_tokens

    def warm(self) -> None:
        """Read the prompt, so that a wrong one stops the start, and the table of the token counter."""
        _ = self.prompt
        count_tokens("")

    def reach(self, wanted: str | None, *, frugal: bool = False) -> tuple[Reach, ...]:
        """As long as the prompt or the settings let it write."""
        del wanted, frugal
        return (Reach(self.model, self._max_tokens),)

    async def generate(self, task: Task) -> AsyncGenerator[Written, None]:
        """Pieces and marks as they are verified, then Finished. Raises EngineError and InvalidInput."""
        asked = await context.fit(task, self.prompt, self._engine, self._max_tokens)
        editor = self._editor(asked, task)
        said = "\n".join(passage.chunk.text for passage in asked.passages)
        parser = MarkParser(self.prompt.sentinel, subscripted(said), previews=editor.previews)
        meter = _Meter(task, self._engine.model, asked.messages)
        settings = self.prompt.settings
        request = ChatRequest(
            asked.messages, asked.max_tokens, settings.temperature, stop=tuple(settings.stop)
        )
        end: End | None = None
        try:
            async with aclosing(self._engine.stream(request)) as events:
                async for event in events:
                    if isinstance(event, End):
                        end = event
                        break
                    meter.token(event)
                    async for written in _edited(editor, parser.feed(event.text), parser):
                        yield written
                    if parser.abstained:
                        break
        except EngineError as error:
            meter.failed(error)
            raise
        async for written in _edited(editor, parser.finish()):
            yield written
        yield Finished(
            meter.end(end),
            self._engine.model,
            {
                "prompt": self.prompt.id,
                **editor.record(),
                "dropped": asked.dropped,
                "nothing_answers": parser.abstained,
                "usage_estimated": meter.estimated,
                "finish_reason": end.finish_reason if end is not None else "stop",
            },
        )

    def _editor(self, asked: context.Context, task: Task) -> Editor:
        verifier = Verifier(asked.passages, self._embedder, self._settings.support_threshold)
        kind = Remover if self._settings.unsupported == "remove" else Flagger
        return kind(verifier, task.tally, self._embedder.model)


async def _edited(
    editor: Editor, claims: list[Claim], parser: MarkParser | None = None
) -> AsyncGenerator[Written, None]:
    for claim in claims:
        async for written in editor.take(claim):
            yield written
    if parser is not None and not parser.abstained:
        for piece in editor.preview(parser.peek()):
            yield piece


class _Meter:
    """Says to the tally what was used so far, by the engine's count where it gives one, else estimated."""

    def __init__(self, task: Task, model: str, messages: tuple[Message, ...]) -> None:
        self._tally = task.tally
        self._model = model
        self._messages = messages
        self._usage = Usage()
        self.estimated = True

    def token(self, token: Token) -> None:
        """One more."""
        if token.usage is not None:
            self._say(token.usage)
            self.estimated = False
            return
        usage = self._usage
        prompt = usage.prompt_tokens or self._prompt_estimate()
        self._say(Usage(prompt, usage.completion_tokens + count_tokens(token.text)))

    def failed(self, error: EngineError) -> None:
        """What the engine had counted until it broke off."""
        if error.usage is not None:
            self._say(error.usage)

    def end(self, end: End | None) -> Usage:
        """The final count."""
        if end is not None and end.usage is not None:
            self._say(end.usage)
            self.estimated = False
        return self._usage

    def _say(self, usage: Usage) -> None:
        self._usage = usage
        self._tally.tokens(GENERATE, self._model, usage)

    def _prompt_estimate(self) -> int:
        return sum(count_tokens(message.content) for message in self._messages)
