from __future__ import annotations

import string
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.followups import dialogues
from groundwork.core.answers import Turn, Usage
from groundwork.core.errors import ConfigurationError, EngineBroken, EngineDown, EngineError
from groundwork.core.metering.tally import Tally
from groundwork.core.settings import ConversationSettings
from groundwork.core.tokens import count_tokens
from groundwork.serving.conversation import (
    HeuristicRewriter,
    ModelRewriter,
    NoRewriter,
    by_words,
    create_rewriter,
    trim,
)
from groundwork.serving.engine.base import (
    ChatRequest,
    Completion,
    End,
    EngineInfo,
    Load,
    Message,
    Token,
)
from groundwork.serving.followups import is_follow_up, topic
from groundwork.serving.prompts.library import PromptLibrary

ASKED = "How do I roll back an index version?"
HISTORY = (Turn("user", ASKED), Turn("assistant", "Run groundwork index rollback docs. [1]"))
FOLLOW_UP = "How do I undo it?"


@dataclass
class FakeEngine:
    """Completes with `text`, or raises."""

    text: str = "How do I undo the rollback of an index version?"
    finish_reason: str = "stop"
    usage: Usage | None = field(default_factory=lambda: Usage(90, 9))
    error: EngineError | None = None
    requests: list[ChatRequest] = field(default_factory=list)
    name: str = "default"
    model: str = "llm"
    identity: str = "fake:llm"

    async def complete(self, request: ChatRequest) -> Completion:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return Completion(self.text, self.usage, self.finish_reason, self.model)

    def stream(self, request: ChatRequest) -> AsyncGenerator[Token | End, None]:
        raise NotImplementedError

    async def count_tokens(self, messages: Sequence[Message]) -> int | None:
        return None

    async def window(self) -> int | None:
        return None

    async def ping(self) -> EngineInfo:
        return EngineInfo(self.model, None)

    def load(self) -> Load:
        return Load(0, 0, "closed")

    async def close(self) -> None:
        """Nothing to close."""


def by_model(engine: FakeEngine) -> ModelRewriter:
    return ModelRewriter(engine, PromptLibrary().get("rewrite"))


@pytest.mark.parametrize(
    "question",
    [
        "And for a website?", "What about archives?", "Why?", "How do I undo it?", "What is the default?",
        "Does that work on Windows?", "On Windows?", "How long are they kept?", "Is it safe?", "how many?",
        "Can I do the same with an archive?", "What else does it check?", "Or with curl?", "which one is faster?",
    ],
)  # fmt: skip
def test_these_lean_on_the_question_before(question: str) -> None:
    assert is_follow_up(question) is not None


@pytest.mark.parametrize(
    "question",
    [
        "How do I roll back an index version?", "Is it possible to filter by tag?", "keep_versions", "index rollback",
        "How long does it take to ingest a website?", "Are there limits on the length of a question?",
        "What happens if an ingest is killed, and can it be resumed?", "A page that lists every command",
        "What does --no-promote do?", "What is a picodollar?", "How do I create a key and limit it to one index?",
        "So-called site rules", "With which client can I stream?", "GROUNDWORK_HOME", "Why do requests get 403?",
    ],
)  # fmt: skip
def test_these_stand_alone(question: str) -> None:
    assert is_follow_up(question) is None
    assert by_words(question, HISTORY).question == question


def test_the_labelled_dialogues_are_told_apart() -> None:
    labelled = dialogues()
    assert len(labelled) >= 100
    for follow_up, least in ((False, 0.95), (True, 0.85)):
        chosen = [each for each in labelled if each.follow_up == follow_up]
        right = [
            (by_words(each.question, each.earlier).by == "heuristic") == follow_up
            for each in chosen
        ]
        assert sum(right) / len(right) >= least


def test_the_topic_is_named_behind_the_question() -> None:
    rewritten = by_words(FOLLOW_UP, HISTORY)
    assert rewritten.question == "How do I undo it? (roll back index version)"
    assert rewritten.by == "heuristic"
    assert rewritten.record()["question"] == rewritten.question


def test_the_topic_goes_back_to_the_last_question_that_stands_alone() -> None:
    asked = ["What is a ledger?", "How do I ingest a git repository?", "And a website?"]
    assert topic(asked) == ["website", "ingest", "git", "repository"]
    assert topic(["Why?", "And then?"]) == []


def test_without_a_question_before_nothing_changes() -> None:
    for history in (
        (),
        (Turn("assistant", "Hello, ask me about indexes."),),
        (Turn("user", "hi?"),),
    ):
        assert by_words(FOLLOW_UP, history[:1]).question in {FOLLOW_UP, f"{FOLLOW_UP} (hi)"}
    assert by_words(FOLLOW_UP, ()).by == "none"
    assert by_words(FOLLOW_UP, (Turn("user", "Why?"),)).by == "none"


@given(st.text(max_size=200), st.lists(st.text(max_size=80), max_size=4))
def test_any_text_is_read(question: str, earlier: list[str]) -> None:
    rewritten = by_words(question, [Turn("user", text) for text in earlier])
    assert rewritten.question.startswith(question)
    assert (rewritten.question == question) == (rewritten.by == "none")


@given(
    st.lists(st.text(string.ascii_letters + " ", max_size=60), max_size=12),
    st.integers(min_value=0, max_value=80),
)
@settings(deadline=None)  # the first count loads the tokenizer's table
def test_the_newest_turns_stay(texts: list[str], limit: int) -> None:
    history = [Turn("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(texts)]
    trimmed = trim(history, limit)
    kept = len(trimmed.turns)
    assert list(trimmed.turns) == history[len(history) - kept :]
    assert trimmed.dropped_turns == len(history) - kept
    assert sum(count_tokens(turn.content) for turn in trimmed.turns) <= limit
    if kept < len(history):
        older = history[len(history) - kept - 1]
        assert trim([older, *trimmed.turns], limit).dropped_turns == 1
        assert trimmed.dropped_tokens > 0


async def test_a_model_rewrites_and_its_usage_is_said() -> None:
    engine, tally = FakeEngine(), Tally()
    rewritten = await by_model(engine).rewrite(FOLLOW_UP, HISTORY, tally)
    assert (rewritten.question, rewritten.by) == (engine.text, "model")
    (request,) = engine.requests
    assert ASKED in request.messages[-1].content
    assert FOLLOW_UP in request.messages[-1].content
    assert request.temperature == 0
    assert {(line.stage, line.model, line.meter): line.quantity for line in tally.lines()} == {
        ("rewrite", "llm", "input_tokens"): 90,
        ("rewrite", "llm", "output_tokens"): 9,
    }


async def test_a_first_question_asks_no_model() -> None:
    engine = FakeEngine()
    rewritten = await by_model(engine).rewrite(ASKED, (), Tally())
    assert (rewritten.question, rewritten.by) == (ASKED, "none")
    assert not engine.requests


async def test_a_repeated_question_stands_alone() -> None:
    engine = FakeEngine(text="What is a picodollar?")
    rewritten = await by_model(engine).rewrite("What is a picodollar?", HISTORY, Tally())
    assert (rewritten.by, rewritten.reason) == ("none", "stands alone")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('"How do I undo the index rollback?"', "How do I undo the index rollback?"),
        ("Standalone question: How do I undo the index rollback?\nIt is", "How do I undo the index rollback?"),
        ("Question: How do I undo the index rollback?", "How do I undo the index rollback?"),
    ],
)  # fmt: skip
async def test_what_models_put_around_a_line_is_taken_off(text: str, clean: str) -> None:
    rewritten = await by_model(FakeEngine(text=text)).rewrite(FOLLOW_UP, HISTORY, Tally())
    assert (rewritten.question, rewritten.by) == (clean, "model")


@pytest.mark.parametrize(
    ("question", "text", "finish", "why"),
    [
        (FOLLOW_UP, "", "stop", "wrote nothing"),
        (FOLLOW_UP, " \n ", "stop", "wrote nothing"),
        (FOLLOW_UP, "How do I undo the index rollback", "length", "wrote too much"),
        (FOLLOW_UP, "index rollback " * 40, "stop", "wrote too much"),
        (FOLLOW_UP, "Paris is the capital of France", "stop", "something else"),
        (FOLLOW_UP, "How do I undo index rollback 17?", "stop", "a number or an option"),
        ("And with --dry-run?", "How do I roll back an index version?", "stop", "a number or an option"),
        ("What about version 2?", "How do I roll back index version?", "stop", "a number or an option"),
    ],
)  # fmt: skip
async def test_bad_output_is_replaced_by_the_words(
    question: str, text: str, finish: str, why: str
) -> None:
    tally = Tally()
    engine = FakeEngine(text=text, finish_reason=finish)
    rewritten = await by_model(engine).rewrite(question, HISTORY, tally)
    assert rewritten.question == by_words(question, HISTORY).question
    assert rewritten.by == "heuristic"
    assert why in rewritten.reason
    assert tally.lines()


@pytest.mark.parametrize("usage", [None, Usage(prompt_tokens=90)])
async def test_an_engine_that_fails_is_replaced_by_the_words(usage: Usage | None) -> None:
    for error in (EngineDown("down", usage=usage), EngineBroken("broken", usage=usage)):
        tally = Tally()
        rewritten = await by_model(FakeEngine(error=error)).rewrite(FOLLOW_UP, HISTORY, tally)
        assert rewritten.question == by_words(FOLLOW_UP, HISTORY).question
        assert error.code in rewritten.reason
        assert [line.quantity for line in tally.lines()] == ([] if usage is None else [90])


async def test_an_engine_that_does_not_count_is_estimated() -> None:
    tally = Tally()
    await by_model(FakeEngine(usage=None)).rewrite(FOLLOW_UP, HISTORY, tally)
    used = {line.meter: line.quantity for line in tally.lines()}
    assert used["input_tokens"] > 100
    assert used["output_tokens"] == count_tokens(FakeEngine.text)


@pytest.mark.parametrize(
    ("mode", "engine", "kind"),
    [
        ("off", FakeEngine(), NoRewriter),
        ("heuristic", FakeEngine(), HeuristicRewriter),
        ("auto", None, HeuristicRewriter),
        ("auto", FakeEngine(), ModelRewriter),
        ("model", FakeEngine(), ModelRewriter),
    ],
)
async def test_the_settings_choose(mode: str, engine: FakeEngine | None, kind: type) -> None:
    chosen = ConversationSettings.model_validate({"rewrite": mode})
    made = create_rewriter(chosen, engine, PromptLibrary())
    assert type(made) is kind
    assert made.identity
    rewritten = await made.rewrite(FOLLOW_UP, HISTORY, Tally())
    assert (rewritten.question == FOLLOW_UP) == (mode == "off")


def test_a_model_that_is_not_there_cannot_be_chosen() -> None:
    with pytest.raises(ConfigurationError, match="there is no engine"):
        create_rewriter(ConversationSettings(rewrite="model"), None, PromptLibrary())
