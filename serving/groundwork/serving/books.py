"""The end of a question: priced, charged, recorded, remembered. Exactly once, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwork.core.answers import Answer
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.postings import Line, Posting, request_of
from groundwork.core.metering.prices import PriceBook
from groundwork.core.metering.recorder import Records
from groundwork.core.metering.tally import CACHED_INPUT, INPUT
from groundwork.serving.store import AnswerStore

if TYPE_CHECKING:
    from groundwork.serving.case import Case


class Books:
    """Charges go to the ledger's journal first: an answer that cannot be stored is still paid for."""

    def __init__(
        self, prices: Callable[[], PriceBook], records: Records, store: AnswerStore
    ) -> None:
        self._prices = prices
        self._records = records
        self._store = store

    @property
    def prices(self) -> PriceBook:
        """The price book in force now."""
        return self._prices()

    async def close(self, case: Case) -> Answer:
        """Charge and record what there is. Calling it again returns the same answer."""
        if case.answer is None:
            book = self.prices
            lines = book.lines(case.tally)
            case.answer = case.to_answer(tuple(line.charge for line in lines))
            entry = Entry(
                case.answer,
                lines,
                book,
                case.question.caller,
                case.first_token_ms,
                None if case.hit is None else case.hit.answer.picodollars,
            )
            # A client that leaves now does not undo the record.
            await asyncio.shield(asyncio.to_thread(self.enter, entry))
        return case.answer

    def enter(self, entry: Entry) -> None:
        """Charge, then record. Blocks for as long as the journal's disk and the store take."""
        self._records.record(entry.posting())
        self._store.save(entry.answer)


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer with its priced lines. `instead_of` is what it would have cost, had it not been kept."""

    answer: Answer
    lines: tuple[Line, ...]
    book: PriceBook
    caller: Caller
    first_token_ms: int | None = None
    instead_of: int | None = None

    def posting(self) -> Posting:
        """As the ledger takes it."""
        answer = self.answer
        saved = sum(_discount(line, self.book) for line in self.lines)
        if self.instead_of is not None:
            saved += max(0, self.instead_of - answer.picodollars)
        request = request_of(
            answer.id,
            self.caller,
            answer.usage,
            answer.outcome if self.instead_of is None else "cached",
            model=answer.model,
            release=answer.release,
            index=answer.index,
            cache_saved_picodollars=saved,
            latency_ms=round(answer.timings_ms["total"]),
            first_token_ms=self.first_token_ms,
            trace_id=answer.trace_id,
            currency=self.book.currency,
            price_book=self.book.digest,
        )
        return Posting(request, self.lines)


def _discount(line: Line, book: PriceBook) -> int:
    """What the prompt's cached tokens would have cost more, had they not been cached."""
    if line.meter != CACHED_INPUT:
        return 0
    full = book.price(line.model, INPUT) or 0
    return max(0, full * line.quantity - line.picodollars)
