"""Reports against sums made by hand: equal to the picodollar, whatever is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sql
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.metering.burn import savings
from groundwork.core.metering.periods import DAY_MS, Period, iso, parse_instant
from groundwork.core.metering.query import DIMENSIONS, FILTERS, CostQuery, column_of
from groundwork.core.metering.reports import known_values, report
from groundwork.core.metering.spread import ANSWERS, outliers, request_detail, spreads
from groundwork.core.metering.tables import KINDS
from groundwork.core.money import format_dollars, parse_dollars
from tests.core.ledgers import DATABASES, DAYS, START, each_database, made


class Filled(tuple[sql.Engine, list[dict[str, Any]], list[dict[str, Any]]]):
    """An engine, its requests and its charges; too long to be shown where a test fails."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Filled()"


@pytest.fixture(scope="module", params=DATABASES)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    where = each_database(request, tmp_path_factory.mktemp("ledger"))
    ledger, asked, charged = made(where, 1500)
    yield Filled((ledger.engine, asked, charged))
    ledger.close()


def value_of(row: dict[str, Any], name: str) -> str:
    text = str(row[column_of(name)])
    return text[:7] if name == "month" else text


def passes(row: dict[str, Any], query: CostQuery) -> bool:
    start, end = query.period.start, query.period.end
    inside = (start is None or start <= row["at"]) and (end is None or row["at"] < end)
    return inside and all(value_of(row, name) in values for name, values in query.where.items())


instants = st.one_of(
    st.none(),
    st.integers(-2, DAYS + 45).map(lambda n: START + n * DAY_MS),
    st.integers(-DAY_MS, (DAYS + 45) * DAY_MS).map(lambda n: START + n),
)


@st.composite
def queries(draw: st.DrawFn) -> CostQuery:
    start, end = draw(instants), draw(instants)
    if start is not None and end is not None and start >= end:
        start, end = end, start if start != end else start + 1
    by = draw(st.lists(st.sampled_from(sorted(DIMENSIONS)), max_size=3))
    names = draw(st.lists(st.sampled_from(sorted(FILTERS)), max_size=2))
    values = {
        "team": ["search", ""], "user": ["ada"], "project": ["docs"], "key": ["key-1", "key-2"], "channel": ["api"],
        "model": ["small"], "stage": ["generate"], "meter": ["input_tokens"], "release": ["rel-1"], "index": ["docs"],
        "kind": ["usage", "correction"], "currency": ["USD"],
    }  # fmt: skip
    return CostQuery.of(Period(start, end), by, {name: values[name] for name in names})


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=queries())
def test_every_grouping_differs_from_the_rows_by_exactly_nothing(
    filled: Filled, query: CostQuery
) -> None:
    engine, asked, charged = filled
    expected: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: dict.fromkeys(KINDS, 0))
    counts: dict[tuple[str, ...], int] = defaultdict(int)
    for row in filter(lambda row: passes(row, query), charged):
        key = tuple(value_of(row, name) for name in query.by)
        expected[key][row["kind"]] += row["picodollars"]
        counts[key] += 1
    with engine.connect() as connection:
        found = report(connection, query)
    sums = {row.values: row.amounts for row in found.rows if row.amounts.charges}
    assert {key: sums[key].by_kind for key in sums} == expected
    assert {key: sums[key].charges for key in sums} == counts
    total = found.totals.get("USD")
    assert (total.picodollars if total else 0) == sum(
        map(sum, (e.values() for e in expected.values()))
    )
    _same_answers(asked, query, found)


def _same_answers(asked: list[dict[str, Any]], query: CostQuery, found: Any) -> None:
    several = query.dimensions & {"stage", "meter", "model"}
    answers: dict[tuple[str, ...], int] = defaultdict(int)
    for row in asked:
        if not several and row["kind"] != "idle" and passes(row, query):
            answers[tuple(value_of(row, name) for name in query.by)] += 1
    for row in found.rows:
        assert row.amounts.requests == (None if several else answers[row.values])
    assert sum(answers.values()) == sum(row.amounts.requests or 0 for row in found.rows)


def test_sums_beyond_64_bits_are_exact(filled: Filled) -> None:
    # 1,500 requests with up to a million dollars a charge: far above 2^63 picodollars (9.2 million dollars).
    engine, _, charged = filled
    with engine.connect() as connection:
        total = report(connection, CostQuery()).totals["USD"].picodollars
    assert total == sum(row["picodollars"] for row in charged) > 2**63


def test_the_json_is_as_exact_as_the_integers(filled: Filled) -> None:
    engine, _, charged = filled
    with engine.connect() as connection:
        body = report(connection, CostQuery.of(Period(), ["team", "kind"])).to_dict()
    assert sum(parse_dollars(row["amount"]) for row in body["rows"]) == sum(
        row["picodollars"] for row in charged
    )
    assert body["totals"][0]["amount"] == format_dollars(sum(row["picodollars"] for row in charged))


def test_spread_is_by_nearest_rank(filled: Filled) -> None:
    engine, asked, _ = filled
    with engine.connect() as connection:
        found = spreads(connection, CostQuery.of(Period(), ["team"]))
    for team in {row["team"] for row in asked}:
        costs = sorted(
            row["picodollars"] for row in asked
            if row["team"] == team and row["outcome"] in ANSWERS and row["kind"] == "usage"
        )  # fmt: skip
        spread = found["USD", team]
        assert spread.answers == len(costs)
        assert (spread.lowest, spread.highest) == (costs[0], costs[-1])
        assert spread.mean == sum(costs) // len(costs)
        for percent, amount in spread.percentiles.items():
            assert amount == costs[-(-len(costs) * percent // 100) - 1]


def test_outliers_lead_to_their_charges(filled: Filled) -> None:
    engine, asked, charged = filled
    with engine.connect() as connection:
        dearest = outliers(connection, CostQuery(), 5)
        detail = request_detail(connection, dearest[0]["request"])
    amounts = [parse_dollars(row["amount"]) for row in dearest]
    of_answers = [
        r["picodollars"] for r in asked if r["outcome"] in ANSWERS and r["kind"] == "usage"
    ]
    assert amounts == sorted(of_answers, reverse=True)[:5]
    own = [row for row in charged if row["request_id"] == dearest[0]["request"]]
    assert [row["id"] for row in detail["charges"]] == [row["id"] for row in own]
    assert sum(parse_dollars(row["amount"]) for row in detail["charges"]) == amounts[0]


def test_an_answer_has_no_single_stage(filled: Filled) -> None:
    with filled[0].connect() as connection, pytest.raises(InvalidInput, match="stage"):
        spreads(connection, CostQuery.of(Period(), ["stage"]))


@pytest.mark.parametrize("request_id", ["ans-none", "", "\0"])
def test_an_unknown_request(filled: Filled, request_id: str) -> None:
    with filled[0].connect() as connection, pytest.raises(NotFound):
        request_detail(connection, request_id)


def test_cache_savings(filled: Filled) -> None:
    engine, asked, _ = filled
    with engine.connect() as connection:
        (found,) = savings(connection, CostQuery.of(Period(), (), {"team": ["search"]}))
    own = [row for row in asked if row["team"] == "search"]
    assert parse_dollars(found["saved"]) == sum(row["cache_saved_picodollars"] for row in own)
    assert found["cached_answers"] == sum(row["outcome"] == "cached" for row in own)
    assert found["cached_prompt_tokens"] == 40 * len(own)


def test_what_can_be_filtered_by(filled: Filled) -> None:
    engine, asked, charged = filled
    day = Period(START, START + DAY_MS // 2)
    with engine.connect() as connection:
        everything = known_values(connection, CostQuery())
        touched = known_values(connection, CostQuery(day))
    assert everything["team"] == sorted({row["team"] for row in charged})
    assert everything["user"] == sorted({row["user_id"] for row in asked})
    first = {row["key_id"] for row in charged if row["at"] < START + DAY_MS}
    assert touched["key"] == sorted(first)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11", "2026-11-01T00:00:00Z"),
        ("2026-11-25", "2026-11-25T00:00:00Z"),
        ("2026-11-25T08:00:00", "2026-11-25T08:00:00Z"),
        ("2026-11-25T08:00:00.25+02:00", "2026-11-25T06:00:00.250Z"),
    ],
)
def test_instants(text: str, shown: str) -> None:
    assert iso(parse_instant(text, "from")) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13",
        "2026-02-30",
        "yesterday",
        "1e9",
        "1969-12",
        "9999-12",
        "0001-01-01T00:00:00+23:00",
    ],
)
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_instant(text, "from")
    assert caught.value.field == "from"


def test_a_month_is_half_open() -> None:
    period = Period.parse(month="2026-12")
    assert (iso(period.start or 0), iso(period.end or 0)) == (
        "2026-12-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
    )
    with pytest.raises(InvalidInput):
        Period.parse("2026-12", None, "2026-12")
    with pytest.raises(InvalidInput):
        Period.parse("2026-12-02", "2026-12-02")


@given(st.integers(0, 10**13), st.integers(1, 10**11))
def test_whole_days_and_edges_make_up_the_period(start: int, length: int) -> None:
    period = Period(start, start + length)
    whole, _, _ = period.days()
    pieces = [piece for piece in (whole, *period.edges()) if piece.start != piece.end]
    assert sum((p.end or 0) - (p.start or 0) for p in pieces) == length
    bounds = sorted((p.start or 0, p.end or 0) for p in pieces)
    assert bounds[0][0] == start
    assert bounds[-1][1] == start + length
    assert all(a[1] == b[0] for a, b in pairwise(bounds))


@pytest.mark.parametrize(
    ("by", "where"),
    [
        (["colour"], {}),
        ([], {"colour": ["red"]}),
        ([], {"kind": ["free"]}),
        ([], {"team": ["a\0"]}),
    ],
)
def test_what_costs_do_not_have(by: list[str], where: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidInput):
        CostQuery.of(Period(), by, where)
