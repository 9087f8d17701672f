from __future__ import annotations

import logging
from pathlib import Path

import pytest

from groundwork.core.errors import Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.database import reading, writing
from groundwork.core.metering.directory import Directory
from groundwork.core.metering.events import events
from groundwork.core.metering.keys import Keys, NewKey
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import now_ms
from groundwork.core.metering.tables import keys


@pytest.fixture
def held(ledger: Ledger) -> Keys:
    return Keys(ledger.engine)


def test_a_key_says_who_calls(held: Keys) -> None:
    new = NewKey("ci", "search", "ada", "docs", ("ask", "costs"), requests_per_minute=60)
    key_id, key = held.create(new, "me")
    caller = held.authenticate(key)
    assert caller == Caller(key_id, "search", "ada", "docs", "api", frozenset({"ask", "costs"}), 60)
    assert caller.subjects() == [
        ("key", key_id),
        ("user", "ada"),
        ("team", "search"),
        ("project", "docs"),
    ]


def test_the_secret_is_kept_nowhere(held: Keys, ledger: Ledger) -> None:
    _, key = held.create(NewKey(team="search"), "me")
    secret = key.rpartition("_")[2]
    with reading(ledger.engine) as connection:
        row = connection.execute(keys.select()).mappings().one()
    assert secret not in str(dict(row)) + str(events(ledger.engine)) + str(held.all())
    assert "digest" not in held.all()[0]


def test_scopes(held: Keys) -> None:
    asks = held.authenticate(held.create(NewKey(scopes=("ask",)), "me")[1])
    asks.require("ask")
    with pytest.raises(Forbidden, match="scope costs"):
        asks.require("costs")
    held.authenticate(held.create(NewKey(scopes=("admin",)), "me")[1]).require("costs")
    Caller.local().require("admin")


def test_a_revoked_key_is_refused_at_once_everywhere(held: Keys, ledger: Ledger) -> None:
    elsewhere = Keys(
        Ledger.open(ledger.engine.url.render_as_string(hide_password=False)).engine, 600
    )
    key_id, key = held.create(NewKey(), "me")
    elsewhere.authenticate(key)
    assert held.revoke(key_id, "me")
    with pytest.raises(Unauthenticated, match="revoked"):
        elsewhere.authenticate(key)
    assert not held.revoke(key_id, "me")
    with pytest.raises(NotFound):
        held.revoke("0" * 12, "me")
    assert [event["action"] for event in events(ledger.engine)] == ["key.revoked", "key.created"]
    elsewhere._engine.dispose()


def test_an_expired_key_is_refused(held: Keys, ledger: Ledger) -> None:
    _, key = held.create(NewKey(expires_at=now_ms() + 60_000), "me")
    held.authenticate(key)
    with writing(ledger.engine) as connection:
        connection.execute(keys.update().values(expires_at=now_ms() - 1))
    with pytest.raises(Unauthenticated, match="expired"):
        held.authenticate(key)


@pytest.mark.parametrize("change", ["secret", "id", "shape"])
def test_refusals_are_logged_without_the_secret(
    held: Keys, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    key_id, key = held.create(NewKey(), "me")
    secret = key.rpartition(f"{key_id}_")[2]
    wrong = {
        "secret": key[:-5] + "AAAAA",
        "id": key.replace(key_id, "0" * 12),
        "shape": key + "\n",
    }[change]
    with caplog.at_level(logging.DEBUG), pytest.raises(Unauthenticated) as caught:
        held.authenticate(wrong)
    said = caplog.text + caught.value.detail
    assert "refused key" in caplog.text
    assert secret[:20] not in said
    assert "AAAAA" not in said


def test_whether_there_are_keys(held: Keys) -> None:
    assert not held.exist()
    key_id, _ = held.create(NewKey(), "me")
    held.revoke(key_id, "me")
    # A service that had keys does not open itself when the last one goes.
    assert held.exist()


def test_what_was_true_is_believed_for_a_while_without_a_database(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'there' / 'ledger.sqlite'}")
    strict, lenient, late = Keys(ledger.engine), Keys(ledger.engine, 600), Keys(ledger.engine, 1e-9)
    assert [one.exist() for one in (strict, lenient, late)] == [False] * 3
    _, key = strict.create(NewKey(team="search"), "me")
    for one in (strict, lenient, late):
        assert one.authenticate(key).team == "search"
    ledger.close()
    (tmp_path / "there").rename(tmp_path / "gone")
    assert lenient.authenticate(key).team == "search"
    for one, sent in ((strict, key), (late, key), (lenient, key[:-3] + "AAA")):
        with pytest.raises(Unavailable):
            one.authenticate(sent)
    assert not lenient.exist()
    with pytest.raises(Unavailable):
        late.exist()
    # Whoever made a key knows that there is one.
    assert strict.exist()
    ledger.close()


@pytest.mark.parametrize(
    "wrong",
    [
        NewKey(scopes=("root",)),
        NewKey(scopes=()),
        NewKey(team="a\nb"),
        NewKey(user="x" * 129),
        NewKey(expires_at=1),
        NewKey(requests_per_minute=0),
    ],
)
def test_keys_that_make_no_sense(held: Keys, wrong: NewKey) -> None:
    with pytest.raises(InvalidInput):
        held.create(wrong, "me")


def test_slack_users_ask_on_their_teams_account(ledger: Ledger) -> None:
    directory = Directory(ledger.engine)
    assert directory.slack_caller("U1") == Caller(
        user="slack:U1", channel="slack", scopes=frozenset({"ask", "search"})
    )
    directory.assign("slack:U1", "support", "me", "Ada")
    directory.assign("slack:U1", "search", "me")
    assert directory.slack_caller("U1").team == "search"
    known = directory.all()
    assert [team["name"] for team in known["teams"]] == ["search", "support"]
    assert [(user["id"], user["name"]) for user in known["users"]] == [("slack:U1", "Ada")]
