"""RAGAS' metrics by a judge: a language model behind OpenAI's API. They are reported, and never block.

A question without an answer costs no call. A call that fails is counted: its metric is missing, and too many make the run invalid.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from groundwork.core.answers import Usage
from groundwork.core.errors import EngineError
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.postings import Posting, request_of
from groundwork.core.metering.tally import CACHED_INPUT, INPUT, OUTPUT, REASONING, Tally
from groundwork.core.money import parse_dollars
from groundwork.core.registry.gate import JUDGED
from groundwork.core.settings import EngineSettings, JudgeSettings
from groundwork.core.tokens import count_tokens
from groundwork.evals.books import CHANNEL, as_evaluation
from groundwork.evals.golden import Example
from groundwork.evals.metrics.ragas import ragas_embeddings
from groundwork.evals.rows import Row
from groundwork.serving.engine.base import ChatRequest, Engine, Message
from groundwork.serving.engine.client import HttpEngine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

STAGE = "judge"
NAMES = tuple(
    f"{JUDGED}{name}"
    for name in (
        "faithfulness",
        "answer_relevancy",
        "context_recall",
        "factual_correctness",
        "noise_sensitivity",
    )
)
_Reply = TypeVar("_Reply", bound=BaseModel)


class JudgeFailed(Exception):
    """A call came to nothing: the server failed, the reply cannot be read, or the budget is used up."""


class Judge:
    """One run's judge. `spent` is in picodollars; the budget may be passed by the calls under way."""

    def __init__(
        self, engine: Engine, settings: JudgeSettings, accounts: Accounts, embed: Embed
    ) -> None:
        self.spent = 0
        self._engine = engine
        self._settings = settings
        self._accounts = accounts
        self._embeddings = ragas_embeddings(embed)
        budget = settings.budget
        self._budget = None if budget is None else parse_dollars(format(budget, "f"))
        if self._budget is not None:
            # A budget in money holds nothing where nothing has a price.
            accounts.prices.book().require([engine.model])

    @property
    def identity(self) -> str:
        """The model, where it is, and the version of RAGAS, which holds the prompts."""
        return f"{self._engine.identity} ragas-{version('ragas')}"

    async def judged(self, example: Example, row: Row) -> Row:
        """The row with the judge's scores, its calls charged. Raises Unavailable where they cannot be."""
        if not row.answered or not example.reference or not example.answerable:
            return replace(row, scores={**row.scores, **dict.fromkeys(NAMES)})
        calls = self.calls()
        scores = await self._scores(example, row, calls)
        cost = await asyncio.to_thread(self.charge, calls, row.release)
        return replace(
            row,
            scores={**row.scores, **scores},
            judge_calls=calls.made,
            judge_failed=calls.failed,
            judge_picodollars=cost,
        )

    def calls(self) -> Calls:
        """Calls that are to be charged together."""
        return Calls(self._engine, self._settings.max_tokens, self._left)

    def verdict(self, rows: Sequence[Row]) -> str:
        """Why the run is invalid, "" where it is not."""
        calls, failed = sum(row.judge_calls for row in rows), sum(row.judge_failed for row in rows)
        if failed <= self._settings.max_failed_share * calls:
            return ""
        share = 100 * self._settings.max_failed_share
        return f"{failed} of {calls} judge calls failed, more than {share:g} %"

    async def close(self) -> None:
        """Close connections."""
        await self._engine.close()

    def _left(self, tally: Tally) -> bool:
        """Whether the budget has something left, with what this question's calls used so far."""
        if self._budget is None:
            return True
        lines = self._accounts.prices.book().lines(tally)
        return self.spent + sum(line.picodollars for line in lines) < self._budget

    async def _scores(self, example: Example, row: Row, calls: Calls) -> Mapping[str, float | None]:
        from ragas.metrics.collections import (
            AnswerRelevancy,
            ContextRecall,
            FactualCorrectness,
            Faithfulness,
            NoiseSensitivity,
        )

        model = calls.as_ragas()
        asked = {"user_input": row.searched or row.question}
        said, told = {"response": row.answer}, {"reference": example.reference}
        read = {"retrieved_contexts": [found.text for found in row.retrieved]}
        results = await asyncio.gather(
            calls.score(Faithfulness(llm=model).ascore(**asked, **said, **read)),
            calls.score(
                AnswerRelevancy(llm=model, embeddings=self._embeddings).ascore(**asked, **said)
            ),
            calls.score(ContextRecall(llm=model).ascore(**asked, **read, **told)),
            calls.score(FactualCorrectness(llm=model).ascore(**said, **told)),
            calls.score(NoiseSensitivity(llm=model).ascore(**asked, **said, **told, **read)),
        )
        return dict(zip(NAMES, results, strict=True))

    def charge(self, calls: Calls, release: str = "") -> int:
        """Charge what these calls used; returns picodollars. Raises Unavailable."""
        book = self._accounts.prices.book()
        lines = book.lines(calls.tally)
        if not lines:
            return 0
        request = request_of(
            f"judge-{secrets.token_hex(12)}",
            Caller.local(CHANNEL),
            calls.tally.usage(STAGE),
            "answered",
            model=self._engine.model,
            release=release,
            currency=book.currency,
            price_book=book.digest,
        )
        posting = as_evaluation(Posting(request, lines))
        self._accounts.recorder.record(posting)
        self.spent += posting.picodollars
        return posting.picodollars


class Calls:
    """The calls about one answer. `left` says whether the budget allows another."""

    def __init__(self, engine: Engine, max_tokens: int, left: Callable[[Tally], bool]) -> None:
        self.tally = Tally()
        self.made = 0
        self.failed = 0
        self._engine = engine
        self._max_tokens = max_tokens
        self._left = left

    async def ask(self, prompt: str, reply: type[_Reply]) -> _Reply:
        """The judge's reply in the shape of `reply`. Raises JudgeFailed, counted."""
        self.made += 1
        try:
            return await self._ask(prompt, reply)
        except (JudgeFailed, EngineError, ValidationError) as error:
            self.failed += 1
            raise JudgeFailed(str(error)) from error

    async def score(self, result: Awaitable[Any]) -> float | None:
        """A metric's value; None where a call of it failed, or where it cannot say."""
        try:
            value = float((await result).value)
        except JudgeFailed:
            return None
        except (ValueError, IndexError, TypeError, ZeroDivisionError):
            # RAGAS stumbles where a judge answers fewer statements than it was asked about.
            self.failed += 1
            return None
        return None if value != value else round(value, 6)  # noqa: PLR0124  # NaN

    def as_ragas(self) -> Any:
        """What RAGAS calls."""
        from ragas.llms.base import InstructorBaseRagasLLM

        ask = self.ask

        class Ours(InstructorBaseRagasLLM):  # type: ignore[misc]  # ragas ships no types
            # What RAGAS' prompts ask of an instructor's client.
            is_async = True

            def generate(self, prompt: str, response_model: type[_Reply]) -> _Reply:
                raise NotImplementedError("metrics are scored in the event loop")

            async def agenerate(self, prompt: str, response_model: type[_Reply]) -> _Reply:
                return await ask(prompt, response_model)

        return Ours()

    async def _ask(self, prompt: str, reply: type[_Reply]) -> _Reply:
        if not self._left(self.tally):
            raise JudgeFailed("the judge's budget is used up")
        request = ChatRequest(
            (Message("user", prompt),),
            max_tokens=self._max_tokens,
            seed=0,
            schema=reply.model_json_schema(),
        )
        try:
            done = await self._engine.complete(request)
        except EngineError as error:
            if error.usage is not None:
                self._count(self._engine.model, error.usage)
            raise
        self._count(done.model, done.usage or _estimate(prompt, done.text))
        return reply.model_validate_json(done.text)

    def _count(self, model: str, usage: Usage) -> None:
        for meter, quantity in (
            (INPUT, usage.prompt_tokens - usage.cached_tokens),
            (CACHED_INPUT, usage.cached_tokens),
            (OUTPUT, usage.completion_tokens - usage.reasoning_tokens),
            (REASONING, usage.reasoning_tokens),
        ):
            self.tally.add(STAGE, model, meter, quantity)


async def open_judge(settings: JudgeSettings, accounts: Accounts, embed: Embed) -> Judge | None:
    """The judge that the settings name, None where they name none.

    Raises EngineError where it does not answer, ConfigurationError where a budget is set and its model has no price.
    """
    if settings.url is None:
        return None
    engine = HttpEngine(
        STAGE,
        EngineSettings(
            url=settings.url,
            model=settings.model,
            api_key=settings.api_key,
            first_token_seconds=settings.total_seconds,
            idle_seconds=settings.total_seconds,
            total_seconds=settings.total_seconds,
            retries=settings.retries,
        ),
    )
    try:
        await engine.ping()
        return Judge(engine, settings, accounts, embed)
    except BaseException:
        await engine.close()
        raise


def _estimate(prompt: str, text: str) -> Usage:
    return Usage(count_tokens(prompt), count_tokens(text))
