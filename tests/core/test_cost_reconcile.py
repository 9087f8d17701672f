"""Reconciliation: the steps from one figure to the other add up, and say why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.metering.correction import corrected
from groundwork.core.metering.estimate import Assumptions, estimate
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.periods import Period, day_start
from groundwork.core.metering.postings import Line, Posting, Request
from groundwork.core.metering.reconcile import Comparison
from groundwork.core.metering.reconcile.books import compare_books
from groundwork.core.metering.reconcile.engine import compare_engine, parse_metrics, read_metrics
from groundwork.core.metering.reconcile.invoice import InvoiceLine, compare_invoice, read_invoice
from groundwork.core.money import PICO_PER_DOLLAR

AT = day_start("2026-11-10")
MODEL = "llama"
NOVEMBER = Period.parse(month="2026-11")
CENT = PICO_PER_DOLLAR // 100


def posting(n: int, prompt: int = 60, cached: int = 40, output: int = 20) -> Posting:
    prices = (("input_tokens", prompt, 200_000), ("cached_input_tokens", cached, 50_000), ("output_tokens", output, 600_000))  # fmt: skip
    lines = tuple(
        Line("generate", meter, MODEL, quantity, quantity * price, price)
        for meter, quantity, price in prices
    )
    return Posting(Request(f"ans-{n}", AT + n, "answered", model=MODEL), lines)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    ledger = Ledger.open(ledger_url)
    ledger.post(*(posting(n) for n in range(10)))
    yield ledger
    ledger.close()


# Ten requests of 100 prompt and 20 generated tokens.
COST = 10 * (60 * 200_000 + 40 * 50_000 + 20 * 600_000)
TOKENS = 1200


def metrics(prompt: int, generated: int, finished: int, started: float | None = None) -> str:
    text = (
        "# TYPE vllm:prompt_tokens counter\n"
        f'vllm:prompt_tokens_total{{engine="0",model_name="{MODEL}"}} {prompt / 2}\n'
        f'vllm:prompt_tokens_total{{engine="1",model_name="{MODEL}"}} {prompt / 2}\n'
        "# TYPE vllm:generation_tokens counter\n"
        f'vllm:generation_tokens_total{{engine="0",model_name="{MODEL}"}} {generated}.0\n'
        "# TYPE vllm:request_success counter\n"
        f'vllm:request_success_total{{engine="0",finished_reason="stop",model_name="{MODEL}"}} {finished - 1}.0\n'
        f'vllm:request_success_total{{engine="0",finished_reason="length",model_name="{MODEL}"}} 1.0\n'
    )
    if started is not None:
        text += f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n"
    return text


def compared(ledger: Ledger, now: str, before: str | None = None, period: Period = NOVEMBER) -> list[Comparison]:  # fmt: skip
    earlier = None if before is None else parse_metrics(before)
    with ledger.engine.connect() as connection:
        return compare_engine(connection, parse_metrics(now), period, earlier)


def test_an_engine_that_counted_the_same(ledger: Ledger) -> None:
    found = compared(ledger, metrics(1000, 200, 10))
    assert [comparison.agrees for comparison in found] == [True] * 3
    assert [comparison.steps[-1].quantity for comparison in found] == [1000, 200, 10]


def test_requests_that_the_ledger_does_not_have(ledger: Ledger) -> None:
    prompt, generated, requests = compared(ledger, metrics(1200, 260, 12))
    assert [step.quantity for step in prompt.steps] == [1000, 200, 1200]
    assert "2 requests that the ledger has not, 100.0 each" in prompt.steps[1].why
    assert generated.steps[1].quantity == 60
    assert requests.steps[1].quantity == 2
    assert not requests.agrees


def test_only_what_was_counted_since_a_snapshot(ledger: Ledger) -> None:
    found = compared(ledger, metrics(1500, 300, 15), metrics(500, 100, 5))
    assert all(comparison.agrees for comparison in found)


def test_an_engine_that_was_restarted(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="restarted"):
        compared(ledger, metrics(500, 100, 5), metrics(1500, 300, 15))


def test_counters_run_since_the_start_of_the_engine(ledger: Ledger) -> None:
    late = metrics(500, 100, 5, started=(AT + 5) / 1000)
    assert all(comparison.agrees for comparison in compared(ledger, late, period=Period()))


def test_requests_that_the_engine_did_not_finish(ledger: Ledger) -> None:
    _, generated, requests = compared(ledger, metrics(1000, 190, 9))
    assert requests.steps[1].quantity == -1
    assert "did not finish" in generated.steps[1].why


@pytest.mark.parametrize("text", ["", "not metrics at all {", "process_start_time_seconds 1\n"])
def test_what_is_no_engine(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_metrics(text)


def test_metrics_out_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    path.write_text(metrics(1, 1, 1))
    assert parse_metrics(read_metrics(str(path))).models[MODEL].generated == 1
    with pytest.raises(InvalidInput):
        read_metrics(str(tmp_path / "none"))


def invoiced(ledger: Ledger, picodollars: int, tokens: int | None = TOKENS, quantum: int = CENT) -> Comparison:  # fmt: skip
    line = InvoiceLine("november", NOVEMBER, MODEL, picodollars, quantum, tokens)
    with ledger.engine.connect() as connection:
        return compare_invoice(connection, line)


def steps(comparison: Comparison) -> dict[str, int]:
    return {step.what: step.picodollars or 0 for step in comparison.steps}


def test_an_invoice_that_is_rounded_to_cents(ledger: Ledger) -> None:
    found = invoiced(ledger, 0)
    assert steps(found) == {"ledger": COST, "rounding": -COST, "invoice": 0}
    assert found.agrees


def test_an_invoice_at_another_price(ledger: Ledger) -> None:
    found = invoiced(ledger, 2 * COST, quantum=1)
    assert steps(found) == {"ledger": COST, "price": COST, "invoice": 2 * COST}
    assert not found.agrees


def test_an_invoice_of_requests_that_the_ledger_does_not_have(ledger: Ledger) -> None:
    found = invoiced(ledger, 2 * COST, 2 * TOKENS, quantum=1)
    assert steps(found) == {"ledger": COST, "missing requests": COST, "invoice": 2 * COST}
    assert found.steps[1].quantity == TOKENS


def test_idle_time_is_not_on_an_invoice_of_tokens(ledger: Ledger) -> None:
    idle = Line("generate", "idle_gpu_seconds", MODEL, 100, 777, kind="idle")
    ledger.post(Posting(Request("idle-1", AT, "answered", kind="idle"), (idle,)))
    assert steps(invoiced(ledger, COST, quantum=1)) == {
        "ledger": COST + 777,
        "idle time": -777,
        "invoice": COST,
    }
    of_machines = invoiced(ledger, COST + 777, None, quantum=1)
    assert of_machines.agrees
    assert steps(of_machines) == {"ledger": COST + 777, "invoice": COST + 777}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    amount=st.integers(0, 10**14),
    tokens=st.none() | st.integers(0, 10**9),
    quantum=st.sampled_from((1, 10**6, CENT)),
)
def test_the_steps_always_add_up(ledger: Ledger, amount: int, tokens: int | None, quantum: int) -> None:  # fmt: skip
    *way, invoice = invoiced(ledger, amount, tokens, quantum).steps
    assert sum(step.picodollars or 0 for step in way) == invoice.picodollars == amount


def test_invoices_are_read_from_csv_and_json(tmp_path: Path) -> None:
    table = tmp_path / "invoice.csv"
    table.write_text(
        'Period,Model,Tokens,Amount,Meter\n2026-11,llama,"1,200",0.10,\n2026-11-01/2026-11-03,llama,,1.5,output_tokens\n'
    )
    month, days = read_invoice(table)
    assert (month.tokens, month.picodollars, month.quantum) == (1200, 10 * CENT, CENT)
    assert month.period == NOVEMBER
    assert days.period == Period.parse("2026-11-01", "2026-11-03")
    assert (days.tokens, days.meter, days.quantum) == (None, "output_tokens", 10 * CENT)
    document = tmp_path / "invoice.json"
    document.write_text(
        '{"lines": [{"period": "2026-11-02", "model": "llama", "tokens": 7, "amount": 0.3}]}'
    )
    (line,) = read_invoice(document)
    assert (line.tokens, line.picodollars) == (7, 30 * CENT)
    assert line.period == Period.parse("2026-11-02", "2026-11-03")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"lines": 3}', "period,model,amount\n2026-11,llama,ten\n", "period,model\n2026-11,llama\n", "period,model,amount\nsoon,llama,1\n"],
)  # fmt: skip
def test_what_is_no_invoice(tmp_path: Path, text: str) -> None:
    path = tmp_path / "invoice"
    path.write_text(text)
    with pytest.raises(InvalidInput):
        read_invoice(path)


def test_the_books_agree_with_themselves(ledger: Ledger) -> None:
    corrected(
        ledger, "ans-3", reason="counted twice", actor="test", meter="output_tokens", quantity=10
    )
    with ledger.engine.begin() as connection:
        assert compare_books(connection).agrees
        connection.exec_driver_sql("UPDATE rollups SET picodollars = picodollars + 1")
        broken = compare_books(connection)
    assert not broken.agrees
    assert sum(1 for step in broken.steps[1:] if step.picodollars) == 1


def test_a_correction_is_a_row(ledger: Ledger) -> None:
    done = corrected(ledger, "ans-3", reason="counted twice", actor="t", meter="output_tokens", quantity=10)  # fmt: skip
    assert done["difference"] == "-0.000006"
    assert (done["before"], done["after"]) == ("0.000012", "0.000006")
    again = corrected(ledger, "ans-3", reason="counted twice", actor="t", meter="output_tokens", quantity=10)  # fmt: skip
    assert again["difference"] == "0"
    rows = ledger.charges_of("ans-3")
    assert [row["kind"] for row in rows] == ["usage"] * 3 + ["correction"]
    assert rows[3]["corrects"] == rows[2]["id"]
    by_amount = corrected(ledger, "ans-3", reason="agreed", actor="t", meter="output_tokens", amount="0.01")  # fmt: skip
    assert by_amount["after"] == "0.01"
    assert ledger.total() == COST - 12_000_000 + CENT


def test_corrections_that_cannot_be_made(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="3 charges fit"):
        corrected(ledger, "ans-3", reason="x", actor="t", quantity=1)
    with pytest.raises(NotFound):
        corrected(ledger, "ans-x", reason="x", actor="t", quantity=1)
    for values in ({}, {"quantity": 1, "amount": "1"}, {"amount": "much"}, {"quantity": 1, "reason": " "}):  # fmt: skip
        with pytest.raises(InvalidInput):
            corrected(ledger, "ans-3", **{"reason": "x", "actor": "t", "meter": "output_tokens", **values})  # type: ignore[arg-type]  # fmt: skip


# 2.50 dollars an hour; 0.15 and 0.60 dollars a million tokens.
GIVEN = Assumptions(
    gpu_hour=5 * PICO_PER_DOLLAR // 2, tokens_per_second=20_000, tokens=10**10, api_input=150_000,
    api_output=600_000, utilisation=50, output_percent=20,
)  # fmt: skip


def test_an_estimate_by_hand() -> None:
    found = estimate(GIVEN)
    assert found.capacity == 20_000 * 3600 * 730 // 2
    assert found.replicas == 1
    assert found.self_hosted == 1825 * PICO_PER_DOLLAR
    # 0.8 * 0.15 + 0.2 * 0.60 = 0.24 dollars a million.
    assert found.api == 2400 * PICO_PER_DOLLAR
    assert found.cheaper == "self-hosting"
    assert found.break_even == -(-1825 * PICO_PER_DOLLAR // 240_000)


def test_more_volume_needs_more_replicas() -> None:
    found = estimate(Assumptions(**{**_fields(GIVEN), "tokens": 3 * 10**10}))
    assert found.replicas == 2
    assert found.self_hosted == 2 * 1825 * PICO_PER_DOLLAR


def test_a_replica_that_never_beats_the_api() -> None:
    slow = estimate(Assumptions(**{**_fields(GIVEN), "tokens_per_second": 100}))
    assert slow.break_even is None
    assert slow.cheaper == "api"


@given(tokens=st.integers(1, 10**13))
def test_at_the_break_even_the_costs_are_equal(tokens: int) -> None:
    least = estimate(GIVEN).break_even
    assert least is not None
    at, below = (
        estimate(Assumptions(**{**_fields(GIVEN), "tokens": n})) for n in (least, least - 1)
    )
    assert at.api >= at.self_hosted
    assert below.api <= below.self_hosted
    anywhere = estimate(Assumptions(**{**_fields(GIVEN), "tokens": tokens}))
    assert (tokens < least) <= (anywhere.cheaper == "api")


@pytest.mark.parametrize(
    "wrong",
    [{"tokens": 0}, {"gpu_hour": 0}, {"utilisation": 0}, {"utilisation": 101}, {"api_input": 0, "api_output": 0}],
)  # fmt: skip
def test_assumptions_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        estimate(Assumptions(**{**_fields(GIVEN), **wrong}))


def _fields(given: Assumptions) -> dict[str, int]:
    return asdict(given)
