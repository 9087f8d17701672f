from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from groundwork.core.answers import Answer, Charge, Citation, Usage
from groundwork.core.errors import NotFound, Unavailable
from groundwork.serving.store import AnswerStore

CHARGES = (Charge("embed", "input_tokens", 7, 1694), Charge("retrieve", "searches", 1, 66_000))


def made(identity: str = "ans-1", days_ago: float = 0) -> Answer:
    when = datetime.now(UTC) - timedelta(days=days_ago)
    return Answer(
        id=identity,
        created_at=when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        question="How? 🤔",
        index="docs",
        release="rel-1",
        index_version="v1",
        model="extractive",
        answer="So. [1]",
        outcome="answered",
        reason=None,
        confidence=0.9,
        citations=(Citation(1, "T", "u", "a", ("T", "S"), "So.", 0, 3, "r"),),
        usage=Usage(10, 2, 1),
        charges=CHARGES,
        rails=(),
        timings_ms={"total": 1.5},
        trace_id="0" * 31 + "1",
    )


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def store(url: str) -> Iterator[AnswerStore]:
    opened = AnswerStore(url)
    yield opened
    opened.close()


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_an_answer_comes_back_as_it_went_in(store: AnswerStore) -> None:
    answer = made()
    store.save(answer)
    assert store.get("ans-1") == answer.to_dict()


def test_it_outlives_the_process(store: AnswerStore, url: str) -> None:
    store.save(made())
    store.close()
    again = AnswerStore(url)
    assert again.get("ans-1")["answer"] == "So. [1]"
    again.close()


def test_an_unknown_answer(store: AnswerStore) -> None:
    with pytest.raises(NotFound) as caught:
        store.get("ans-0")
    assert caught.value.field == "id"
    with pytest.raises(NotFound) as refused:
        store.add_feedback("ans-0", "up", "")
    assert refused.value.field == "answer_id"


def test_feedback_is_kept_in_order(store: AnswerStore) -> None:
    store.save(made())
    first = store.add_feedback("ans-1", "up", "")
    second = store.add_feedback("ans-1", "down", "on second thoughts … 👎")
    assert second > first
    assert [(row["id"], row["rating"], row["comment"]) for row in store.feedback("ans-1")] == [
        (first, "up", ""),
        (second, "down", "on second thoughts … 👎"),
    ]
    assert store.feedback("ans-2") == []


def test_forgetting_takes_answers_and_feedback(store: AnswerStore) -> None:
    store.save(made("ans-old", days_ago=91))
    store.save(made("ans-new", days_ago=89))
    store.add_feedback("ans-old", "up", "")
    store.add_feedback("ans-new", "up", "")
    assert store.forget(90) == 1
    assert store.forget(90) == 0
    with pytest.raises(NotFound):
        store.get("ans-old")
    assert store.feedback("ans-old") == []
    assert store.get("ans-new")["id"] == "ans-new"
    assert len(store.feedback("ans-new")) == 1


def test_many_threads_write_at_once(store: AnswerStore) -> None:
    def work(n: int) -> int:
        store.save(made(f"ans-{n}"))
        return store.add_feedback(f"ans-{n}", "up", str(n))

    with ThreadPoolExecutor(8) as threads:
        identities = list(threads.map(work, range(80)))
    assert len(set(identities)) == 80
    assert all(store.get(f"ans-{n}")["id"] == f"ans-{n}" for n in range(80))


def test_sqlite_is_in_wal_mode(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    AnswerStore(url).close()
    assert rows(url, "PRAGMA journal_mode") == [("wal",)]


def test_a_ledger_that_cannot_be_opened_is_named_without_its_password(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(Unavailable, match=r"the ledger at sqlite:///.*folder") as caught:
        AnswerStore(f"sqlite:///{folder}")
    assert caught.value.field == "ledger.url"


def test_ping(store: AnswerStore) -> None:
    store.ping()


def test_ping_tells_a_file_that_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    store = AnswerStore(f"sqlite:///{folder / 'ledger.sqlite'}")
    store.ping()
    store.close()
    folder.rename(tmp_path / "gone")
    with pytest.raises(Unavailable):
        store.ping()
