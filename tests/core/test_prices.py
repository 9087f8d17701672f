from __future__ import annotations

import json
import logging
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DatabaseError

from groundwork.core.answers import Usage
from groundwork.core.errors import ConfigurationError, Conflict, InvalidInput
from groundwork.core.metering.catalogue import Catalogue, LivePrices
from groundwork.core.metering.database import writing
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.price_files import Price, read_prices, whole_picodollars
from groundwork.core.metering.prices import UNPRICED, PriceBook, embedded_book
from groundwork.core.metering.tally import GPU, Tally

BOOK = PriceBook("test", {("m", "input_tokens"): 3, ("m", "output_tokens"): 7})
DAY = "2026-11-01"


def used(model: str, usage: Usage) -> Tally:
    tally = Tally()
    tally.tokens("generate", model, usage)
    return tally


def test_cached_tokens_are_priced_once() -> None:
    lines = BOOK.lines(used("m", Usage(100, 20, 60, 5)))
    assert {line.meter: (line.quantity, line.picodollars) for line in lines} == {
        "input_tokens": (40, 120),
        "cached_input_tokens": (60, 180),
        "output_tokens": (15, 105),
        "reasoning_tokens": (5, 35),
    }
    assert BOOK.charges(used("m", Usage(100, 20))) == tuple(
        line.charge for line in BOOK.lines(used("m", Usage(100, 20)))
    )


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.data())
def test_uncached_and_cached_are_the_prompt(
    prompt: int, completion: int, data: st.DataObject
) -> None:
    cached = data.draw(st.integers(0, prompt))
    reasoning = data.draw(st.integers(0, completion))
    lines = BOOK.lines(used("m", Usage(prompt, completion, cached, reasoning)))
    by_meter = {line.meter: line.quantity for line in lines}
    assert by_meter.get("input_tokens", 0) + by_meter.get("cached_input_tokens", 0) == prompt
    assert by_meter.get("output_tokens", 0) + by_meter.get("reasoning_tokens", 0) == completion
    for line in lines:
        line.check()


def test_an_unknown_model_costs_nothing_and_is_flagged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (line,) = BOOK.lines(used("new", Usage(100)))
    assert (line.picodollars, line.note) == (0, UNPRICED)
    assert "no price for it" in caplog.text


def test_an_unknown_model_is_refused_where_it_is_asked_for_first() -> None:
    BOOK.require(["m"])
    with pytest.raises(ConfigurationError, match="cost prices import"):
        BOOK.require(["m", "new"])
    with pytest.raises(ConfigurationError):
        BOOK.charge("generate", "new", "input_tokens", 1)


def test_a_model_is_priced_by_tokens_or_by_time() -> None:
    by_time = PriceBook("gpu", {("m", GPU): 694})
    tally = used("m", Usage(10, 5))
    tally.add("generate", "m", GPU, 1000)
    assert [(line.meter, line.picodollars, line.note) for line in by_time.lines(tally)] == [
        ("input_tokens", 0, ""), ("output_tokens", 0, ""), (GPU, 694_000, ""),
    ]  # fmt: skip
    assert BOOK.lines(tally)[-1].picodollars == 0


def test_the_digest_names_the_content() -> None:
    assert BOOK.digest == PriceBook("test", dict(reversed(list(BOOK.prices.items())))).digest
    assert BOOK.digest != PriceBook("test", {**BOOK.prices, ("m", "output_tokens"): 8}).digest


@pytest.mark.parametrize(
    ("dollars", "units", "picodollars"),
    [
        ("1.5e-08", 1, 15_000),
        ("1e-12", 1, 1),
        ("0.15", 10**6, 150_000),
        # Noise of somebody's floating-point arithmetic.
        ("0.0000029999900000000002", 1, 2_999_990),
        ("3.0001999999999996E-7", 1, 300_020),
        ("0", 1, 0),
    ],
)
def test_prices_are_whole_picodollars(dollars: str, units: int, picodollars: int) -> None:
    assert whole_picodollars(Decimal(dollars), units) == picodollars


@pytest.mark.parametrize("dollars", ["1.41953125E-7", "1e-13", "-1e-6", "1e9"])
def test_prices_that_are_not_whole_are_refused(dollars: str) -> None:
    with pytest.raises(ValueError, match="finer than a picodollar"):
        whole_picodollars(Decimal(dollars))


def test_litellms_table(tmp_path: Path) -> None:
    table = {
        "sample_spec": {"input_cost_per_token": 0.5},
        "gpt-x": {
            "input_cost_per_token": "@1.5e-07", "output_cost_per_token": "@6e-07",
            "cache_read_input_token_cost": "@7.5e-08", "input_cost_per_token_above_200k_tokens": "@3e-07",
        },
        "free": {"input_cost_per_token": 0, "output_cost_per_token": 0.0},
        "ocr": {"ocr_cost_per_page": 0.001},
        "odd": {"input_cost_per_token": "@1.41953125E-7", "output_cost_per_token": "@1e-6"},
        "pictures": {"output_cost_per_image": 0.04},
    }  # fmt: skip
    path = tmp_path / "prices.json"
    path.write_text(_unquoted(json.dumps(table)))
    file = read_prices(path, DAY)
    assert {(p.model, p.meter): p.unit_picodollars for p in file.prices} == {
        ("gpt-x", "input_tokens"): 150_000,
        ("gpt-x", "cached_input_tokens"): 75_000,
        ("gpt-x", "output_tokens"): 600_000,
        ("free", "input_tokens"): 0,
        ("free", "output_tokens"): 0,
        ("ocr", "pages"): 10**9,
    }
    assert list(file.refused) == ["odd"]
    assert file.tiered == ("gpt-x",)
    assert {p.model for p in read_prices(path, DAY, ("gpt-*",)).prices} == {"gpt-x"}


def _unquoted(text: str) -> str:
    """Numbers as they stand in the table, which Python would write otherwise."""
    while '"@' in text:
        before, _, rest = text.partition('"@')
        number, _, after = rest.partition('"')
        text = before + number + after
    return text


def test_a_price_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(
        "currency: EUR\nvalid_from: 2026-12-01\nprices:\n"
        "  qwen:\n    input_tokens: {per_million: 0.15}\n    requests: {each: 0.000001}\n"
        "  on-gpu:\n    gpu_microseconds: {per_gpu_hour: 2.50}\n"
        "  fine:\n    input_tokens: {per_million: 0.0000001}\n"
        "  wrong:\n    input_tokens: {per_gpu_hour: 1}\n"
    )
    file = read_prices(path, DAY)
    assert file.prices == (
        Price("qwen", "input_tokens", 150_000, "2026-12-01", "EUR"),
        Price("qwen", "requests", 10**6, "2026-12-01", "EUR"),
        Price("on-gpu", "gpu_microseconds", 694, "2026-12-01", "EUR"),
    )
    assert sorted(file.refused) == ["fine", "wrong"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "["), ("a.json", "[]"), ("a.yaml", "a: ["), ("a.yaml", "models: {}"),
        ("a.yaml", "- 1"), ("a.txt", ""),
    ],
)  # fmt: skip
def test_files_that_are_none(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput):
        read_prices(tmp_path / name, DAY)


def test_a_book_holds_what_is_in_force_on_its_day(ledger: Ledger) -> None:
    catalogue = Catalogue(ledger.engine)
    base = embedded_book("mine")
    assert catalogue.book(DAY, base) is base
    steps = [Price("m", "input_tokens", n, f"2026-11-{n:02}") for n in (1, 10, 20)]
    euros = Price("m", "input_tokens", 99, "2026-11-02", "EUR")
    assert catalogue.add([*steps, euros], source="test", actor="me") == 4
    assert catalogue.add([*steps, euros], source="test", actor="me") == 0
    for day, price in (("2026-11-01", 1), ("2026-11-19", 10), ("2026-12-24", 20)):
        book = catalogue.book(day, base)
        assert book.price("m", "input_tokens") == price
        assert book.price("mine", "input_tokens") == 0
    assert catalogue.book("2026-10-31", base).price("m", "input_tokens") is None
    in_euros = PriceBook("eur", {}, "EUR")
    assert catalogue.book(DAY.replace("01", "30"), in_euros).price("m", "input_tokens") == 99
    assert [row["valid_from"] for row in catalogue.history("m")][:2] == ["2026-11-02", "2026-11-01"]


def test_a_price_is_never_changed(ledger: Ledger) -> None:
    catalogue = Catalogue(ledger.engine)
    catalogue.add([Price("m", "input_tokens", 1, DAY)], source="", actor="")
    with pytest.raises(Conflict, match="later day"):
        catalogue.add(
            [Price("n", "input_tokens", 1, DAY), Price("m", "input_tokens", 2, DAY)],
            source="",
            actor="",
        )
    assert len(catalogue.history()) == 1
    for statement in ("UPDATE prices SET unit_picodollars = 0", "DELETE FROM prices"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            writing(ledger.engine) as connection,
        ):
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "wrong",
    [
        Price("m", "input_tokens", 1, "tomorrow"),
        Price("m", "input_tokens", 1, DAY, "usd"),
        Price("", "input_tokens", 1, DAY),
    ],
)
def test_prices_that_make_no_sense(ledger: Ledger, wrong: Price) -> None:
    with pytest.raises(InvalidInput):
        Catalogue(ledger.engine).add([wrong], source="", actor="")


def test_live_prices_are_one_book_until_they_change(ledger: Ledger) -> None:
    live = LivePrices(Catalogue(ledger.engine), BOOK)
    assert live.book() is live.book() is BOOK
