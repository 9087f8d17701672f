"""How well a passage supports a sentence: the rules, the score, and what it points at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.retrieval import claims
from groundwork.retrieval.embed.base import PassageText
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.passages import Passage
from groundwork.retrieval.support import THRESHOLD, features, support, support_by_words

SENTENCES = (
    "The gate refuses a version that lost more than 50 % of its pages.",
    "Run `groundwork index promote` to accept it, or set GROUNDWORK_INGEST__MAX_VANISHED_SHARE.",
    "Old versions are not deleted, and version 2.1 keeps 1,000 pages.",
)
EMBEDDER = HashingEmbedder()


def passage(*texts: str, start: int = 40) -> Passage:
    body, units = "", []
    for text in texts or SENTENCES:
        begin = len(body) + (1 if body else 0)
        body += (" " if body else "") + text
        units.append(Unit(BlockKind.PARAGRAPH, start + begin, start + begin + len(text)))
    chunk = Chunk(
        "id", "p.md", 0, "Gate", None, "", ("Gate", "Rules"), "r", start, start + len(body), body, body, "d",
        tuple(units),
    )  # fmt: skip
    spans = tuple((unit.start - start, unit.end - start) for unit in units)
    return Passage(chunk, 1, 1, 1, (), EMBEDDER.embed_passages([PassageText(body, spans)])[0].units)


PASSAGE = passage()
BARE = replace(PASSAGE, units=None)


def judged(claim: str, found: Passage = PASSAGE) -> tuple[bool, str]:
    result = support(claim, EMBEDDER.embed([claim])[0], found)
    return result.score >= THRESHOLD, result.reason


@pytest.mark.parametrize("found", [PASSAGE, BARE])
@pytest.mark.parametrize("claim", SENTENCES)
def test_what_stands_there_is_supported_and_pointed_at(claim: str, found: Passage) -> None:
    result = support(claim, EMBEDDER.embed([claim])[0], found)
    assert result.reason == "supported"
    chunk = found.chunk
    assert chunk.text[result.start - chunk.start : result.end - chunk.start] == claim


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("The gate refuses a version that lost more than 60 % of its pages.", "number"),
        ("Old versions are not deleted, and version 2.2 keeps 1000 pages.", "number"),
        ("Run `groundwork index accept` to accept it.", "identifier"),
        ("Set GROUNDWORK_INGEST__MAX_FAILED_SHARE.", "identifier"),
        ("Pass --force to accept it.", "identifier"),
        ("The gate does not refuse a version that lost more than 50 % of its pages.", "negation"),
        ("Old versions are deleted.", "negation"),
        ("Cats sleep all day long on the warm windowsill.", "weak"),
        ("It is.", "nothing"),
        ("", "nothing"),
    ],
)
@pytest.mark.parametrize("found", [PASSAGE, BARE])
def test_what_does_not_is_refused_by_its_reason(claim: str, reason: str, found: Passage) -> None:
    assert judged(claim, found) == (False, reason)


def test_words_in_another_order_are_supported() -> None:
    assert judged("A version that lost more than 50 % of its pages is refused by the gate.")[0]


def test_numbers_are_compared_as_numbers() -> None:
    assert claims.numbers("version v2.1, 1,000 pages, three kinds of `x9` in python3 and utf-8") == {
        "2.1", "1000", "3",
    }  # fmt: skip
    assert {"1000", "3", "12"} <= claims.all_numbers("1,000 and three; python12")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Use `mlflow ui` with --port and -v.", {"mlflow ui", "--port", "-v"}),
        ("Call mlflow.register_model() or log_model(x).", {"mlflow.register_model", "log_model"}),
        ("See /etc/hosts, e.g. on Linux. Well-known and up-to-date.", {"/etc/hosts"}),
        ("A plain sentence, i.e. nothing.", set()),
        ("`name='x'`, and camelCase.", {"name='x", "camelCase"}),
    ],
)
def test_identifiers(text: str, names: set[str]) -> None:
    assert claims.identifiers(text) == names


def test_an_option_keeps_its_case_and_its_edges() -> None:
    assert claims.holds("pass -v here", "-v")
    assert not claims.holds("pass -V here", "-v")
    assert not claims.holds("pass --forced", "--force")
    assert claims.holds("the Set_Name call", "set_name")


def test_a_denial_reaches_the_words_of_its_clause() -> None:
    (reached,) = claims.denied("It does not delete the page, and keeps the file.")
    assert reached == claims.content("delete page")


def test_terms_weigh_as_they_are_told() -> None:
    claim = "The gate refuses cats."
    plain = support(claim, None, BARE).score
    weighed = support(claim, None, BARE, lambda _: 1.0).score
    assert plain == weighed
    heavy = claims.content("cats")
    from groundwork.retrieval.sparse import term_id

    rare = {term_id(term) for term in heavy}
    assert support(claim, None, BARE, lambda term: 9.0 if term in rare else 1.0).score < plain


def test_a_passage_whose_vectors_do_not_fit_is_judged_by_words() -> None:
    wrong = replace(PASSAGE, units=np.zeros((1, 256), dtype=np.int8))
    vector = EMBEDDER.embed([SENTENCES[0]])[0]
    assert support(SENTENCES[0], vector, wrong) == support(SENTENCES[0], None, BARE)


@given(st.text(max_size=200))
def test_any_text_gets_a_score_and_a_span_of_the_passage(claim: str) -> None:
    result = support(claim, None, PASSAGE)
    assert 0.0 <= result.score <= 1.0
    assert any((unit.start, unit.end) == (result.start, result.end) for unit in PASSAGE.chunk.units)


@given(st.lists(st.sampled_from(" ".join(SENTENCES).split()), max_size=15).map(" ".join))
def test_words_alone_never_promise_more_than_the_vector_gives(claim: str) -> None:
    vector = EMBEDDER.embed([claim])[0]
    values, _ = features(claim, vector, PASSAGE)
    least, full = support_by_words(claim, PASSAGE), support(claim, vector, PASSAGE)
    # With a vector another unit may be the nearest, and with it what contradicts.
    if values["cosine"] >= 0 and "negation" not in {least.reason, full.reason}:
        assert least.score <= full.score
