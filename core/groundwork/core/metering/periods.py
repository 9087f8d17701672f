"""Half-open periods in UTC: the start belongs to a period, the end does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from groundwork.core.errors import InvalidInput
from groundwork.core.metering.postings import day_of, day_start

__all__ = [
    "DAY_MS",
    "Period",
    "day_of",
    "day_start",
    "iso",
    "month_start",
    "next_month",
    "parse_instant",
]

DAY_MS = 86_400_000

# Far from where dates end, so that the month after any of them can be named.
_FIRST_YEAR, _LAST_YEAR = 1970, 3000

_MONTH = re.compile(r"\d{4}-\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (inclusive) to `end` (exclusive), milliseconds since 1970 in UTC; None is open."""

    start: int | None = None
    end: int | None = None

    @classmethod
    def parse(
        cls, start: str | None = None, end: str | None = None, month: str | None = None
    ) -> Period:
        """Out of what people write: months, dates or timestamps. Raises InvalidInput."""
        if month is not None:
            if start is not None or end is not None:
                raise InvalidInput("month stands alone; leave from and to out", field="month")
            if not _MONTH.fullmatch(month):
                raise InvalidInput(f"{month!r} is no month such as 2026-11", field="month")
            first = parse_instant(month, "month")
            return cls(first, next_month(first))
        period = cls(
            None if start is None else parse_instant(start, "from"),
            None if end is None else parse_instant(end, "to"),
        )
        if period.start is not None and period.end is not None and period.start >= period.end:
            raise InvalidInput(
                f"the period is empty: {end} is excluded, and from is not before it", field="to"
            )
        return period

    def days(self) -> tuple[Period, str | None, str | None]:
        """The whole days inside: their period, their first day and the first day after them.

        Where no whole day is inside, the period is empty (`start == end`).
        """
        start = None if self.start is None else -(-self.start // DAY_MS) * DAY_MS
        end = None if self.end is None else self.end // DAY_MS * DAY_MS
        if start is not None and end is not None and end < start:
            end = start
        return (
            Period(start, end),
            None if start is None else day_of(start),
            None if end is None else day_of(end),
        )

    def edges(self) -> list[Period]:
        """What `days` leaves over, at most two periods."""
        whole, _, _ = self.days()
        if whole.start is not None and whole.start == whole.end:
            return [self]
        edges = []
        if self.start is not None and self.start != whole.start:
            edges.append(Period(self.start, whole.start))
        if self.end is not None and self.end != whole.end:
            edges.append(Period(whole.end, self.end))
        return edges


def parse_instant(text: str, field: str) -> int:
    """Milliseconds of `2026-11`, `2026-11-25` or an ISO 8601 timestamp; without an offset it is UTC.

    Raises InvalidInput.
    """
    stripped = text.strip()
    try:
        if _MONTH.fullmatch(stripped):
            moment = datetime.strptime(stripped, "%Y-%m").replace(tzinfo=UTC)
        elif _DAY.fullmatch(stripped):
            moment = datetime.strptime(stripped, "%Y-%m-%d").replace(tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(stripped)
    except ValueError:
        raise InvalidInput(
            f"{text[:60]!r} is no month (2026-11), date (2026-11-25) or timestamp"
            " (2026-11-25T08:00:00Z)",
            field=field,
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise InvalidInput(
            f"the year has to be from {_FIRST_YEAR} on, before {_LAST_YEAR}", field=field
        )
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def month_start(at: int) -> int:
    """The first instant of the UTC month around `at`."""
    return day_start(day_of(at)[:8] + "01")


def next_month(at: int) -> int:
    """The first instant after the UTC month around `at`."""
    # Day 1 plus 31 days is always in the next month.
    return month_start(month_start(at) + 31 * DAY_MS)


def iso(at: int) -> str:
    """`2026-11-25T08:00:00Z`, with milliseconds where there are any."""
    moment = _EPOCH + timedelta(milliseconds=at)
    precision = "milliseconds" if at % 1000 else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
