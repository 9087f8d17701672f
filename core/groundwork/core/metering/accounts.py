"""A request's way through the money: who asks, may they, what is held for it, what it cost.

The composition roots open one `Accounts`; the question path asks it twice, before and after.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from groundwork.core.answers import Usage
from groundwork.core.errors import BudgetExceeded, Unauthenticated, Unavailable
from groundwork.core.metering.budgets import Budgets
from groundwork.core.metering.callers import ADMIN, API, Caller
from groundwork.core.metering.catalogue import Catalogue, LivePrices
from groundwork.core.metering.directory import Directory
from groundwork.core.metering.flights import Flights, with_usage
from groundwork.core.metering.journal import Journal
from groundwork.core.metering.keys import Keys
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.limits import DatabaseBuckets, MemoryBuckets, RateLimits
from groundwork.core.metering.postings import Posting, Request, request_of
from groundwork.core.metering.prices import GENERATE, PriceBook, embedded_book
from groundwork.core.metering.recorder import Recorder
from groundwork.core.metering.standing import Held
from groundwork.core.metering.tally import Tally
from groundwork.core.settings import Settings
from groundwork.core.telemetry import Trace

_log = logging.getLogger("groundwork.ledger")
_access = logging.getLogger("groundwork.access")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a request may use at most. `units` are (meter, quantity) of what is not counted in tokens, such as pages.

    `beside` is what other models do for it, such as embedding its question; rate limits do not count that.
    """

    model: str
    prompt_tokens: int
    completion_tokens: int
    units: tuple[tuple[str, int], ...] = ()
    beside: tuple[Expected, ...] = ()

    @property
    def tokens(self) -> int:
        """Prompt and completion."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that was let in. `book` prices it, also where prices change meanwhile."""

    caller: Caller
    book: PriceBook
    held: Held
    tokens: int = 0
    limits: dict[str, Any] = field(default_factory=dict)

    @property
    def frugal(self) -> bool:
        """Whether to answer with the smaller model, a shorter context, or out of the cache."""
        return self.held.frugal

    def budget(self) -> dict[str, Any] | None:
        """The tightest budget as an answer shows it; None where there is none."""
        tightest = self.held.tightest
        return tightest.to_dict() if tightest is not None else None


@dataclass(frozen=True, slots=True)
class Accounts:
    """Keys, limits, budgets, prices and the ledger of one service."""

    ledger: Ledger
    keys: Keys
    directory: Directory
    budgets: Budgets
    limits: RateLimits
    catalogue: Catalogue
    prices: LivePrices
    recorder: Recorder
    flights: Flights
    refuse_unpriced: bool = False
    answer_offline: bool = True
    on_posting: Callable[[Posting], None] = lambda _posting: None

    @classmethod
    def open(
        cls,
        settings: Settings,
        base: PriceBook,
        on_posting: Callable[[Posting], None] = lambda _posting: None,
    ) -> Accounts:
        """The ledger that the settings name, migrated. `base` prices what was never imported.

        `on_posting` hears of everything that is charged from here, for metrics.

        Raises Unavailable or ConfigurationError.
        """
        ledger = Ledger.open(settings.ledger_url)
        engine, options, limits = ledger.engine, settings.ledger, settings.limits
        offline = options.on_unavailable == "journal"
        budgets = Budgets(engine, options.reservation_seconds, currency=options.currency)
        catalogue = Catalogue(engine)
        if base.currency != options.currency:
            # Prices in another currency price nothing here.
            base = embedded_book(currency=options.currency)
        shared = limits.backend == "database"
        prices = LivePrices(catalogue, base)
        flights = Flights(settings.home / "journal")

        def beside() -> None:
            budgets.sweep()
            land(flights, ledger, prices)

        return cls(
            ledger=ledger,
            keys=Keys(engine, options.offline_seconds if offline else 0.0),
            directory=Directory(engine),
            budgets=budgets,
            limits=RateLimits(
                DatabaseBuckets(engine) if shared else MemoryBuckets(),
                limits.requests_per_minute,
                limits.tokens_per_minute,
            ),
            catalogue=catalogue,
            prices=prices,
            recorder=Recorder(
                ledger,
                Journal(settings.home / "journal", sync_first=options.sync == "before"),
                options.on_unavailable,
                options.slow_seconds,
                beside=beside,
            ),
            flights=flights,
            refuse_unpriced=options.unknown_price == "refuse",
            answer_offline=offline,
            on_posting=on_posting,
        )

    def start(self) -> None:
        """Begin to post; what a dead process left in its journal first."""
        self.recorder.start()

    def close(self) -> None:
        """Post what is waiting, and let go of the database."""
        self.recorder.close()
        self.flights.close()
        self.ledger.close()

    def caller(self, key: str | None, channel: str = API) -> Caller:
        """Whose request this is. Raises Unauthenticated, Unavailable.

        While no key was ever made, whoever reaches the service is this machine's own user: it is bound to loopback then.
        What is sent as a key does not count: OpenAI's clients always send one.
        """
        if not self.keys.exist():
            return Caller.local(channel)
        if key:
            return self.keys.authenticate(key, channel)
        raise Unauthenticated(
            "a key is needed; send it as Authorization: Bearer or x-api-key", field="key"
        )

    def admit(
        self, request_id: str, caller: Caller, full: Expected, frugal: Expected | None = None
    ) -> Ticket:
        """Let a request in: rate limits counted, budgets held.

        Raises TooManyRequests, BudgetExceeded, ConfigurationError (a model without a price, where the policy is
        refuse) or Unavailable.
        """
        self.recorder.admit()
        book = self.prices.book()
        if self.refuse_unpriced:
            _require(book, full)
            if frugal is not None:
                _require(book, frugal)
        try:
            left = self.limits.enter(caller, full.tokens)
            held = self._hold(request_id, caller, book, full, frugal)
        except Unavailable as error:
            if not self.answer_offline:
                raise
            _log.warning("request %s is answered without its budgets: %s", request_id, error.detail)
            return Ticket(caller, book, Held(request_id, 0, frugal=False))
        return Ticket(caller, book, held, full.tokens, left)

    def drop(self, request_id: str, ticket: Ticket) -> None:
        """A request that was let in ended before anything was used: nothing is held or counted any more."""
        try:
            if ticket.held.standings:
                self.budgets.release(request_id)
            self.limits.used(ticket.caller, ticket.tokens, 0)
        except Unavailable as error:
            # Its time will be over, and the minute too.
            _log.warning("what request %s held is not given back yet: %s", request_id, error.detail)

    def _hold(
        self,
        request_id: str,
        caller: Caller,
        book: PriceBook,
        full: Expected,
        frugal: Expected | None,
    ) -> Held:
        least = None if frugal is None else _cost(book, frugal)
        try:
            return self.budgets.reserve(request_id, caller, full=_cost(book, full), frugal=least)
        except BudgetExceeded:
            # Nothing will be used of what the rate limit was asked for.
            self.limits.used(caller, full.tokens, 0)
            raise

    def watch(self, request: Request, tally: Tally) -> None:
        """Keep what a request uses where it outlives this process; `record` ends that."""
        self.flights.begin(request, tally)

    def may_see(self, caller: Caller, request_id: str) -> bool:
        """Whether a request is the caller's own or their team's. Logs a refusal. Raises Unavailable."""
        if caller.may(ADMIN):
            return True
        waiting = self.recorder.waiting(request_id)
        if waiting is not None:
            team, key_id = waiting.request.team, waiting.request.key_id
        else:
            row = self.ledger.request(request_id) or {}
            team, key_id = row.get("team", ""), row.get("key_id", "")
        own = bool(key_id) and key_id == caller.key_id
        allowed = own or (bool(team) and team == caller.team)
        if not allowed:
            _access.warning(
                "key %s of team %s may not see %s", caller.key_id, caller.team, request_id
            )
        return allowed

    def charge(self, ticket: Ticket, tally: Tally, trace: Trace, **about: Any) -> Posting:
        """Price and record a request that was answered in one go. `about` are further fields of its Request, such as `model`.

        Raises what `record` raises.
        """
        request = request_of(
            ticket.held.request_id,
            ticket.caller,
            Usage(),
            "answered",
            latency_ms=round(trace.elapsed_ms()),
            trace_id=trace.trace_id,
            currency=ticket.book.currency,
            price_book=ticket.book.digest,
            **about,
        )
        posting = Posting(request, ticket.book.lines(tally))
        self.record(ticket, posting)
        return posting

    def record(self, ticket: Ticket, posting: Posting) -> None:
        """Charge what was used, however the request ended; returns when it cannot be lost any more.

        Posting lets go of what was held. Raises Unavailable where not even the journal can be written.
        """
        self.recorder.record(posting)
        request = posting.request
        self.flights.end(request.id)
        self.on_posting(posting)
        actual = request.prompt_tokens + request.completion_tokens
        try:
            self.limits.used(ticket.caller, ticket.tokens, actual)
        except Unavailable as error:
            _log.warning("the rate limit of request %s is off: %s", request.id, error.detail)


def _cost(book: PriceBook, expected: Expected) -> int:
    tokens = book.estimate(expected.model, expected.prompt_tokens, expected.completion_tokens)
    units = sum(
        quantity * (book.price(expected.model, meter) or 0) for meter, quantity in expected.units
    )
    return tokens + units + sum(_cost(book, each) for each in expected.beside)


def _require(book: PriceBook, expected: Expected) -> None:
    """Raises ConfigurationError where what the request would be charged by has no price."""
    if expected.units:
        book.require_meters(expected.model, [meter for meter, _ in expected.units])
    else:
        book.require([expected.model])


def land(flights: Flights, ledger: Ledger, prices: LivePrices) -> int:
    """Charge what killed processes had under way; returns how many requests that were. Raises Unavailable.

    A request that reached its journal is in the ledger by now, or refused there: it is left as it is.
    """
    landed = 0
    with flights.orphans() as orphans:
        book = prices.book()
        for flight in orphans:
            if ledger.request(flight.request.id) is not None:
                continue
            usage = flight.tally.usage(GENERATE)
            ledger.post(Posting(with_usage(flight.request, usage), book.lines(flight.tally)))
            landed += 1
    if landed:
        _log.warning("charged %d requests that a killed process had under way", landed)
    return landed
