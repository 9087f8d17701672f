from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundwork.core.answers import Usage
from groundwork.core.errors import (
    BudgetExceeded,
    ConfigurationError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from groundwork.core.metering.accounts import Accounts, Expected
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.keys import NewKey
from groundwork.core.metering.postings import Posting, request_of
from groundwork.core.metering.prices import PriceBook
from groundwork.core.metering.tally import Tally
from groundwork.core.settings import LedgerSettings, LimitsSettings, Settings

BOOK = PriceBook(
    "test",
    {
        ("m", "input_tokens"): 1,
        ("m", "output_tokens"): 10,
        ("s", "input_tokens"): 0,
        ("s", "output_tokens"): 1,
    },
)
FULL, FRUGAL = Expected("m", 100, 10), Expected("s", 100, 10)


@pytest.fixture
def make(tmp_path: Path, ledger_url: str) -> Iterator[Any]:
    made: list[Accounts] = []

    def opened(limits: LimitsSettings | None = None, **ledger: Any) -> Accounts:
        settings = Settings(
            home=tmp_path / "home",
            ledger=LedgerSettings(**{"url": ledger_url, **ledger}),
            limits=limits or LimitsSettings(),
        )
        made.append(Accounts.open(settings, BOOK))
        made[-1].start()
        return made[-1]

    yield opened
    for accounts in made:
        accounts.close()


def used(request_id: str, caller: Caller, usage: Usage, book: PriceBook) -> Posting:
    tally = Tally()
    tally.tokens("generate", "m", usage)
    request = request_of(request_id, caller, usage, "answered", model="m", price_book=book.digest)
    return Posting(request, book.lines(tally))


def test_a_request_goes_in_and_comes_out(make: Any) -> None:
    accounts: Accounts = make()
    accounts.budgets.set(scope="team", subject="search", period="month", picodollars=1000, actor="")
    _, key = accounts.keys.create(NewKey(team="search", tokens_per_minute=1000), "me")
    caller = accounts.caller(key)
    ticket = accounts.admit("ans-1", caller, FULL, FRUGAL)
    assert (ticket.held.picodollars, ticket.frugal) == (200, False)
    assert ticket.limits["tokens"]["remaining"] == 890
    shown = ticket.budget()
    assert shown is not None
    assert shown["remaining"] == "0.0000000008"
    accounts.record(ticket, used("ans-1", caller, Usage(90, 5), ticket.book))
    assert accounts.recorder.flush(30)
    (standing,) = accounts.budgets.standings(caller)
    assert (standing.spent, standing.reserved) == (140, 0)
    # 795 and what has flowed in since.
    assert 795 <= accounts.admit("ans-2", caller, FULL).limits["tokens"]["remaining"] <= 890


def test_degraded_then_refused(make: Any) -> None:
    accounts: Accounts = make()
    accounts.budgets.set(scope="team", subject="search", period="day", picodollars=205, actor="")
    caller = Caller(team="search")
    assert accounts.admit("ans-1", caller, FULL).frugal
    with pytest.raises(BudgetExceeded):
        accounts.admit("ans-2", caller, FULL, FRUGAL)
    limited = Caller(key_id="k", team="search", tokens_per_minute=130)
    for _ in range(3):
        # A refusal uses no tokens of the rate limit.
        with pytest.raises(BudgetExceeded):
            accounts.admit("ans-2", limited, FULL, FRUGAL)
    accounts.budgets.release("ans-1")
    assert accounts.admit("ans-3", caller, Expected("m", 1000, 0), FRUGAL).held.picodollars == 10


def test_a_request_that_never_began_leaves_nothing(make: Any) -> None:
    accounts: Accounts = make()
    accounts.budgets.set(scope="team", subject="search", period="day", picodollars=1000, actor="")
    caller = Caller(key_id="k", team="search", tokens_per_minute=110)
    for n in range(5):
        accounts.drop(f"ans-{n}", accounts.admit(f"ans-{n}", caller, FULL))
    (standing,) = accounts.budgets.standings(caller)
    assert (standing.spent, standing.reserved) == (0, 0)


def test_rate_limits_come_before_budgets(make: Any) -> None:
    accounts: Accounts = make(LimitsSettings(backend="database", requests_per_minute=1))
    caller = Caller(key_id="k", team="search")
    accounts.budgets.set(scope="team", subject="search", period="day", picodollars=1000, actor="")
    accounts.admit("ans-1", caller, FULL)
    with pytest.raises(TooManyRequests):
        accounts.admit("ans-2", caller, FULL)
    assert accounts.budgets.standings(caller)[0].reserved == 200


def test_models_without_a_price(make: Any) -> None:
    unknown = Expected("new", 1, 1)
    assert make().admit("ans-1", Caller(), unknown).held.picodollars == 0
    with pytest.raises(ConfigurationError, match="no price for input_tokens of new"):
        make(unknown_price="refuse").admit("ans-2", Caller(), unknown)


def test_who_calls(make: Any) -> None:
    accounts: Accounts = make()
    assert accounts.caller(None, "cli") == Caller.local("cli")
    accounts.keys.create(NewKey(), "me")
    with pytest.raises(Unauthenticated, match="a key is needed"):
        accounts.caller(None)


def test_an_answer_is_seen_by_its_own_team_and_administrators(
    make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    accounts: Accounts = make()
    ada, grace = Caller(key_id="k1", team="search"), Caller(key_id="k2", team="support")
    ticket = accounts.admit("ans-1", ada, FULL)
    accounts.record(ticket, used("ans-1", ada, Usage(1, 1), ticket.book))
    for _ in ("waiting", "posted"):
        assert accounts.may_see(ada, "ans-1")
        assert accounts.may_see(Caller(key_id="k3", team="search"), "ans-1")
        assert accounts.may_see(Caller.local(), "ans-1")
        assert not accounts.may_see(grace, "ans-1")
        assert not accounts.may_see(Caller(), "ans-1")
        assert accounts.recorder.flush(30)
    assert not accounts.may_see(ada, "ans-unknown")
    assert "may not see ans-1" in caplog.text


@pytest.mark.parametrize("policy", ["journal", "refuse"])
def test_without_a_database(make: Any, tmp_path: Path, policy: str) -> None:
    accounts: Accounts = make(
        on_unavailable=policy, url=f"sqlite:///{tmp_path / 'db' / 'ledger.sqlite'}"
    )
    caller = Caller(team="search")
    accounts.budgets.set(scope="team", subject="search", period="day", picodollars=1, actor="")
    accounts.prices.book()
    accounts.ledger.close()
    (tmp_path / "db").rename(tmp_path / "away")
    if policy == "refuse":
        with pytest.raises(Unavailable):
            accounts.admit("ans-1", caller, FULL)
    else:
        ticket = accounts.admit("ans-1", caller, FULL)
        accounts.record(ticket, used("ans-1", caller, Usage(1, 1), BOOK))
        assert accounts.ledger.engine.pool is not None
    (tmp_path / "away").rename(tmp_path / "db")
    if policy == "journal":
        assert accounts.recorder.flush(30)
        assert accounts.ledger.total() == 11


def test_another_currency_prices_only_what_is_imported(make: Any) -> None:
    book = make(currency="EUR").prices.book()
    assert (book.currency, book.price("m", "input_tokens")) == ("EUR", None)
