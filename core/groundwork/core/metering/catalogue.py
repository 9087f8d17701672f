"""The prices that were ever in force, in the ledger's database: added to, never changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import Conflict, InvalidInput, Unavailable
from groundwork.core.metering.database import reading, writing
from groundwork.core.metering.events import note_event
from groundwork.core.metering.postings import day_of, day_start, now_ms
from groundwork.core.metering.price_files import Price
from groundwork.core.metering.prices import PriceBook
from groundwork.core.metering.tables import prices

_REFRESH_SECONDS = 60.0
_CHUNK = 400


class Catalogue:
    """Dated prices by model, meter and currency."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def add(self, new: Sequence[Price], *, source: str, actor: str) -> int:
        """Add prices; returns how many were not there. All or nothing.

        Raises Conflict where one is there for the same day with another amount: charges were made with it.
        """
        for price in new:
            _check(price)
        at = now_ms()
        added: list[dict[str, Any]] = []
        with writing(self._engine) as connection:
            present = _present(connection, sorted({price.model for price in new}))
            for price in new:
                key = (price.model, price.meter, price.currency, price.valid_from)
                if key not in present:
                    added.append({**asdict(price), "imported_at": at, "source": source[:256]})
                before = present.setdefault(key, price.unit_picodollars)
                if before != price.unit_picodollars:
                    raise Conflict(
                        f"{price.meter} of {price.model} costs {before} picodollars from {price.valid_from} on; "
                        "a price is not changed, import the new one with a later day",
                        field="valid_from",
                    )
            if added:
                connection.execute(sql.insert(prices), added)
                detail = {"source": source, "prices": len(added)}
                note_event(connection, actor, "prices.imported", detail)
        return len(added)

    def book(self, day: str, base: PriceBook) -> PriceBook:
        """The prices in force on a UTC day; what the catalogue does not say, `base` does."""
        latest = (
            sql.select(
                prices.c.model,
                prices.c.meter,
                sql.func.max(prices.c.valid_from).label("valid_from"),
            )
            .where(prices.c.valid_from <= day, prices.c.currency == base.currency)
            .group_by(prices.c.model, prices.c.meter)
            .subquery()
        )
        same = sql.and_(
            prices.c.model == latest.c.model,
            prices.c.meter == latest.c.meter,
            prices.c.valid_from == latest.c.valid_from,
            prices.c.currency == base.currency,
        )
        query = sql.select(prices.c.model, prices.c.meter, prices.c.unit_picodollars)
        with reading(self._engine) as connection:
            rows = connection.execute(query.join(latest, same)).all()
        found = {(model, meter): price for model, meter, price in rows}
        if not found:
            return base
        return PriceBook(f"{base.name}+{len(found)}", {**base.prices, **found}, base.currency)

    def history(self, model: str = "", *, limit: int | None = None) -> list[dict[str, Any]]:
        """All prices, or those of one model: by model, meter and day."""
        query = sql.select(prices).order_by(
            prices.c.model, prices.c.meter, prices.c.currency, prices.c.valid_from
        )
        if model:
            query = query.where(prices.c.model == model)
        with reading(self._engine) as connection:
            return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


class LivePrices:
    """The book in force now: read again every minute and at midnight, so that imports need no restart."""

    def __init__(self, catalogue: Catalogue, base: PriceBook) -> None:
        self._catalogue = catalogue
        self._base = base
        self._lock = threading.Lock()
        self._book: PriceBook | None = None
        self._day = ""
        self._read_at = 0.0

    def book(self) -> PriceBook:
        """The same object until a price changes. Where the database is away, the last one known."""
        today = day_of(now_ms())
        with self._lock:
            fresh = time.monotonic() - self._read_at < _REFRESH_SECONDS and self._day == today
            if self._book is None or not fresh:
                self._read(today)
            return self._book or self._base

    def _read(self, today: str) -> None:
        try:
            book = self._catalogue.book(today, self._base)
        except Unavailable:
            if self._book is None:
                raise
            return
        if self._book is None or book.digest != self._book.digest:
            self._book = book
        self._day, self._read_at = today, time.monotonic()


def _present(
    connection: sql.Connection, models: Sequence[str]
) -> dict[tuple[str, str, str, str], int]:
    columns = prices.c.model, prices.c.meter, prices.c.currency, prices.c.valid_from
    found: dict[tuple[str, str, str, str], int] = {}
    for start in range(0, len(models), _CHUNK):
        query = sql.select(*columns, prices.c.unit_picodollars).where(
            prices.c.model.in_(models[start : start + _CHUNK])
        )
        for row in connection.execute(query):
            found[row[0], row[1], row[2], row[3]] = row[4]
    return found


def _check(price: Price) -> None:
    try:
        day_start(price.valid_from)
    except ValueError:
        raise InvalidInput(
            f"valid_from is {price.valid_from!r}; give a day such as 2026-11-25", field="valid_from"
        ) from None
    if len(price.currency) != 3 or not price.currency.isupper():
        raise InvalidInput(
            f"currency is {price.currency!r}; give an ISO 4217 code such as USD", field="currency"
        )
    if not price.model or len(price.model) > 256 or not price.meter or len(price.meter) > 48:
        raise InvalidInput(f"{price.model!r} {price.meter!r} is no model and meter", field="prices")
