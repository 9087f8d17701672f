"""Exports: exact to the picodollar, safe in a spreadsheet, streamed, and FOCUS by its rules."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sql
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.export import FORMATS, Format, export, file_name
from groundwork.core.metering.export.cells import encode, safe
from groundwork.core.metering.export.files import write_file
from groundwork.core.metering.export.focus import COLUMNS, MANDATORY, unit_of
from groundwork.core.metering.export.parquet import ROW_GROUP, as_parquet
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.periods import DAY_MS, Period
from groundwork.core.metering.query import CostQuery
from groundwork.core.money import PICO_PER_DOLLAR, parse_dollars
from groundwork.core.settings import CostsSettings
from tests.core.ledgers import START, fill, made, random_rows
from tests.postgres import new_database

Filled = tuple[sql.Engine, list[dict[str, Any]]]
NAMES = CostsSettings(billing_account_id="acme-1", billing_account_name="Acme", provider="Acme AI")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    ledger, _, charged = made(tmp_path_factory.mktemp("ledger") / "ledger.sqlite", 600)
    yield ledger.engine, charged
    ledger.close()


def whole(filled: Filled, form: Format, query: CostQuery | None = None) -> bytes:
    return b"".join(export(filled[0], query or CostQuery(), form, NAMES))


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))


@pytest.fixture(scope="module")
def focus(filled: Filled) -> list[dict[str, str]]:
    return read(whole(filled, "focus"))


def test_csv_has_every_charge_to_the_picodollar(filled: Filled) -> None:
    rows = read(whole(filled, "csv"))
    charged = {row["id"]: row for row in filled[1]}
    assert {int(row["charge"]) for row in rows} == charged.keys()
    for row in rows:
        own = charged[int(row["charge"])]
        assert parse_dollars(row["amount"]) == int(row["picodollars"]) == own["picodollars"]
        assert (row["team"], row["user"], row["request"]) == (
            own["team"],
            own["user_id"],
            own["request_id"],
        )


def test_parquet_has_every_charge_in_integers_and_decimals(filled: Filled) -> None:
    table = pq.read_table(io.BytesIO(whole(filled, "parquet")))
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["picodollars"] == "int64"
    assert kinds["amount"] == "decimal128(38, 12)"
    assert kinds["at"] == "timestamp[ms, tz=UTC]"
    assert not [kind for kind in kinds.values() if "float" in kind or "double" in kind]
    total = sum(row["picodollars"] for row in filled[1])
    assert sum(table["picodollars"].to_pylist()) == total
    assert sum(table["amount"].to_pylist()) * PICO_PER_DOLLAR == total
    assert None in table["unit_picodollars"].to_pylist()


def test_focus_sums_to_the_picodollar(filled: Filled, focus: list[dict[str, str]]) -> None:
    total = sum(row["picodollars"] for row in filled[1])
    for name in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"):
        assert sum(parse_dollars(row[name]) for row in focus) == total
    assert sum(int(row["x_Picodollars"]) for row in focus) == total


@pytest.mark.parametrize("form", FORMATS)
def test_periods_and_filters_hold_in_exports(filled: Filled, form: Format) -> None:
    period = Period(START + DAY_MS, START + 9 * DAY_MS + 1)
    content = whole(filled, form, CostQuery.of(period, (), {"team": ["search"]}))
    expected = [
        row["id"] for row in filled[1]
        if row["team"] == "search" and START + DAY_MS <= row["at"] < START + 9 * DAY_MS + 1
    ]  # fmt: skip
    if form == "parquet":
        found = pq.read_table(io.BytesIO(content))["charge"].to_pylist()
    else:
        name = "charge" if form == "csv" else "x_ChargeId"
        found = [int(row[name]) for row in read(content)]
    assert sorted(found) == sorted(expected)
    assert expected


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_export_has_its_columns(filled: Filled, form: Format) -> None:
    content = whole(filled, form, CostQuery(Period(0, 1)))
    if form == "parquet":
        assert pq.read_table(io.BytesIO(content)).num_rows == 0
    else:
        assert content.count(b"\r\n") == 1


@pytest.mark.parametrize("form", FORMATS)
def test_both_databases_export_the_same(
    request: pytest.FixtureRequest, filled: Filled, form: Format
) -> None:
    server: str = request.getfixturevalue("postgres_server")
    ledger, _, _ = made(new_database(server, f"export_{form}"), 600)
    try:
        assert whole((ledger.engine, []), form) == whole(filled, form)
    finally:
        ledger.close()


# Spreadsheets


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠A", " =1", "=cmd|' /C calc'!A0"],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "search", "a=b", "1-2", "'quoted", "élan", "#1"])
def test_other_text_stays(text: str) -> None:
    assert safe(text) == text


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(), st.text()), min_size=2, max_size=2)))
def test_any_text_comes_back_from_the_csv(rows: list[list[str | int | None]]) -> None:
    content = b"".join(encode(rows)).decode()
    back = list(csv.reader(io.StringIO(content, newline=""), strict=True))
    expected = [
        ["" if c is None else str(c) if isinstance(c, int) else safe(c).encode("utf-8", "replace").decode() for c in row]
        for row in rows
    ]  # fmt: skip
    assert back == expected
    for row, shown in zip(rows, back, strict=True):
        for cell, text in zip(row, shown, strict=True):
            assert not isinstance(cell, str) or not re.match(r"[ ]*[=+\-@\t\r\n＝＋－＠]", text)


def test_a_hostile_name_is_neutralised_in_every_text_export(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    asked, charged = random_rows(3)
    for row in charged:
        row.update(team="=HYPERLINK(1)", model="@cf/x")
    fill(ledger, asked, charged)
    for form in ("csv", "focus"):
        content = b"".join(export(ledger.engine, CostQuery(), form, NAMES)).decode()
        cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
        assert "'=HYPERLINK(1)" in cells
        assert not [cell for cell in cells if re.match(r"[=+@]|-(?!\d)", cell)]
    ledger.close()


# Streams and files


def test_parquet_is_handed_out_while_it_is_read() -> None:
    taken = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal taken
        row = {
            "id": 1, "at": 0, "day": "1970-01-01", "request_id": "a", "kind": "usage", "corrects": None, "team": "",
            "user_id": "", "key_id": "", "project": "", "channel": "", "stage": "s", "model": "m", "meter": "t",
            "quantity": 1, "unit_picodollars": 1, "picodollars": 1, "currency": "USD", "price_book": "",
            "release": "", "index_name": "", "note": "",
        }  # fmt: skip
        for _ in range(3 * ROW_GROUP):
            taken += 1
            yield row

    chunks = as_parquet(rows())
    assert next(chunks)
    assert taken == ROW_GROUP
    content = b"".join(as_parquet(rows()))
    assert pq.read_table(io.BytesIO(content)).num_rows == 3 * ROW_GROUP


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_bytes(b"before")

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        write_file(path, broken())
    assert path.read_bytes() == b"before"
    written = write_file(path, [b"a", b"b"])
    assert path.read_bytes() == b"ab"
    assert written.bytes == 2
    assert [file.name for file in tmp_path.iterdir()] == ["costs.csv"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_file(tmp_path / "none" / "costs.csv", [b"a"])


def test_names_of_files() -> None:
    november = CostQuery(Period.parse(month="2026-11"))
    assert file_name("focus", november) == "groundwork-focus-2026-11-01-2026-12-01.csv"
    assert file_name("parquet", CostQuery()) == "groundwork-costs.parquet"


# FOCUS 1.2 to 1.4: every mandatory column with its type, its null rule and its own rules.

DECIMAL = re.compile(r"-?\d+(\.\d+)?")


def instant(text: str) -> datetime:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    return datetime.fromisoformat(text)


def is_decimal(row: dict[str, str], name: str) -> None:
    assert DECIMAL.fullmatch(row[name]), (name, row[name])


def is_text(row: dict[str, str], name: str) -> None:
    assert row[name], name
    assert row[name] == row[name].strip()


def cost(row: dict[str, str], name: str) -> None:
    is_decimal(row, name)
    if row["ChargeClass"] != "Correction":
        assert Decimal(row[name]) == Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])


def one_of(*allowed: str) -> Callable[[dict[str, str], str], None]:
    def check(row: dict[str, str], name: str) -> None:
        assert row[name] in allowed

    return check


def currency(row: dict[str, str], name: str) -> None:
    assert re.fullmatch(r"[A-Z]{3}", row[name])  # ISO 4217


def period_start(row: dict[str, str], name: str) -> None:
    start, end = instant(row[name]), instant(row[name.replace("Start", "End")])
    assert start < end
    assert start.tzinfo == UTC


def billing_start(row: dict[str, str], name: str) -> None:
    period_start(row, name)
    start, end = instant(row[name]), instant(row["BillingPeriodEnd"])
    assert (start.day, start.hour, start.minute, start.second) == (1, 0, 0, 0)
    assert end == (start + timedelta(days=31)).replace(day=1)


def charge_start(row: dict[str, str], name: str) -> None:
    period_start(row, name)
    if row["ChargeClass"] != "Correction":
        assert instant(row["BillingPeriodStart"]) <= instant(row[name])
        assert instant(row["ChargePeriodEnd"]) <= instant(row["BillingPeriodEnd"])


def period_end(row: dict[str, str], name: str) -> None:
    instant(row[name])


def pricing_quantity(row: dict[str, str], name: str) -> None:
    # Not null for Usage that is no correction; all our rows are Usage.
    assert row["ChargeCategory"] == "Usage"
    is_decimal(row, name)


def pricing_unit(row: dict[str, str], name: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]*(-[A-Z][a-z]+)?", row[name])


def text_or_null(row: dict[str, str], name: str) -> None:
    assert row[name] == row[name].strip()


RULES: dict[str, Callable[[dict[str, str], str], None]] = {
    "BilledCost": cost,
    "BillingAccountId": is_text,
    "BillingAccountName": text_or_null,
    "BillingCurrency": currency,
    "BillingPeriodEnd": period_end,
    "BillingPeriodStart": billing_start,
    "ChargeCategory": one_of("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    "ChargeClass": one_of("", "Correction"),
    "ChargeDescription": text_or_null,
    "ChargePeriodEnd": period_end,
    "ChargePeriodStart": charge_start,
    "ContractedCost": cost,
    "EffectiveCost": cost,
    "HostProviderName": is_text,
    "InvoiceIssuerName": is_text,
    "ListCost": cost,
    "PricingQuantity": pricing_quantity,
    "PricingUnit": pricing_unit,
    "ProviderName": is_text,
    "PublisherName": is_text,
    "ServiceCategory": one_of("AI and Machine Learning"),
    "ServiceName": is_text,
    "ServiceProviderName": is_text,
}


def test_there_is_a_rule_for_every_mandatory_column() -> None:
    assert tuple(sorted(RULES)) == MANDATORY
    assert len(MANDATORY) == 23


@pytest.mark.parametrize("name", MANDATORY)
def test_focus_mandatory_columns(focus: list[dict[str, str]], name: str) -> None:
    for row in focus:
        RULES[name](row, name)


def test_focus_columns_are_named_and_ordered(focus: list[dict[str, str]]) -> None:
    names = list(focus[0])
    assert tuple(names) == COLUMNS
    assert len(set(names)) == len(names)
    own = [name.startswith("x_") for name in names]
    assert own == sorted(own), "own columns come last"
    for name in names:
        assert re.fullmatch(r"(x_)?[A-Z][A-Za-z]*", name)
        assert len(name) <= 50


def test_focus_corrections(filled: Filled, focus: list[dict[str, str]]) -> None:
    charged = {row["id"]: row for row in filled[1]}
    corrections = [row for row in focus if row["ChargeClass"] == "Correction"]
    assert {int(row["x_ChargeId"]) for row in corrections} == {
        row["id"] for row in filled[1] if row["kind"] == "correction"
    }
    for row in corrections:
        own, original = charged[int(row["x_ChargeId"])], charged[int(row["x_CorrectsChargeId"])]
        assert row["ChargePeriodStart"] == f"{original['day']}T00:00:00Z"
        assert row["BillingPeriodStart"] == f"{own['day'][:7]}-01T00:00:00Z"
        assert row["ConsumedQuantity"] == row["ConsumedUnit"] == ""
        assert row["ChargeDescription"].startswith("correction of")
    others = [row for row in focus if row["ChargeClass"] == ""]
    assert len(others) + len(corrections) == len(focus)
    assert not any(row["x_CorrectsChargeId"] for row in others)


def test_focus_conditional_columns(focus: list[dict[str, str]]) -> None:
    for row in focus:
        assert row["SkuId"]
        assert row["SkuPriceId"]
        assert (
            bool(row["SubAccountId"]) == bool(row["SubAccountName"]) == bool(row["SubAccountType"])
        )
        assert bool(row["ConsumedQuantity"]) == bool(row["ConsumedUnit"])
        assert not row["ConsumedQuantity"] or Decimal(row["ConsumedQuantity"]) > 0
        assert bool(row["ResourceId"]) == bool(row["ResourceName"]) == bool(row["ResourceType"])
        tags = json.loads(row["Tags"])
        assert all(isinstance(value, str) and value for value in tags.values())
        assert all(name.startswith("groundwork/") for name in tags)


@pytest.mark.parametrize(
    ("meter", "unit"),
    [
        ("cached_input_tokens", "Tokens"), ("searches", "Searches"), ("gpu_seconds", "GPU-Seconds"),
        ("requests", "Requests"), ("pages", "Pages"), ("idle_gpu_seconds", "IdleGpu-Seconds"),
    ],
)  # fmt: skip
def test_units(meter: str, unit: str) -> None:
    assert unit_of(meter) == unit
