"""The end of a question: priced, charged, recorded, remembered. Exactly once, however it ends."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from groundwork.core.answers import Answer, Usage
from groundwork.core.errors import Unavailable
from groundwork.core.metering.accounts import Accounts, Ticket
from groundwork.core.metering.postings import Line, Posting, request_of
from groundwork.core.metering.prices import PriceBook
from groundwork.core.metering.tables import EVALUATION
from groundwork.core.metering.tally import CACHED_INPUT, INPUT
from groundwork.serving.store import AnswerStore

if TYPE_CHECKING:
    from groundwork.serving.case import Case

_log = logging.getLogger("groundwork.serving")


class Books:
    """Charges go to the ledger's journal first: an answer that cannot be stored is still paid for."""

    def __init__(self, accounts: Accounts, store: AnswerStore) -> None:
        self.accounts = accounts
        self.store = store

    @property
    def prices(self) -> PriceBook:
        """The price book in force now."""
        return self.accounts.prices.book()

    async def close(self, case: Case) -> Answer:
        """Charge and record what there is. Calling it again returns the same answer."""
        if case.answer is None:
            ticket = case.admitted()
            lines = ticket.book.lines(case.tally)
            case.answer = case.to_answer(tuple(line.charge for line in lines))
            instead_of = None if case.hit is None else case.hit.answer.picodollars
            entry = Entry(case.answer, lines, ticket, case.first_token_ms, instead_of)
            # A client that leaves now does not undo the record.
            await asyncio.shield(asyncio.to_thread(self.enter, entry))
        return case.answer

    def enter(self, entry: Entry) -> None:
        """Charge, then record. Blocks for as long as the journal's disk and the store take."""
        self.accounts.record(entry.ticket, entry.posting())
        try:
            self.store.save(entry.answer)
        except Unavailable as error:
            # It is paid for and on its way: its reader shall have it, though nobody can read it again.
            if not self.accounts.answer_offline:
                raise
            _log.warning("answer %s is not kept: %s", entry.answer.id, error.detail)

    def watch(self, case: Case) -> None:
        """From now on what the question uses is charged even where this process is killed."""
        ticket = case.admitted()
        started = case.started()
        request = request_of(
            case.id,
            ticket.caller,
            Usage(),
            "cancelled",
            model=started.model,
            release=started.release,
            index=started.index,
            trace_id=started.trace_id,
            currency=ticket.book.currency,
            price_book=ticket.book.digest,
        )
        self.accounts.watch(request, case.tally)

    async def drop(self, case: Case) -> None:
        """Let go of what is held for a question that never began."""
        if case.ticket is not None:
            await asyncio.shield(asyncio.to_thread(self.accounts.drop, case.id, case.ticket))


class AsideBooks(Books):
    """Charges as an evaluation, and keeps no answer: nobody may take it for what people were told.

    A question whose process is killed is charged by whoever finds it, as usage of its channel.
    """

    def __init__(self, books: Books) -> None:
        super().__init__(books.accounts, books.store)

    def enter(self, entry: Entry) -> None:
        """Charge. Raises Unavailable where not even the journal can be written."""
        self.accounts.record(entry.ticket, as_evaluation(entry.posting()))


def as_evaluation(posting: Posting) -> Posting:
    """The same charges under the kind `evaluation`, so that reports keep them apart."""
    return Posting(
        replace(posting.request, kind=EVALUATION),
        tuple(replace(line, kind=EVALUATION) for line in posting.lines),
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer with its priced lines. `instead_of` is what it would have cost, had it not been kept."""

    answer: Answer
    lines: tuple[Line, ...]
    ticket: Ticket
    first_token_ms: int | None = None
    instead_of: int | None = None

    def posting(self) -> Posting:
        """As the ledger takes it."""
        answer = self.answer
        saved = sum(_discount(line, self.ticket.book) for line in self.lines)
        if self.instead_of is not None:
            saved += max(0, self.instead_of - answer.picodollars)
        request = request_of(
            answer.id,
            self.ticket.caller,
            answer.usage,
            answer.outcome if self.instead_of is None else "cached",
            model=answer.model,
            release=answer.release,
            index=answer.index,
            cache_saved_picodollars=saved,
            latency_ms=round(answer.timings_ms["total"]),
            first_token_ms=self.first_token_ms,
            trace_id=answer.trace_id,
            currency=self.ticket.book.currency,
            price_book=self.ticket.book.digest,
        )
        return Posting(request, self.lines)


def _discount(line: Line, book: PriceBook) -> int:
    """What the prompt's cached tokens would have cost more, had they not been cached."""
    if line.meter != CACHED_INPUT:
        return 0
    full = book.price(line.model, INPUT) or 0
    return max(0, full * line.quantity - line.picodollars)
