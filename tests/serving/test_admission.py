"""What is held for a question covers whoever may come to write it: no budget is spent beyond its amount."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from groundwork.core.answers import Turn, Usage
from groundwork.core.errors import BudgetExceeded, Unavailable
from groundwork.core.metering.accounts import Accounts, Expected, _cost
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.prices import EMBED, GENERATE, RETRIEVE, PriceBook
from groundwork.core.metering.tally import INPUT, OUTPUT, SEARCHES, Tally
from groundwork.core.settings import LedgerSettings, Settings
from groundwork.core.telemetry import Trace
from groundwork.serving.admission import expected
from groundwork.serving.assistant import Assistant
from groundwork.serving.case import Case, Question
from groundwork.serving.conversation import Rewritten
from groundwork.serving.generate.base import Finished, Reach, Task, Written
from groundwork.serving.generate.router import Route, RoutedGenerator
from tests.serving.api_fakes import INDEX, World, passage
from tests.serving.generator_fakes import FakeGenerator, retrieval

ADA = Caller(team="search", user="ada")
WRITES = 100
PRICES = {"big": 900, "dear": 40, "cheap": 3, "extractive": 0, "fake-embedder": 1, "rewriter": 70}
BOOK = PriceBook(
    "test",
    {(model, meter): price for model, price in PRICES.items() for meter in (INPUT, OUTPUT)}
    | {("qdrant", SEARCHES): 5_000},
)
# The first is the default; tiers as the settings give them.
ROUTES = {
    "the default is large": (("big", "large"), ("dear", "small"), ("cheap", "small")),
    "the first small one is dearer": (("dear", "small"), ("cheap", "small"), ("big", "large")),
    "no small one": (("dear", "large"), ("big", "large")),
    "only one": (("dear", "small"),),
}


@dataclass
class Greedy(FakeGenerator):
    """Uses all that it may, or fails before it begins."""

    prompt: int = 0

    async def generate(self, task: Task) -> AsyncGenerator[Written, None]:
        if self.error is not None:
            raise self.error
        usage = Usage(prompt_tokens=self.prompt, completion_tokens=WRITES)
        task.tally.tokens(GENERATE, self.model, usage)
        yield Finished(usage, self.model)


class Rewriter:
    """A model that makes follow-ups stand alone."""

    identity = "rewriter:1"

    async def rewrite(self, question: str, history: Any, tally: Tally) -> Rewritten:
        raise AssertionError((question, history, tally))

    def reach(self) -> Reach:
        return Reach("rewriter", 50)


def routed(names: str, **options: Any) -> RoutedGenerator:
    routes = [Route(model, tier, Greedy(model)) for model, tier in ROUTES[names]]  # type: ignore[arg-type]
    return RoutedGenerator(routes, Greedy("extractive"), **options)


@pytest.fixture
def assistant(make_world: Callable[..., World]) -> Assistant:
    return make_world().services.assistant


def case(**asked: Any) -> Case:
    session: Any = None
    return Case(Question("Which limit has pump 7?", INDEX, **asked), session, Trace())


def paid(bill: Expected, models: dict[str, int]) -> int:
    """What these models cost where each reads the held prompt and writes `models[name]`, with all that is beside it."""
    beside = sum(_cost(BOOK, each) for each in bill.beside)
    written = (BOOK.estimate(name, bill.prompt_tokens, count) for name, count in models.items())
    return beside + max(written)


@pytest.mark.parametrize("names", ROUTES)
@pytest.mark.parametrize("fallback", [True, False])
def test_a_hold_covers_everybody_who_may_write(
    names: str, fallback: bool, assistant: Assistant
) -> None:
    generator = routed(names, fallback=fallback)
    chosen = replace(assistant, generator=generator)
    for wanted in (None, *generator.names):
        full, frugal = expected(case(generator=wanted), chosen, BOOK)
        for is_frugal, bill in ((False, full), (True, frugal)):
            task = Task("?", retrieval("?", [passage()]), wanted=wanted, frugal=is_frugal)
            writers = generator._in_turn(generator.choose(task))
            for route in writers:
                assert paid(bill, {route.generator.model: WRITES}) <= _cost(BOOK, bill), (
                    wanted,
                    route,
                )
            # And it is no more than the dearest of them takes.
            most = paid(bill, {route.generator.model: WRITES for route in writers})
            assert _cost(BOOK, bill) == most
        assert _cost(BOOK, frugal) <= _cost(BOOK, full)
        assert frugal.prompt_tokens < full.prompt_tokens


def test_a_large_one_takes_over_from_no_small_one_where_the_budget_is_tight() -> None:
    generator = routed("the default is large")
    found = [passage()]
    tight = Task("?", retrieval("?", found), wanted="cheap", frugal=True)
    assert [route.name for route in generator.choose(tight).routes] == ["cheap", "dear"]
    free = replace(tight, frugal=False)
    assert [route.name for route in generator.choose(free).routes] == ["cheap", "big", "dear"]


def test_what_stands_beside_the_answer_is_held_too(assistant: Assistant) -> None:
    chosen = replace(assistant, generator=routed("only one"), rewriter=Rewriter())
    first, _ = expected(case(), chosen, BOOK)
    assert {each.model for each in first.beside} == {"fake-embedder", "qdrant"}
    later, _ = expected(case(history=(Turn("user", "Hello?"),)), chosen, BOOK)
    assert {each.model for each in later.beside} == {"fake-embedder", "qdrant", "rewriter"}
    assert _cost(BOOK, later) > _cost(BOOK, first) > BOOK.price("qdrant", SEARCHES) + 1  # type: ignore[operator]
    # Rate limits count the answer's own tokens.
    assert later.tokens == first.tokens == first.prompt_tokens + WRITES


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    settings = Settings(home=tmp_path / "books", ledger=LedgerSettings())
    opened = Accounts.open(settings, BOOK)
    opened.start()
    yield opened
    opened.close()


@pytest.mark.parametrize("names", ROUTES)
async def test_a_budget_is_never_spent_beyond_its_amount(
    names: str, assistant: Assistant, accounts: Accounts
) -> None:
    generator = routed(names)
    chosen = replace(assistant, generator=generator)
    greedy = [route.generator for route in (*generator._routes, generator._extractive)]
    wishes = (None, *generator.names)
    full, _ = expected(case(), chosen, BOOK)
    limit = int(6.5 * _cost(BOOK, full))
    accounts.budgets.set(
        scope="team", subject="search", period="month", picodollars=limit, actor="ada"
    )
    rng = random.Random(names)
    refused, spent = 0, 0
    for n in itertools.count():
        wanted = rng.choice(wishes)
        bills = expected(case(generator=wanted), chosen, BOOK)
        request_id = f"ans-{n:03}"
        try:
            ticket = accounts.admit(request_id, ADA, *bills)
        except BudgetExceeded:
            refused += 1
            if refused > 10:
                break
            continue
        tally = await _answered(rng, generator, greedy, bills[ticket.frugal], wanted, ticket.frugal)
        posting = accounts.charge(ticket, tally, Trace(), model="any")
        spent += posting.picodollars
        await _posted(accounts, request_id)
        (standing,) = accounts.budgets.standings(ADA)
        assert (standing.spent, standing.reserved) == (spent, 0)
        assert spent <= limit
        assert n < 5000
    # It is used up, as far as a whole answer fits.
    assert spent > limit / 2


async def _answered(
    rng: random.Random,
    generator: RoutedGenerator,
    greedy: list[Any],
    bill: Expected,
    wanted: str | None,
    frugal: bool,
) -> Tally:
    """As dear as it can be: engines fail at random, and whoever writes uses all that it may."""
    tally = Tally()
    embedded, search, *_ = bill.beside
    tally.add(EMBED, embedded.model, INPUT, embedded.prompt_tokens)
    tally.add(RETRIEVE, search.model, SEARCHES, 1)
    for each in greedy:
        each.prompt = bill.prompt_tokens
        each.error = Unavailable("away") if rng.random() < 0.4 else None
    task = Task("?", retrieval("?", [passage()]), wanted=wanted, frugal=frugal, tally=tally)
    with suppress(Unavailable):
        async for _ in generator.generate(task):
            pass
    return tally


async def _posted(accounts: Accounts, request_id: str) -> None:
    import asyncio

    async with asyncio.timeout(10):
        while accounts.recorder.waiting(request_id) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
