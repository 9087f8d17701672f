"""What an open version answers, on every engine: the same."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from groundwork.retrieval.index.base import Candidate, Filter, IndexReader, SparseVector
from groundwork.retrieval.index.memory import MemoryStore
from tests.contracts.index_world import DIMENSION, POINTS, A, B, World, ask, pages, point

pytestmark = [
    # The server's client without a server says that it builds no payload indexes and always searches exactly.
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]

INSTALL, BACKUP, OLD, FLAGS = (
    "guide/install.md",
    "guide/backup.md",
    "guide-old/port.md",
    "reference/flags.md",
)


@pytest.fixture
def reader(stocked: World) -> Iterator[IndexReader]:
    opened = stocked.store.open(stocked.index)
    try:
        yield opened
    finally:
        opened.close()


def test_chunks_come_back_whole_in_the_order_asked(reader: IndexReader) -> None:
    ids = [each.chunk.id for each in reversed(POINTS)]
    stored = reader.fetch([ids[0], str(uuid.uuid4()), *ids[1:]])
    assert [each.chunk for each in stored] == [each.chunk for each in reversed(POINTS)]
    for got, sent in zip(stored, reversed(POINTS), strict=True):
        assert got.units is not None
        assert sent.units is not None
        assert np.array_equal(got.units, sent.units)
    assert reader.fetch([]) == []


def test_blobs_come_back_whole(reader: IndexReader) -> None:
    assert reader.blob("lexicon") == A.encode() * 100_000
    assert reader.blob("absent") is None


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Filter(), {INSTALL, BACKUP, OLD, FLAGS}),
        (Filter(path=("guide",)), {INSTALL, BACKUP}),
        (Filter(path=("guide/backup.md",)), {BACKUP}),
        (Filter(path=("/reference/", "guide-old")), {FLAGS, OLD}),
        (Filter(path=("guid",)), set()),
        (Filter(section=("SECTION 1",)), {INSTALL}),
        (Filter(section=("title",)), {INSTALL, BACKUP, OLD, FLAGS}),
        (Filter(tags=("daily",)), {BACKUP}),
        (Filter(tags=("ops", "absent")), {BACKUP, FLAGS}),
        (Filter(version=("1.0",)), {OLD}),
        (Filter(path=("guide",), section=("section 0",)), {INSTALL, BACKUP}),
        (Filter(path=("reference",), tags=("ops",), version=("2.0",)), {FLAGS}),
        (Filter(tags=("daily",), path=("reference",)), set()),
    ],
)
def test_filters_narrow(reader: IndexReader, where: Filter, found: set[str]) -> None:
    candidates = ask(reader, "server database flag json.dumps port", where)
    assert set(pages(reader, candidates)) == found


def test_a_filter_does_not_change_scores(reader: IndexReader) -> None:
    everywhere = {each.id: each for each in ask(reader, "server port")}
    narrowed = ask(reader, "server port", Filter(path=("guide",)))
    assert len(narrowed) == 3
    for each in narrowed:
        assert each.sparse == pytest.approx(everywhere[each.id].sparse, rel=1e-5)
        assert each.dense == pytest.approx(everywhere[each.id].dense, abs=1e-5)


def test_a_question_without_known_terms_is_answered_by_meaning_alone(reader: IndexReader) -> None:
    nothing = SparseVector((), ())
    found = reader.candidates(POINTS[2].dense, nothing, 2)
    assert len(found) == 2
    assert {each.sparse for each in found} == {0.0}
    assert max(found, key=lambda each: each.dense).id == POINTS[2].chunk.id
    assert max(each.dense for each in found) == pytest.approx(1.0, abs=1e-5)


def test_several_threads_ask_at_once(reader: IndexReader) -> None:
    questions = ["install the server", "json.dumps", "database backup", "port"] * 8
    alone = [ask(reader, question) for question in questions]
    gate = threading.Barrier(4)

    def together(question: str) -> list[Candidate]:
        if not gate.broken:
            gate.wait(timeout=30)
        return ask(reader, question)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(together, questions)) == alone


@pytest.mark.parametrize("copies", [5, 60])
def test_equal_scores_are_cut_by_id(world: World, copies: int) -> None:
    """However many tie at the cut, and however they are laid out."""
    same = [point(f"p{n}.md", 0, "the very same words") for n in range(copies)]
    other = [point(f"q{n}.md", 0, f"quite another text, number {n}") for n in range(20)]
    wanted = sorted(each.chunk.id for each in same)[:4]
    for version, order in ((A, [*same, *other]), (B, [*other, *reversed(same)])):
        world.live(version, order)
        reader = world.store.open(world.index)
        assert [each.id for each in ask(reader, "the very same words", limit=4)] == wanted
        reader.close()


def test_every_engine_gives_the_scores_of_the_plain_one(world: World) -> None:
    """Top ten of 300 points by both measures, against NumPy and dictionaries."""
    chance = random.Random(7)
    words = [f"word{n}" for n in range(60)]
    points = [
        point(f"d{n % 9}/p{n}.md", 0, " ".join(chance.choices(words, k=chance.randint(3, 30))))
        for n in range(300)
    ]
    plain = World(MemoryStore(), "plain")
    for each in (world, plain):
        each.live(A, points)
    got_from, want_from = world.store.open(world.index), plain.store.open("plain")
    for _ in range(15):
        text = " ".join(chance.choices(words, k=5))
        where = chance.choice([None, Filter(path=(f"d{chance.randrange(9)}",))])
        want = {found.id: found for found in ask(want_from, text, where, limit=300)}
        got = ask(got_from, text, where)
        for found in got:
            assert found.dense == pytest.approx(want[found.id].dense, abs=2e-6)
            assert found.sparse == pytest.approx(want[found.id].sparse, rel=1e-5)
        assert top(got, "dense") == pytest.approx(top(want.values(), "dense"), abs=2e-6)
        assert top(got, "sparse") == pytest.approx(top(want.values(), "sparse"), rel=1e-5)
        assert [found.id for found in got] == sorted(found.id for found in got)
    got_from.close()
    want_from.close()


def top(found: Iterable[Candidate], measure: str) -> list[float]:
    return sorted((getattr(each, measure) for each in found), reverse=True)[:10]


def test_an_empty_version_finds_nothing(world: World) -> None:
    world.live(A, [])
    reader = world.store.open(world.index)
    assert ask(reader, "anything") == []
    assert reader.candidates(np.ones(DIMENSION, np.float32), SparseVector((1,), (1.0,)), 3) == []
    reader.close()


def test_everything_comes_out_as_it_went_in_by_id(reader: IndexReader) -> None:
    read = [each for batch in reader.points() for each in batch]
    wanted = sorted(POINTS, key=lambda each: each.chunk.id)
    assert [each.chunk for each in read] == [each.chunk for each in wanted]
    for got, sent in zip(read, wanted, strict=True):
        assert np.array_equal(got.dense, sent.dense)
        assert got.dense.dtype == np.float32
        assert got.sparse.indices == tuple(sorted(sent.sparse.indices))
        weights = dict(zip(sent.sparse.indices, sent.sparse.values, strict=True))
        assert list(got.sparse.values) == [
            float(np.float32(weights[term])) for term in got.sparse.indices
        ]
        assert got.units is not None
        assert sent.units is not None
        assert np.array_equal(got.units, sent.units)
    assert reader.blobs() == ["lexicon", "manifest"]
