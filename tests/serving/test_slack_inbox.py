"""The inbox on SQLite and PostgreSQL: once, in order, by leases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql

from groundwork.core.metering.database import open_engine
from groundwork.serving.slack.inbox import Entry, Inbox, LeaseLost
from groundwork.serving.slack.review import Proposal, ReviewQueue
from groundwork.serving.slack.tables import inbox as table
from tests.postgres import running_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sql.Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    else:
        url = f"{request.getfixturevalue('server')}/postgres"
    engine = open_engine(url)
    ReviewQueue(engine)
    with engine.begin() as connection:
        connection.execute(sql.delete(table))
    yield engine
    engine.dispose()


def entry(number: int, thread_ts: str = "", kind: str = "question") -> Entry:
    payload = {"user": "U1", "text": f"question {number}"}
    return Entry(f"Ev{number}", f"msg:{number}", kind, "T1", "C1", payload, thread_ts)  # type: ignore[arg-type]


def test_an_event_is_kept_once_and_its_text_only_until_it_is_done(engine: sql.Engine) -> None:
    inbox = Inbox(engine, 60)
    assert inbox.put(entry(1))
    assert not inbox.put(entry(1))
    assert not inbox.put(Entry("Ev9", "msg:1", "question", "T1", "C1", {"user": "U1"}))
    item = inbox.claim()
    assert item is not None
    assert item.payload == {"user": "U1", "text": "question 1", "team": "T1"}
    assert inbox.claim() is None
    inbox.finish(item)
    assert inbox.waiting() == 0
    with engine.connect() as connection:
        assert connection.execute(sql.select(table.c.payload)).scalar_one() is None
    assert not inbox.put(entry(1))


def test_items_of_one_thread_come_in_order(engine: sql.Engine) -> None:
    one, two = Inbox(engine, 60), Inbox(engine, 60)
    for number in range(3):
        one.put(entry(number, "1.1"))
    one.put(entry(3, "2.2"))
    first, other = one.claim(), two.claim()
    assert first is not None
    assert other is not None
    assert (first.event_id, other.event_id) == ("Ev0", "Ev3")
    assert two.claim() is None
    one.postpone(first, 3600)
    assert two.claim() is None
    with engine.begin() as connection:
        connection.execute(sql.update(table).values(not_before=0))
    again = two.claim()
    assert again is not None
    assert (again.event_id, again.attempts) == ("Ev0", 2)
    two.finish(again)
    second = one.claim()
    assert second is not None
    assert second.event_id == "Ev1"


def test_a_lease_that_ran_out_is_taken_over(engine: sql.Engine) -> None:
    dead, alive = Inbox(engine, 0.05), Inbox(engine, 60)
    dead.put(entry(1))
    item = dead.claim()
    assert item is not None
    item.posted["0"] = "1.5"
    item.answer_id = "ans-1"
    dead.note(item, private=False)
    assert alive.claim() is None
    time.sleep(0.06)
    taken = alive.claim()
    assert taken is not None
    assert (taken.posted, taken.answer_id, taken.attempts) == ({"0": "1.5"}, "ans-1", 2)
    for change in (dead.renew, dead.note, dead.finish):
        with pytest.raises(LeaseLost):
            change(item)
    alive.finish(taken)
    found = alive.answered_at("C1", "1.5")
    assert found is not None
    assert (found.answer_id, found.private) == ("ans-1", False)
    assert alive.answered_at("C2", "1.5") is None


def test_many_processes_claim_each_item_once(engine: sql.Engine) -> None:
    inboxes = [Inbox(engine, 60) for _ in range(4)]
    for number in range(40):
        inboxes[0].put(entry(number, f"{number % 7}.0" if number % 2 else ""))

    def work(inbox: Inbox) -> list[str]:
        done = []
        while inbox.waiting():
            item = inbox.claim()
            if item is not None:
                done.append(item.event_id)
                inbox.finish(item)
        return done

    with ThreadPoolExecutor(4) as threads:
        done = [name for names in threads.map(work, inboxes) for name in names]
    assert sorted(done) == sorted(f"Ev{number}" for number in range(40))


def test_a_proposal_is_kept_once(engine: sql.Engine) -> None:
    queue = ReviewQueue(engine)
    for each in queue.all():
        queue.remove(each["id"])
    proposal = Proposal("slack:C1:1.1", "https://slack.example.com/x", "slack:U1", ())
    assert queue.add(proposal)
    assert not queue.add(proposal)
    assert [each["source"] for each in queue.all()] == ["slack:C1:1.1"]
