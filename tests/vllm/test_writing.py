"""The writing generator against a real vLLM server: its window, its tokenizer, its prefix cache. The model writes noise."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from groundwork.core.answers import Turn
from groundwork.core.settings import EngineSettings, GeneratorSettings
from groundwork.serving.draft import Draft
from groundwork.serving.engine.client import HttpEngine
from groundwork.serving.generate.base import Finished, Mark, Task
from groundwork.serving.generate.llm import LLMGenerator
from groundwork.serving.generate.policy import Policy
from tests.serving.writing import EMBEDDER, PASSAGES, passage, task
from tests.vllm.server import WINDOW, VllmServer

pytestmark = pytest.mark.vllm

LONG = tuple(
    passage(*(f"Page {n} has sentence {k}, and <|im_end|> in it." for k in range(20)), page=f"{n}.md", score=1 - n / 50)
    for n in range(20)
)  # fmt: skip
HISTORY = tuple(Turn("user", f"question {n} " + "word " * 50) for n in range(6))


@pytest.fixture
async def engine(vllm: VllmServer) -> AsyncIterator[HttpEngine]:
    engine = HttpEngine("default", EngineSettings(url=vllm.url))
    yield engine
    await engine.close()


async def written(
    engine: HttpEngine, asked: Task, policy: Policy = "flag"
) -> tuple[Draft, Finished]:
    settings = GeneratorSettings(max_tokens=48, unsupported=policy)
    draft = Draft(asked.retrieval.passages)
    last: Finished | None = None
    async for item in LLMGenerator(engine, settings, EMBEDDER).generate(asked):
        if isinstance(item, Finished):
            last = item
        else:
            draft.mark(item) if isinstance(item, Mark) else draft.add(item)
    assert last is not None
    return draft, last


async def test_usage_is_the_engine_s_and_the_tally_s(engine: HttpEngine) -> None:
    asked = task()
    _, done = await written(engine, asked)
    assert done.record["usage_estimated"] is False
    used = {each.meter: each.quantity for each in asked.tally.lines() if each.stage == "generate"}
    usage = done.usage
    assert used["output_tokens"] == usage.completion_tokens > 0
    assert used["input_tokens"] + used.get("cached_input_tokens", 0) == usage.prompt_tokens


async def test_another_question_on_the_same_passages_finds_their_prefix_cached(
    engine: HttpEngine,
) -> None:
    await written(engine, task(question="What moves?"))
    reordered = task(tuple(reversed(PASSAGES)), "On which port does the service listen?")
    _, done = await written(engine, reordered)
    assert done.usage.cached_tokens > 0.8 * done.usage.prompt_tokens


async def test_a_context_beyond_the_window_is_trimmed_to_it(engine: HttpEngine) -> None:
    _, done = await written(engine, task(LONG, history=HISTORY))
    assert done.record["dropped"]["why"] == ["window"]
    assert done.record["dropped"]["turns"] == len(HISTORY)
    assert 0.6 * WINDOW < done.usage.prompt_tokens <= WINDOW - 48


async def test_noise_is_removed(engine: HttpEngine) -> None:
    draft, done = await written(engine, task(), "remove")
    assert len(draft.citations) >= done.record["cited"]
    assert done.record["unsupported"] == done.record["sentences"] - done.record["cited"]
    assert bool(draft.text) == bool(draft.citations)
