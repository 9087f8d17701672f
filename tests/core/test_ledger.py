from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sql
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DatabaseError

from groundwork.core.errors import ConfigurationError, Conflict, InvalidInput, NotFound, Unavailable
from groundwork.core.metering.database import open_engine, reading, writing
from groundwork.core.metering.events import events
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Line, Posting, Request, day_of, day_start
from groundwork.core.metering.tables import (
    MAX_PICODOLLARS,
    charges,
    parts,
    requests,
    rollups,
    rollups_callers,
    whole,
)

NOON = day_start("2026-11-25") + 12 * 3_600_000


def line(meter: str = "output_tokens", quantity: int = 10, unit: int = 44) -> Line:
    return Line("generate", meter, "m", quantity, quantity * unit, unit)


def posting(identity: str = "ans-1", *lines: Line, **more: Any) -> Posting:
    known: dict[str, Any] = {"id": identity, "at": NOON, "outcome": "answered", "team": "search"}
    return Posting(Request(**{**known, **more}), lines or (line("input_tokens", 7, 242), line()))


def sum_of(ledger: Ledger, table: sql.Table, **where: str) -> int:
    condition = [table.c[name] == value for name, value in where.items()]
    thousandths: sql.ColumnElement[Any]
    rest: sql.ColumnElement[Any]
    if "millidollars" in table.c:
        thousandths, rest = sql.func.sum(table.c.millidollars), sql.func.sum(table.c.picodollars)
    else:
        thousandths, rest = parts(table.c.picodollars)
    with reading(ledger.engine) as connection:
        row = connection.execute(sql.select(thousandths, rest).where(*condition)).one()
    return whole(row[0] or 0, row[1] or 0)


def test_a_posting_is_there_with_all_it_says(ledger: Ledger) -> None:
    assert ledger.post(posting(user="ada", key_id="k1", prompt_tokens=7, completion_tokens=10)) == 2
    row = ledger.charges_of("ans-1")[1]
    assert (row["stage"], row["meter"], row["model"]) == ("generate", "output_tokens", "m")
    assert (row["quantity"], row["unit_picodollars"], row["picodollars"]) == (10, 44, 440)
    assert (row["day"], row["at"], row["kind"]) == ("2026-11-25", NOON, "usage")
    assert (row["team"], row["user_id"], row["key_id"]) == ("search", "ada", "k1")
    request = ledger.request("ans-1")
    assert request is not None
    assert (request["picodollars"], request["prompt_tokens"]) == (7 * 242 + 440, 7)
    assert ledger.request("ans-2") is None


def test_posting_twice_is_posting_once(ledger: Ledger) -> None:
    twice = posting()
    assert [ledger.post(twice), ledger.post(twice), ledger.post(twice, twice)] == [2, 0, 0]
    assert ledger.post(posting("ans-2"), posting("ans-2")) == 2
    assert ledger.total() == 2 * twice.picodollars
    assert sum_of(ledger, rollups) == sum_of(ledger, rollups_callers) == ledger.total()
    assert sum_of(ledger, requests) == ledger.total()


def test_a_later_stage_of_a_request_is_added(ledger: Ledger) -> None:
    ledger.post(posting("ans-1", line()))
    assert ledger.post(posting("ans-1", line(), line("reasoning_tokens"))) == 1
    row = ledger.request("ans-1")
    assert row is not None
    assert row["picodollars"] == 880


def test_other_content_under_the_same_key_is_an_error_and_changes_nothing(ledger: Ledger) -> None:
    ledger.post(posting())
    other = posting("ans-1", line(quantity=11), line("more"))
    with pytest.raises(Conflict, match="post a correction"):
        ledger.post(posting("ans-3"), other)
    assert ledger.total() == posting().picodollars
    assert ledger.request("ans-3") is None


def test_a_correction_is_a_row_of_its_own(ledger: Ledger) -> None:
    ledger.post(posting())
    key = ("ans-1", "generate", "output_tokens", "m", 0)
    fixed: Any = {"quantity": 10, "note": "the price was wrong", "actor": "finance"}
    assert ledger.correct(key, 300, **fixed) == -140
    assert ledger.correct(key, 300, **fixed) == 0
    assert ledger.correct(key, 310, **fixed) == 10
    _, original, first, second = ledger.charges_of("ans-1")
    assert original["picodollars"] == 440
    assert [first["correction_no"], second["correction_no"]] == [1, 2]
    assert first["corrects"] == second["corrects"] == original["id"]
    assert (first["kind"], first["team"], first["note"]) == (
        "correction",
        "search",
        "the price was wrong",
    )
    assert ledger.total() == sum_of(ledger, rollups) == sum_of(ledger, requests) == 7 * 242 + 310
    assert [event["action"] for event in events(ledger.engine)] == ["charge.corrected"] * 2


def test_a_correction_of_nothing(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.correct(("ans-1", "a", "b", "c", 0), 1, quantity=1, note="", actor="")


@pytest.mark.parametrize("statement", ["UPDATE charges SET picodollars = 0", "DELETE FROM charges"])
def test_charges_are_append_only(ledger: Ledger, statement: str) -> None:
    ledger.post(posting())
    with pytest.raises(DatabaseError, match="append-only"), writing(ledger.engine) as connection:
        connection.exec_driver_sql(statement)
    assert ledger.total() == posting().picodollars


@pytest.mark.parametrize(
    "wrong",
    [
        Line("s", "m", "x", 2, 5, 2),
        Line("s", "m", "x", 1, MAX_PICODOLLARS + 1),
        Line("s", "m", "x", 10**12 + 1, 0),
    ],
)
def test_what_no_row_can_hold_is_refused(ledger: Ledger, wrong: Line) -> None:
    with pytest.raises(InvalidInput):
        ledger.post(posting("ans-1", wrong))
    assert ledger.total() == 0


def test_more_cached_tokens_than_the_prompt_has_are_refused(ledger: Ledger) -> None:
    with pytest.raises(DatabaseError, match="requests_cached_of_prompt"):
        ledger.post(posting(prompt_tokens=3, cached_tokens=4))


def test_sums_beyond_64_bits_are_exact(ledger: Ledger) -> None:
    huge = [posting(f"ans-{n}", line("output_tokens", 1, MAX_PICODOLLARS)) for n in range(12)]
    ledger.post(*huge, posting("one", line("output_tokens", 1, 1)))
    assert ledger.total() == 12 * MAX_PICODOLLARS + 1 > 2**63
    assert sum_of(ledger, rollups) == sum_of(ledger, rollups_callers) == ledger.total()


def test_one_request_cannot_cost_more_than_its_row_holds(ledger: Ledger) -> None:
    lines = [line(f"meter{n}", 1, MAX_PICODOLLARS) for n in range(10)]
    with pytest.raises(InvalidInput, match="more than a row"):
        ledger.post(posting("ans-1", *lines))


def test_many_threads_post_the_same_and_it_counts_once(ledger: Ledger) -> None:
    everything = [posting(f"ans-{n}") for n in range(30)]
    begin = threading.Barrier(4)

    def post(turn: int) -> int:
        begin.wait()
        order = everything if turn % 2 else everything[::-1]
        return sum(ledger.post(*order[start : start + 5]) for start in range(0, 30, 5))

    with ThreadPoolExecutor(4) as pool:
        posted = sum(pool.map(post, range(4)))
    assert posted == 60
    assert ledger.total() == sum_of(ledger, rollups) == 30 * posting().picodollars


amounts = st.one_of(st.just(0), st.integers(0, 10**6), st.integers(0, MAX_PICODOLLARS // 10**4))
randoms = st.lists(
    st.tuples(
        st.sampled_from(["search", "support", ""]),
        st.sampled_from(["ada", "slack:U1", ""]),
        st.integers(NOON, NOON + 3 * 86_400_000),
        st.lists(st.tuples(st.integers(0, 10**4), amounts), min_size=1, max_size=4),
        st.integers(0, MAX_PICODOLLARS),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(drawn=randoms)
def test_rows_rollups_and_requests_never_differ(drawn: list[tuple[Any, ...]]) -> None:
    ledger = Ledger.open("sqlite://")
    expected: dict[str, int] = {}
    for n, (team, user, at, lines, corrected) in enumerate(drawn):
        priced = [line(f"m{i}", quantity, unit) for i, (quantity, unit) in enumerate(lines)]
        one = posting(f"ans-{n}", *priced, team=team, user=user, at=at)
        ledger.post(one)
        expected[team] = expected.get(team, 0) + one.picodollars
        if n % 3 == 0:
            key = (f"ans-{n}", "generate", "m0", "m", 0)
            expected[team] += ledger.correct(key, corrected, quantity=1, note="", actor="")
    for team, amount in expected.items():
        for table in (charges, requests, rollups, rollups_callers):
            assert sum_of(ledger, table, team=team) == amount
    assert ledger.total() == sum(expected.values())
    ledger.close()


def test_days_are_utc_and_half_open() -> None:
    start = day_start("2026-11-25")
    assert [day_of(start - 1), day_of(start), day_of(start + 86_399_999)] == [
        "2026-11-24", "2026-11-25", "2026-11-25",
    ]  # fmt: skip


def test_other_databases_are_refused_and_passwords_are_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="mysql"):
        open_engine("mysql://u:secret@h/db")
    with pytest.raises(Unavailable) as caught:
        Ledger.open("postgresql://u:hunter2@127.0.0.1:1/db")
    assert "hunter2" not in caught.value.detail
