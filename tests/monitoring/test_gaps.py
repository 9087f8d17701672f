from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.serving.api import gaps as page
from groundwork.serving.gaps import Finds, Missed, clusters, gaps_of, group
from tests.monitoring.watched_world import build_watched
from tests.serving.api_fakes import passage

# Every topic is a direction; how near the documentation's nearest page is to it.
TOPICS = {"proxy": 0.55, "windows": 0.6, "egg": 0.1, "token": 0.5}
WORDS = {
    "proxy": ["How do I use a proxy?", "Can it go through a proxy?", "proxy settings for ingest?"],
    "windows": ["Does it run on windows?", "windows install", "Is windows supported?"],
    "egg": ["How long do I boil an egg?", "egg too soft?"],
    "token": ["Where is the token shown?"],
}


class Topical:
    """Puts questions where their topic is, each a little elsewhere."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for text in texts:
            topic = next(n for n, name in enumerate(TOPICS) if name in text.lower())
            row = np.random.default_rng(sum(map(ord, text))).normal(scale=0.06, size=24)
            row[topic] += 1.0
            rows.append(row / np.linalg.norm(row))
        return np.array(rows, dtype=np.float32)


class Finder:
    embedder = Topical()

    def retrieve(self, question: str, index: str) -> Retrieval:
        near = next(value for name, value in TOPICS.items() if name in question.lower())
        found = passage(0)
        held = tuple(Passage(found.chunk, near, near - 0.1 * n, 0.0) for n in range(2))
        return Retrieval(question, index, "v1", held, near, 0.5, 4)


FINDER = cast("Finds", Finder())


def missed(topic: str, count: int, *, disliked: int = 0) -> list[Missed]:
    questions = WORDS[topic]
    return [
        Missed(questions[n % len(questions)], f"ans-{topic}-{n}", "2026-11-20", "nothing_found", n < disliked)
        for n in range(count)
    ]  # fmt: skip


def test_planted_gaps_come_first_and_other_subjects_last() -> None:
    asked = [*missed("egg", 40), *missed("token", 2), *missed("windows", 9), *missed("proxy", 14)]
    found = group(asked, FINDER, "docs")
    assert [gap.questions[0] for gap in found] == [
        WORDS["proxy"][0],
        WORDS["windows"][0],
        WORDS["token"][0],
        WORDS["egg"][0],
    ]
    assert [gap.count for gap in found] == [14, 9, 2, 40]
    assert [gap.off_topic for gap in found] == [False, False, False, True]
    assert set(found[0].questions) == set(WORDS["proxy"])
    assert found[0].pages[0].near == 0.55
    assert len(found[0].pages) == 1
    assert found[0].reasons == {"nothing_found": 14}


def test_a_thumb_down_counts_twice() -> None:
    found = group([*missed("windows", 5), *missed("proxy", 4, disliked=4)], FINDER, "docs")
    assert [gap.disliked for gap in found] == [4, 0]


def test_clusters_take_each_row_once_and_begin_with_their_middle() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = clusters(vectors, 0.5)
    assert sorted(n for members in found for n in members) == list(range(60))
    for members in found:
        assert all(vectors[members[0]] @ vectors[n] >= 0.5 for n in members[1:])
    assert clusters(np.zeros((2, 3), dtype=np.float32), 0.5) == [[0], [1]]


async def test_the_report_over_a_replay_and_its_page(tmp_path: Path) -> None:
    watched = build_watched(tmp_path)
    world = watched.world
    retriever = cast("Any", world.retriever)
    retriever.embedder = SimpleNamespace(
        **{name: getattr(world.embedder, name) for name in ("identity", "model", "dimension", "count_tokens")},
        embed=Topical().embed,
    )  # fmt: skip
    async with world.client() as client:

        async def ask(text: str) -> dict[str, Any]:
            return dict((await client.post("/v1/ask", json={"question": text})).json())

        answered = await ask("windows?")
        down = {"answer_id": answered["id"], "rating": "down"}
        await client.post("/v1/feedback", json=down)
        assert (await ask("token please"))["outcome"] == "answered"
        world.retriever.confidence = 0.1
        for n in range(6):
            await ask(WORDS["proxy"][n % 3])
        await ask("<b>token</b> & <script>alert(1)</script>")
        world.app.include_router(page.router)
        shown = await client.get("/gaps", params={"days": 1})
        unknown = await client.get("/gaps", params={"days": 0})
    report = gaps_of(world.store, FINDER, "docs", 1)
    assert (report.asked, report.missed) == (9, 8)
    assert [(gap.count, gap.disliked) for gap in report.gaps] == [(6, 0), (1, 1), (1, 0)]
    assert shown.status_code == 200
    assert "8 of 9 questions" in shown.text
    assert "&lt;script&gt;alert(1)" in shown.text
    assert "<script" not in shown.text
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert unknown.status_code == 422
    watched.close()


def test_nothing_missed_is_no_gap() -> None:
    assert group([], FINDER, "docs") == []


@pytest.mark.parametrize("outcome", ["blocked", "failed", "cancelled"])
def test_only_what_found_nothing_or_was_wrong_counts(outcome: str) -> None:
    from groundwork.serving.gaps import _missed

    answer = {"question": "q", "id": "a", "created_at": "x", "reason": None, "outcome": outcome}
    assert _missed(answer, ["down"]) is None
    assert _missed({**answer, "outcome": "answered"}, ["up"]) is None
    assert _missed({**answer, "outcome": "answered"}, ["down"]) is not None
