"""The generator that writes with a model: what it sends, cites, leaves out, flags, counts and charges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.errors import ConfigurationError, EngineBroken
from groundwork.core.metering.prices import EMBED, GENERATE
from groundwork.core.settings import GeneratorSettings
from groundwork.serving.engine.base import ChatRequest, End, Token
from groundwork.serving.engine.local import ScriptedEngine
from groundwork.serving.engine.script import Script
from groundwork.serving.generate.base import Piece
from groundwork.serving.generate.llm import LLMGenerator
from tests.serving.writing import (
    CODE,
    EMBEDDER,
    PASSAGES,
    PORT,
    ROLLBACK,
    passage,
    run,
    task,
    write,
)

GOOD = f"{ROLLBACK[0]} [1] {PORT[0]} [2]"
BAD = "Rolling back costs 40 dollars. [1]"


def test_supported_sentences_are_cited_with_the_unit_that_supports_them() -> None:
    done = write(GOOD)
    assert done.text == f"{ROLLBACK[0]} [1] {PORT[0]} [2]"
    assert done.cited() == [(ROLLBACK[0], ROLLBACK[0]), (PORT[0], PORT[0])]
    assert done.record == {
        "prompt": "answer@1", "sentences": 2, "cited": 2, "unsupported": 0, "reattributed": 0, "invented_marks": 0,
        "reasons": {}, "dropped": {}, "nothing_answers": False, "usage_estimated": False, "finish_reason": "stop",
    }  # fmt: skip


def test_our_numbers_are_consecutive_whatever_the_model_wrote() -> None:
    done = write(f"{CODE[2]} [3] {ROLLBACK[0]} [1]")
    assert done.text == f"{CODE[2]} [1] {ROLLBACK[0]} [2]"
    assert [each.url for each in done.citations] == ["c.md", "a.md"]


def test_an_unsupported_sentence_is_left_out_and_counted() -> None:
    done = write(f"{ROLLBACK[0]} [1] {BAD} {PORT[0]} [2]")
    assert done.text == f"{ROLLBACK[0]} [1] {PORT[0]} [2]"
    assert (done.record["sentences"], done.record["unsupported"]) == (3, 1)
    assert done.record["reasons"] == {"number": 1}


def test_an_unsupported_sentence_is_flagged_where_that_is_the_policy() -> None:
    done = write(f"{ROLLBACK[0]} [1] {BAD} {PORT[0]} [2]", unsupported="flag")
    assert done.text == f"{ROLLBACK[0]} [1] Rolling back costs 40 dollars. {PORT[0]} [2]"
    (flag,) = done.record["flagged"]
    assert done.text[flag["start"] : flag["end"]] == "Rolling back costs 40 dollars."
    assert flag["reason"] == "number"


def test_flagging_sends_words_before_the_sentence_ends_and_removing_does_not() -> None:
    flagged = write(GOOD, unsupported="flag")
    removed = write(GOOD)
    assert len(flagged.deltas) > len(removed.deltas)
    assert flagged.deltas[0] != ROLLBACK[0]
    assert removed.deltas[0] == ROLLBACK[0]
    assert flagged.text == removed.text


@pytest.mark.parametrize("policy", ["remove", "flag"])
def test_a_mark_of_the_wrong_passage_is_moved_to_the_right_one(policy: str) -> None:
    done = write(f"{PORT[0]} [1]", unsupported=policy)
    assert [each.url for each in done.citations] == ["b.md"]
    assert done.record["reattributed"] == 1


@pytest.mark.parametrize("policy", ["remove", "flag"])
def test_a_mark_of_no_passage_is_counted_and_the_text_does_not_keep_it(policy: str) -> None:
    done = write(f"{PORT[0]} [7]", unsupported=policy)
    assert done.text == f"{PORT[0]} [1]"
    assert (done.record["invented_marks"], done.record["reattributed"]) == (1, 1)


def test_an_unmarked_sentence_that_a_passage_supports_is_cited() -> None:
    done = write(PORT[0])
    assert done.text == f"{PORT[0]} [1]"
    assert done.record["reattributed"] == 0


def test_two_passages_that_support_a_sentence_are_both_cited() -> None:
    double = (PASSAGES[0], passage(*ROLLBACK, page="d.md"))
    done = write(f"{ROLLBACK[0]} [1][2]", task(double))
    assert done.text == f"{ROLLBACK[0]} [1] [2]"
    assert [each.url for each in done.citations] == ["a.md", "d.md"]
    assert [sentence for sentence, _ in done.cited()] == [ROLLBACK[0], ROLLBACK[0]]


def test_two_passages_support_a_sentence_together() -> None:
    done = write("Rolling back moves the alias and the service listens on port 8080. [1][2]")
    assert [each.url for each in done.citations] == ["a.md", "b.md"]


def test_denying_what_a_passage_says_is_unsupported() -> None:
    assert (
        write("Rolling back does not move the alias to the previous version. [1]").citations == []
    )


def test_an_option_that_no_passage_has_is_unsupported() -> None:
    done = write("Pass --host or pass --port to change it. [2]")
    assert done.record["reasons"] == {"identifier": 1}


def test_headings_and_lead_ins_wait_for_something_to_stand_under_them() -> None:
    text = f"# Costs\n\n{BAD}\n\n# Rollback\n\nDo so:\n\n- {BAD}\n- {ROLLBACK[0]} [1]\n\nAlso:\n\n- {BAD}"
    done = write(text)
    assert done.text == f"# Rollback\n\nDo so:\n\n- {ROLLBACK[0]} [1]"


def test_a_sentence_takes_over_the_list_marker_of_the_one_left_out() -> None:
    done = write(f"{PORT[0]} [2]\n\n1. {BAD} {ROLLBACK[0]} [1]")
    assert done.text == f"{PORT[0]} [1]\n\n1. {ROLLBACK[0]} [2]"


@pytest.mark.parametrize("policy", ["remove", "flag"])
def test_code_out_of_a_passage_is_cited_on_its_own_line(policy: str) -> None:
    done = write(f"Run this:\n\n```sh\n{CODE[1]}\n```\n[3]\n\n{CODE[2]}", unsupported=policy)
    assert done.text == f"Run this:\n\n```sh\n{CODE[1]}\n```\n[1]\n\n{CODE[2]} [2]"
    assert done.citations[0].quote == CODE[1]


def test_code_that_no_passage_holds_is_left_out() -> None:
    done = write(f"Run this:\n\n```sh\ngroundwork down --all\n```\n\n{CODE[2]}")
    assert done.text == f"{CODE[2]} [1]"
    assert done.record["reasons"] == {"code": 1}


@pytest.mark.parametrize("policy", ["remove", "flag"])
def test_a_mark_stands_behind_a_table_and_not_in_it(policy: str) -> None:
    table = "| what | value |\n|---|---|\n| service listens on port | 8080 |"
    done = write(f"{table}\n\n{CODE[2]}", unsupported=policy)
    assert done.text.startswith(f"{table}\n\n [1]\n\n{CODE[2]}")


@pytest.mark.parametrize("policy", ["remove", "flag"])
@pytest.mark.parametrize("text", ["NOT_IN_DOCUMENTATION", "NOT_IN_DOCUMENTATION. But I guess 42."])
def test_the_sentinel_is_an_abstention(policy: str, text: str) -> None:
    done = write(text, unsupported=policy)
    assert (done.text, done.citations) == ("", [])
    assert done.record["nothing_answers"] is True
    assert done.finished.usage.completion_tokens > 0


def test_after_the_sentinel_the_engine_is_stopped() -> None:
    engine = ScriptedEngine(script=Script(text="NOT_IN_DOCUMENTATION. " + "more " * 500))
    done = run(LLMGenerator(engine, GeneratorSettings(), EMBEDDER), task())
    assert done.finished.usage.completion_tokens < 50
    assert engine.load().running == 0


@pytest.mark.parametrize("policy", ["remove", "flag"])
def test_an_answer_cut_by_its_length_ends_cleanly(policy: str) -> None:
    text = f"{PORT[0]} [2]\n\n```sh\n{CODE[1]}\n```\n"
    whole = write(text, unsupported=policy)
    cut = write(text, max_tokens=19, unsupported=policy)
    assert cut.record["finish_reason"] == "length"
    assert cut.text.count("```") in {0, 2}
    assert whole.text.startswith(f"{PORT[0]} [1]")


def test_usage_is_said_with_every_token_so_that_a_cut_stream_is_charged() -> None:
    engine = ScriptedEngine(script=Script(text=GOOD))
    asked = task()

    async def cut() -> None:
        generator = LLMGenerator(engine, GeneratorSettings(unsupported="flag"), EMBEDDER)
        async with aclosing(generator.generate(asked)) as pieces:
            async for item in pieces:
                if isinstance(item, Piece):
                    break

    asyncio.run(cut())
    used = {(each.stage, each.meter): each.quantity for each in asked.tally.lines()}
    assert used[GENERATE, "input_tokens"] > 100
    assert 0 < used[GENERATE, "output_tokens"] < 10
    assert engine.load().running == 0


class SilentEngine(ScriptedEngine):
    """Reports no usage, as some servers do."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Token | End, None]:
        async with aclosing(super().stream(request)) as events:
            async for event in events:
                if isinstance(event, End):
                    yield End(None, event.finish_reason, event.model)
                else:
                    yield Token(event.text)


def test_usage_that_no_engine_counts_is_estimated_and_the_record_says_so() -> None:
    engine = SilentEngine(script=Script(text=GOOD))
    done = run(LLMGenerator(engine, GeneratorSettings(), EMBEDDER), task())
    assert done.record["usage_estimated"] is True
    usage = done.finished.usage
    assert usage.prompt_tokens > 300
    assert 15 < usage.completion_tokens < 60
    assert {each.meter for each in done.tally.lines() if each.stage == GENERATE} == {
        "input_tokens",
        "output_tokens",
    }


def test_a_broken_stream_is_charged_and_reported() -> None:
    script = Script(text=GOOD, faults=("cut",), fault_after=6)
    asked = task()
    generator = LLMGenerator(ScriptedEngine(script=script), GeneratorSettings(), EMBEDDER)
    with pytest.raises(EngineBroken):
        run(generator, asked)
    used = {(each.stage, each.meter): each.quantity for each in asked.tally.lines()}
    assert used[GENERATE, "output_tokens"] == 6


def test_verifying_is_charged_as_embedding_where_words_alone_do_not_decide() -> None:
    claim = "Somebody rolling back gives an alias another target, the previous version."
    done = write(f"{GOOD} {claim} [1]")
    used = {(each.stage, each.model): each.quantity for each in done.tally.lines()}
    assert used[EMBED, "hashing"] == EMBEDDER.count_tokens(claim)
    assert EMBED not in {each.stage for each in write(GOOD).tally.lines()}


def test_the_request_is_the_prompt_file_s() -> None:
    engine = ScriptedEngine(script=Script(text=GOOD))
    run(LLMGenerator(engine, GeneratorSettings(max_tokens=77), EMBEDDER), task())
    (request,) = engine.requests
    assert (request.temperature, request.max_tokens) == (0, 77)
    assert request.messages[-1].content.endswith("Question: How?")


def test_the_identity_changes_with_what_decides_the_answer(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    seen = {
        LLMGenerator(engine, GeneratorSettings(**changes), EMBEDDER).identity
        for changes in (
            {}, {"unsupported": "flag"}, {"support_threshold": 0.9}, {"max_tokens": 5}, {"prompt": "answer@1"},
        )
    }  # fmt: skip
    assert len(seen) == 4
    other = LLMGenerator(ScriptedEngine(model="other"), GeneratorSettings(), EMBEDDER)
    assert other.identity not in seen


def test_a_prompt_without_passages_stops_the_start(tmp_path: Path) -> None:
    generator = LLMGenerator(ScriptedEngine(), GeneratorSettings(prompt="rewrite"), EMBEDDER)
    with pytest.raises(ConfigurationError, match="history, passages"):
        generator.warm()


SENTENCES = st.sampled_from(
    [*ROLLBACK, *PORT, CODE[2], BAD, "[1]", "[2]", "[3][1]", "[9]", "\n\n", "\n- ", "# Head\n\n", "So:\n\n", " ",
     f"\n```sh\n{CODE[1]}\n```\n", "NOT_IN_DOC", "`arr[1]`"]
)  # fmt: skip


@given(st.lists(SENTENCES, max_size=12).map(" ".join), st.sampled_from(["remove", "flag"]))
@settings(max_examples=60, deadline=None)
def test_every_citation_holds_whatever_the_model_writes(text: str, policy: str) -> None:
    done = write(text, unsupported=policy)
    record = done.record
    assert record["cited"] + record["unsupported"] == record["sentences"]
    assert len(done.citations) >= record["cited"]
    for citation in done.citations:
        assert any(citation.quote in each.chunk.text for each in PASSAGES)
        assert f"[{citation.n}]" in done.text
        assert "40 dollars" not in done.text[citation.start : citation.end]
    if policy == "remove":
        assert "40 dollars" not in done.text
