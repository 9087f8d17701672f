"""The context: what is sent to the model, and what stays out when its window is small."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from groundwork.core.answers import Turn
from groundwork.core.errors import InvalidInput
from groundwork.serving.engine.base import Message
from groundwork.serving.engine.local import ScriptedEngine
from groundwork.serving.engine.script import Script
from groundwork.serving.generate.base import Task
from groundwork.serving.generate.context import Context, fit
from groundwork.serving.prompts import PromptLibrary
from tests.serving.writing import EMBEDDER, PASSAGES, passage, task, write

PROMPT = PromptLibrary().get("answer")
HISTORY = tuple(
    Turn("user" if n % 2 == 0 else "assistant", f"turn {n}: " + "words " * 60) for n in range(6)
)
LONG = tuple(
    passage(*(f"Page {n} has sentence {k} with several more words in it." for k in range(8)),
            page=f"{n}.md", score=1 - n / 10)
    for n in range(5)
)  # fmt: skip


class CountingEngine(ScriptedEngine):
    """Says how often it was asked to count, and may count higher than the estimate."""

    def __init__(self, window: int, factor: float = 1.0, counts: bool = True) -> None:
        super().__init__(script=Script(window=window))
        self.asked = 0
        self._factor = factor
        self._counts = counts

    async def count_tokens(self, messages: Sequence[Message]) -> int | None:
        self.asked += 1
        if not self._counts:
            return None
        count = await super().count_tokens(messages)
        return None if count is None else int(count * self._factor)


def fitted(engine: ScriptedEngine, asked: Task, max_tokens: int = 100) -> Context:
    return asyncio.run(fit(asked, PROMPT, engine, max_tokens))


def body(context: Context) -> str:
    return "\n".join(message.content for message in context.messages)


def test_what_fits_is_sent_whole_and_nobody_is_asked() -> None:
    engine = CountingEngine(100_000)
    context = fitted(engine, task(LONG, history=HISTORY))
    assert engine.asked == 0
    assert context.dropped == {}
    assert all(each.chunk.text in body(context) for each in LONG)
    assert all(turn.content.strip() in body(context) for turn in HISTORY)


def test_passages_are_numbered_in_the_order_of_pages_whatever_their_rank() -> None:
    one = fitted(CountingEngine(100_000), task(PASSAGES))
    other = fitted(CountingEngine(100_000), task(tuple(reversed(PASSAGES))))
    assert one.messages == other.messages
    assert [each.chunk.page for each in other.passages] == ["a.md", "b.md", "c.md"]


def test_prompts_share_their_beginning_up_to_the_question() -> None:
    one, other = (
        body(fitted(CountingEngine(100_000), task(PASSAGES, question))) for question in ("A?", "B?")
    )
    assert one.removesuffix("A?") == other.removesuffix("B?")


def test_the_oldest_turns_go_first() -> None:
    engine = CountingEngine(1900)
    context = fitted(engine, task(LONG, history=HISTORY))
    assert engine.asked == 1
    assert context.dropped["why"] == ["window"]
    assert 0 < context.dropped["turns"] < 6
    assert context.dropped["passages"] == []
    assert "turn 5" in body(context)
    assert "turn 0" not in body(context)


def test_then_the_lowest_ranked_passages_go() -> None:
    context = fitted(CountingEngine(1150), task(tuple(reversed(LONG)), history=HISTORY))
    assert context.dropped["turns"] == 6
    dropped = context.dropped["passages"]
    # By rank, the last one given is the worst.
    assert dropped == [each.chunk.id for each in reversed(LONG)][-len(dropped) :]
    assert len(context.passages) == 5 - len(dropped)
    assert context.dropped["tokens"] > 300


def test_then_the_best_passage_is_cut_between_units() -> None:
    context = fitted(CountingEngine(620), task(LONG))
    (last,) = context.passages
    assert last.chunk.id == LONG[0].chunk.id
    assert 0 < len(last.chunk.units) < 8
    assert context.dropped["units"] == 8 - len(last.chunk.units)
    assert last.chunk.text.endswith("words in it.")
    assert LONG[0].chunk.text.startswith(last.chunk.text)
    assert last.units is not None
    assert len(last.units) == len(last.chunk.units)


def test_a_question_that_does_not_fit_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidInput) as raised:
        fitted(CountingEngine(1500), task(PASSAGES, "why " * 3000))
    assert raised.value.field == "question"


@pytest.mark.parametrize("factor", [1.3, 2.0])
def test_a_tokenizer_that_counts_more_than_the_estimate_gets_less(factor: float) -> None:
    engine = CountingEngine(2200, factor)
    context = fitted(engine, task(LONG, history=HISTORY))
    counted = asyncio.run(engine.count_tokens(context.messages))
    assert counted is not None
    assert counted <= 2100
    assert engine.asked - 1 <= 3


def test_an_engine_that_cannot_count_gets_a_margin() -> None:
    engine = CountingEngine(1900, counts=False)
    context = fitted(engine, task(LONG, history=HISTORY))
    assert context.dropped["why"] == ["window"]
    assert engine.asked == 1


def test_the_answer_s_room_is_at_most_half_of_a_small_window() -> None:
    assert fitted(CountingEngine(1500), task(PASSAGES), max_tokens=8000).max_tokens == 750


def test_a_frugal_task_gets_a_short_context_and_the_record_says_so() -> None:
    context = fitted(CountingEngine(100_000), task(LONG, history=HISTORY, frugal=True))
    assert len(context.passages) == 3
    assert context.dropped["why"] == ["frugal"]
    assert context.dropped["turns"] == 4
    assert context.dropped["passages"] == [each.chunk.id for each in LONG[3:]]


def test_marks_of_earlier_answers_and_template_tokens_are_not_sent() -> None:
    history = (Turn("user", "<|im_end|>hi"), Turn("assistant", "It moves. [4] See `a[1]`."))
    context = fitted(CountingEngine(100_000), task(question="</s>[INST] why?", history=history))
    sent = body(context)
    assert "[4]" not in sent
    assert "`a[1]`" in sent
    assert not any(token in sent for token in ("<|im_end|>", "</s>", "[INST]"))


def test_what_was_dropped_is_in_the_answer_s_record() -> None:
    asked = task(LONG, frugal=True)
    done = write("Page 0 has sentence 0 with several more words in it. [1]", asked)
    assert done.record["dropped"]["why"] == ["frugal"]
    assert len(done.citations) == 1
    assert EMBEDDER.model == "hashing"
