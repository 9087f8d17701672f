from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sql

from groundwork.core.answers import Turn
from groundwork.core.errors import NotFound, Unavailable
from groundwork.serving.conversation_store import ConversationStore, metadata
from groundwork.serving.store import AnswerStore
from tests.serving.api_fakes import World


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def store(url: str) -> Iterator[ConversationStore]:
    store = ConversationStore(url)
    yield store
    store.close()


def fill(store: ConversationStore, count: int, owner: str | None = None) -> str:
    conversation = store.create(owner)
    for n in range(1, count + 1):
        assert store.append(conversation, f"q{n}", f"ans-{n}", f"a{n}", owner) == n
    return conversation


def test_turns_come_back_in_order(store: ConversationStore) -> None:
    conversation = fill(store, 3)
    assert conversation.startswith("conv-")
    assert len(conversation) == 29
    found = store.read(conversation)
    assert [(turn.number, turn.question, turn.answer_id) for turn in found.turns] == [
        (1, "q1", "ans-1"), (2, "q2", "ans-2"), (3, "q3", "ans-3"),
    ]  # fmt: skip
    assert found.history()[:2] == (Turn("user", "q1"), Turn("assistant", "a1"))
    assert found.last_at == found.turns[-1].created_at >= found.created_at


def test_the_last_turns_are_the_newest_oldest_first(store: ConversationStore) -> None:
    conversation = fill(store, 5)
    assert [turn.number for turn in store.read(conversation, last=2).turns] == [4, 5]
    assert store.read(conversation, last=0).turns == ()


def test_conversations_do_not_mix(store: ConversationStore) -> None:
    one, two = fill(store, 1), fill(store, 2)
    assert len(store.read(one).turns) == 1
    store.delete(one)
    assert len(store.read(two).turns) == 2


@pytest.mark.parametrize(
    ("owner", "stranger"), [(None, "key-b"), ("key-a", None), ("key-a", "key-b")]
)
def test_anothers_conversation_is_not_found(
    store: ConversationStore, owner: str | None, stranger: str | None
) -> None:
    conversation = fill(store, 1, owner)
    for attempt in (
        lambda: store.read(conversation, stranger),
        lambda: store.append(conversation, "q", "ans-9", "a", stranger),
        lambda: store.delete(conversation, stranger),
    ):
        with pytest.raises(NotFound) as raised:
            attempt()
        assert raised.value.field == "conversation_id"
    assert len(store.read(conversation, owner).turns) == 1


def test_what_was_deleted_is_gone_with_its_turns(store: ConversationStore, url: str) -> None:
    conversation = fill(store, 2)
    store.delete(conversation)
    with pytest.raises(NotFound):
        store.read(conversation)
    with pytest.raises(NotFound):
        store.delete(conversation)
    with pytest.raises(NotFound, match="no conversation of such an id"):
        store.read("x\n" * 50)
    assert rows(url, "turns") == 0


def test_turns_that_arrive_at_once_get_numbers_of_their_own(url: str) -> None:
    stores = [ConversationStore(url) for _ in range(3)]
    conversation = stores[0].create()

    def ask(n: int) -> int:
        return stores[n % 3].append(conversation, f"q{n}", f"ans-{n}", f"a{n}")

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(ask, range(24)))
    assert sorted(numbers) == list(range(1, 25))
    by_number = {turn.number: turn.question for turn in stores[1].read(conversation).turns}
    assert by_number == {number: f"q{n}" for n, number in enumerate(numbers)}
    for store in stores:
        store.close()


def test_retention_counts_from_the_last_turn(store: ConversationStore, url: str) -> None:
    old, revived, fresh = fill(store, 2), fill(store, 1), fill(store, 1)
    past = (datetime.now(UTC) - timedelta(days=31)).isoformat(timespec="milliseconds")
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        table = metadata.tables["conversations"]
        connection.execute(
            sql.update(table).where(table.c.id.in_([old, revived])).values(last_at=past)
        )
    engine.dispose()
    store.append(revived, "again", "ans-9", "yes")
    assert store.forget(30) == 1
    assert store.forget(30) == 0
    with pytest.raises(NotFound):
        store.read(old)
    assert len(store.read(revived).turns) == 2
    assert len(store.read(fresh).turns) == 1
    assert rows(url, "turns") == 3


def test_it_shares_the_ledgers_database(url: str) -> None:
    answers, conversations = AnswerStore(url), ConversationStore(url)
    fill(conversations, 1)
    answers.ping()
    answers.close()
    conversations.close()
    assert rows(url, "conversations") == 1


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / "ledger.sqlite"
    folder.mkdir()
    with pytest.raises(Unavailable, match="does not answer"):
        ConversationStore(f"sqlite:///{folder}")


async def test_the_routes_read_and_forget(world: World) -> None:
    store = world.services.conversations
    conversation = fill(store, 2)
    async with world.client() as client:
        path = f"/v1/conversations/{conversation}"
        response = await client.get(path)
        assert response.status_code == 200
        assert response.json() == store.read(conversation).to_dict()
        assert [turn["answer"] for turn in response.json()["turns"]] == ["a1", "a2"]
        assert (await client.delete(path)).status_code == 204
        for missing in (path, "/v1/conversations/conv-1", "/v1/conversations/%00"):
            for method in ("GET", "DELETE"):
                response = await client.request(method, missing)
                assert response.status_code == 404
                assert response.json()["type"] == "urn:groundwork:problem:not-found"


def rows(url: str, table: str) -> int:
    engine = sql.create_engine(url)
    with engine.connect() as connection:
        count = connection.execute(sql.text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608  # a constant
    engine.dispose()
    return int(count)
