from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.routing import labelled
from groundwork.retrieval.passages import Passage
from groundwork.serving.generate.tier import judge
from tests.serving.api_fakes import passage
from tests.serving.generator_fakes import retrieval


def on_pages(*scores: float) -> list[Passage]:
    return [
        replace(passage(), chunk=replace(passage().chunk, page=f"p{n}.md"), score=score)
        for n, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("question", "tier", "reason"),
    [
        ("What is the default port?", "small", None),
        ("Why is nothing rounded?", "small", "asks why"),
        ("Which one is better for prose, BM25 or dense vectors?", "large", "a comparison"),
        ("How do I roll back, and how do I undo that?", "large", "several questions in one"),
        ("What is a gate? What is an alias?", "large", "several questions in one"),
        ("Explain how an ingest works.", "large", "asks for an explanation or a plan"),
        ("Should I back up the ledger before I upgrade?", "large", "asks for advice or consequences"),
    ],
)  # fmt: skip
def test_the_words_say_the_tier(question: str, tier: str, reason: str | None) -> None:
    judged = judge(question)
    assert judged.tier == tier
    assert (reason in judged.reasons) if reason else not judged.reasons


def test_an_answer_spread_over_pages_speaks_for_the_large_model() -> None:
    question = "Why is nothing rounded?"
    spread = judge(question, retrieval(question, on_pages(1.0, 0.95, 0.9)))
    assert spread.tier == "large"
    assert spread.reasons[-1] == "passages about as good on 3 pages"
    clear = judge(question, retrieval(question, on_pages(1.0, 0.6, 0.5)))
    assert clear.tier == "small"
    assert judge(question, retrieval(question)).tier == "small"


@given(st.text(max_size=300))
def test_any_text_gets_a_tier_and_its_reasons(question: str) -> None:
    judged = judge(question)
    assert (judged.points > 0) == bool(judged.reasons)
    assert judged == judge(question)


def test_the_labelled_questions_are_told_apart_by_their_words() -> None:
    questions = labelled()
    assert len(questions) >= 120
    right = sum(judge(each.question).tier == each.tier for each in questions)
    assert right / len(questions) > 0.8
