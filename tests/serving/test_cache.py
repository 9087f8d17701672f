from __future__ import annotations

import random
import string
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.data import QUESTIONS, read_jsonl
from groundwork.core.answers import Answer, RailVerdict, Turn
from groundwork.core.settings import CacheSettings
from groundwork.retrieval.embed.base import PassageText, PassageVectors
from groundwork.retrieval.index.base import Filter
from groundwork.serving.cache import (
    AnswerCache,
    CacheKey,
    Hit,
    cacheable,
    history_digest,
    normalised,
)
from groundwork.serving.cache_guards import conflict, signature
from tests.serving.test_store import made

KEY = CacheKey("rel-1", "docs", "v1", access="team-a", policy="p1", where=Filter(("guides",)))
QUESTION = "How do I roll back an index version?"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class LetterEmbedder:
    """Vectors of letter counts: near texts have near letters."""

    identity = model = "letters"
    dimension = 26
    max_tokens = 256

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded.extend(texts)
        rows = [[text.lower().count(c) + 0.001 for c in string.ascii_lowercase] for text in texts]
        counts = np.array(rows, dtype=np.float32)
        return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True), np.float32)

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        return len(text.split())


def exact(clock: Clock | None = None, **settings: Any) -> AnswerCache:
    return AnswerCache(CacheSettings(mode="exact", **settings), clock=clock or Clock())


def semantic(clock: Clock | None = None, **settings: Any) -> AnswerCache:
    chosen = CacheSettings(mode="semantic", **settings)
    return AnswerCache(chosen, LetterEmbedder(), clock or Clock())


def hit(cache: AnswerCache, question: str, key: CacheKey = KEY) -> Hit | None:
    return cache.find(key, question).hit


@pytest.mark.parametrize("cache", [exact(), semantic()])
def test_the_same_question_hits(cache: AnswerCache) -> None:
    assert hit(cache, QUESTION) is None
    assert cache.keep(KEY, QUESTION, made())
    for same in (
        QUESTION,
        "  how do I Roll  back an Index version ?! ",
        "How do I roll back an index version",
    ):
        found = hit(cache, same)
        assert found is not None
        assert found.record() == {"hit": "exact", "of": "ans-1", "similarity": 1.0}


@pytest.mark.parametrize(
    "other",
    [
        {"release": "rel-2"}, {"index": "handbook"}, {"index_version": "v2"}, {"access": "team-b"}, {"policy": "p2"},
        {"where": None}, {"where": Filter(tags=("guides",))}, {"passages": 3}, {"generator": "quick"},
        {"history": history_digest([Turn("user", "Hi")])},
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [exact, semantic])
def test_whatever_decides_an_answer_is_in_the_key(make: Any, other: dict[str, Any]) -> None:
    cache = make()
    cache.keep(KEY, QUESTION, made())
    assert hit(cache, QUESTION, replace(KEY, **other)) is None
    assert hit(cache, QUESTION) is not None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("What is Foo.bar?", "What is foo.bar?"), ("What does -v do?", "What does -V do?"), ("why 403?", "why 404?"),
        ("What is getItem?", "What is getitem?"), ("How do I enable it?", "How do I disable it?"),
    ],
)  # fmt: skip
def test_other_questions_do_not_hit(a: str, b: str) -> None:
    assert normalised(a) != normalised(b)
    for cache in (exact(), semantic(threshold=0.0)):
        cache.keep(KEY, a, made())
        assert hit(cache, b) is None


@given(st.text(max_size=60))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once


def test_a_near_question_hits_at_the_threshold() -> None:
    cache = semantic(threshold=0.9)
    cache.keep(KEY, "How do I delete old index versions?", made())
    found = cache.find(KEY, "How can I delete old versions of an index?")
    assert found.hit is not None
    assert found.hit.kind == "semantic"
    assert 0.9 <= found.hit.similarity < 1
    assert found.embedded_tokens == 9
    assert hit(cache, "Which formats can be read by the parser?") is None


def test_a_guarded_neighbour_does_not_hide_the_next_one() -> None:
    cache = semantic(threshold=0.5)
    cache.keep(KEY, "How do I start a service?", made("ans-start"))
    cache.keep(KEY, "How do I stop services?", made("ans-stop"))
    found = hit(cache, "How do I stop a service?")
    assert found is not None
    assert found.answer.id == "ans-stop"


def test_the_exact_mode_embeds_nothing() -> None:
    embedder = LetterEmbedder()
    cache = AnswerCache(CacheSettings(mode="exact"), embedder, Clock())
    cache.keep(KEY, QUESTION, made())
    assert cache.find(KEY, "Something else?").embedded_tokens == 0
    assert embedder.embedded == []


def test_a_vector_that_is_known_is_not_made_again() -> None:
    embedder = LetterEmbedder()
    cache = AnswerCache(CacheSettings(mode="semantic", threshold=0.9), embedder, Clock())
    question, near = (
        "How do I delete old index versions?",
        "How can I delete old versions of an index?",
    )
    known, other = embedder.embed([question, near])
    embedder.embedded.clear()
    cache.keep(KEY, question, made(), known)
    found = cache.find(KEY, near, other)
    assert found.hit is not None
    assert (found.embedded_tokens, embedder.embedded) == (0, [])


def test_off_keeps_nothing() -> None:
    cache = AnswerCache(CacheSettings(mode="off"))
    assert not cache.keep(KEY, QUESTION, made())
    assert hit(cache, QUESTION) is None
    assert not cache.on


def test_an_entry_expires() -> None:
    for make in (exact, semantic):
        clock = Clock()
        cache = make(clock, ttl_seconds=10)
        cache.keep(KEY, QUESTION, made())
        clock.now = 9.9
        assert hit(cache, QUESTION) is not None
        clock.now = 10.0
        assert hit(cache, QUESTION) is None
        assert len(cache) == 0
    clock = Clock()
    cache = semantic(clock, ttl_seconds=10, threshold=0.5)
    cache.keep(KEY, "How do I stop services?", made())
    clock.now = 10.0
    assert hit(cache, "How do I stop a service?") is None


def test_the_least_used_goes_first() -> None:
    cache = semantic(max_entries=3, threshold=1.0)
    for n in range(3):
        cache.keep(KEY, f"What is item {n}?", made(f"ans-{n}"))
    assert hit(cache, "What is item 0?") is not None
    cache.keep(KEY, "What is item 3?", made("ans-3"))
    assert [hit(cache, f"What is item {n}?") is not None for n in range(4)] == [
        True,
        False,
        True,
        True,
    ]
    assert len(cache) == 3
    cache.clear()
    assert len(cache) == 0
    assert hit(cache, "What is item 0?") is None


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(0, 2)), max_size=120))
def test_rows_and_entries_never_part(steps: list[tuple[int, bool, int]]) -> None:
    clock = Clock()
    cache = semantic(clock, max_entries=7, ttl_seconds=15, threshold=0.0)
    for number, write, key in steps:
        clock.now += 1
        chosen, text = replace(KEY, release=f"rel-{key}"), f"What is item {number}?"
        if write:
            cache.keep(chosen, text, made(f"ans-{key}-{number}"))
        found = hit(cache, text, chosen)
        assert found is None or found.answer.id == f"ans-{key}-{number}"
        rows = {entry.row: place for place, entry in cache._entries.items()}
        assert len(rows) == len(cache) <= 7
        assert all(cache._vectors._places[row] == place for row, place in rows.items())


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"outcome": "abstained", "reason": "low_confidence"}, True),
        ({"outcome": "blocked"}, False),
        ({"outcome": "failed"}, False),
        ({"outcome": "cancelled"}, False),
        ({"record": {"degraded": {"from": "default", "reason": "engine-down"}}}, False),
        ({"outcome": "abstained", "record": {"degraded": {}}}, False),
        ({"record": {"cache": {"hit": "exact"}}}, False),
        ({"record": {"route": {"generator": "default", "why": "tier:large"}}}, True),
        ({"record": {"route": {"generator": "quick", "why": "budget"}}}, False),
        ({"record": {"route": {"generator": "quick", "tried": [{"generator": "default"}]}}}, False),
        ({"rails": (RailVerdict("pii", "input", "redact"),)}, False),
        ({"rails": (RailVerdict("pii", "input", "allow"), RailVerdict("x", "output", "flag"))}, True),
        ({"answer": "x" * 40_000}, False),
    ],
)  # fmt: skip
def test_only_what_would_be_said_again_is_kept(change: dict[str, Any], kept: bool) -> None:
    answer: Answer = replace(made(), **change)
    assert cacheable(answer) is kept
    cache = exact()
    assert cache.keep(KEY, QUESTION, answer) is kept
    assert (hit(cache, QUESTION) is not None) is kept


def test_threads_share_it() -> None:
    cache = semantic(max_entries=20, threshold=0.0)

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(100):
            number = rng.randrange(40)
            text = f"What is item {number}?"
            cache.keep(KEY, text, made(f"ans-{number}"))
            found = hit(cache, text)
            assert found is None or found.answer.id == f"ans-{number}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(cache) == 20


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ("What does os.path.join do?", "What does str.join do?", "identifiers"),
        ("What does --dry-run do?", "What does --force do?", "identifiers"),
        ("What changed in version 14?", "What changed in version 15?", "numbers"),
        ("Are there two replicas?", "Are there three replicas?", "numbers"),
        ("Can I run it with Docker?", "Can I run it without Docker?", "negation"),
        ("Why does it start?", "Why doesn't it start?", "negation"),
        ("How do I enable TLS?", "How do I disable TLS?", "opposites"),
        ("How do I stop a pod?", "How do I restart a pod?", "opposites"),
        ("What ran before the test?", "What ran after the test?", "opposites"),
        ("How do I convert JSON to YAML?", "How do I convert YAML to JSON?", "direction"),
        ("Why is a version immutable?", "How is a version immutable?", "kind of question"),
        ("What is a rollback?", "Can I do a rollback?", "kind of question"),
        ("How do I delete an index?", "How do I delete an index version?", "one says more"),
        ("A pod has which phase?", "A pod has what name?", "what is asked for"),
    ],
)  # fmt: skip
def test_guards_object(a: str, b: str, why: str) -> None:
    assert conflict(signature(a), signature(b)) == why
    assert conflict(signature(b), signature(a)) == why
    assert conflict(signature(a), signature(a)) is None


def test_guards_let_most_paraphrases_through() -> None:
    pairs = read_jsonl(QUESTIONS / "near_pairs.jsonl")
    same = [pair for pair in pairs if pair["same"]]
    other = [pair for pair in pairs if not pair["same"]]
    assert len(same) >= 80
    assert len(other) >= 80

    def passed(rows: list[dict[str, Any]]) -> float:
        return sum(
            conflict(signature(row["a"]), signature(row["b"])) is None for row in rows
        ) / len(rows)

    assert passed(same) > 0.8
    assert passed(other) < 0.5
