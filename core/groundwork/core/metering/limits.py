"""Rate limits by requests and by tokens: token buckets, in memory or shared by processes through the database.

A bucket holds a minute's worth and fills evenly. Levels are whole thousandths of a token, so that no fraction is lost.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any, Protocol

import sqlalchemy as sql

from groundwork.core.errors import TooManyRequests
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.database import insert_or, writing
from groundwork.core.metering.postings import now_ms
from groundwork.core.metering.tables import buckets

_MILLI = 1000
_MS_A_MINUTE = 60_000
# Buckets in memory that were full longest ago go first; a full bucket is like none.
_MAX_BUCKETS = 100_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """A level at an instant (ms since 1970). It may be below 0 where more was used than was asked for."""

    level: int
    at: int

    @classmethod
    def full(cls, per_minute: int, now: int) -> Bucket:
        """A minute's worth."""
        return cls(per_minute * _MILLI, now)

    def filled(self, per_minute: int, now: int) -> Bucket:
        """What it holds now."""
        gained = max(0, now - self.at) * per_minute * _MILLI // _MS_A_MINUTE
        if self.level + gained >= per_minute * _MILLI:
            return Bucket.full(per_minute, now)
        # Time that was too short for a thousandth is not lost.
        used_ms = -(-gained * _MS_A_MINUTE // (per_minute * _MILLI))
        return Bucket(self.level + gained, min(self.at + used_ms, max(now, self.at)))

    def wait_ms(self, amount: int, per_minute: int) -> int:
        """How long until it holds so much; 0 where it does."""
        missing = amount * _MILLI - self.level
        return max(0, -(-missing * _MS_A_MINUTE // (per_minute * _MILLI)))

    def less(self, amount: int) -> Bucket:
        """After so much was taken, or given back where it is negative."""
        return replace(self, level=self.level - amount * _MILLI)


class Buckets(Protocol):
    """Where buckets are kept."""

    def take(self, name: str, amount: int, per_minute: int, now: int) -> tuple[int, Bucket]:
        """Takes where there is enough. Milliseconds to wait (0: taken), and the bucket after."""
        ...

    def adjust(self, name: str, amount: int) -> None:
        """So much more was used than was taken; less where it is negative."""
        ...


class MemoryBuckets:
    """Of this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def take(self, name: str, amount: int, per_minute: int, now: int) -> tuple[int, Bucket]:
        """As the protocol says."""
        with self._lock:
            found = self._buckets.pop(name, None) or Bucket.full(per_minute, now)
            bucket, wait = _taken(found, amount, per_minute, now)
            self._buckets[name] = bucket
            if len(self._buckets) > _MAX_BUCKETS:
                del self._buckets[next(iter(self._buckets))]
            return wait, bucket

    def adjust(self, name: str, amount: int) -> None:
        """As the protocol says."""
        with self._lock:
            if name in self._buckets:
                self._buckets[name] = self._buckets[name].less(amount)


class DatabaseBuckets:
    """Shared by all processes on one ledger."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def take(self, name: str, amount: int, per_minute: int, now: int) -> tuple[int, Bucket]:
        """As the protocol says. Raises Unavailable."""
        full = Bucket.full(per_minute, now)
        which = buckets.c.name == name
        with writing(self._engine, durable=False) as connection:
            new = {"name": name, "level": full.level, "at": full.at}
            connection.execute(insert_or(buckets, connection).values(new).on_conflict_do_nothing())
            query = sql.select(buckets.c.level, buckets.c.at).where(which).with_for_update()
            level, at = connection.execute(query).one()
            bucket, wait = _taken(Bucket(level, at), amount, per_minute, now)
            after = {"level": bucket.level, "at": bucket.at}
            connection.execute(sql.update(buckets).where(which).values(after))
        return wait, bucket

    def adjust(self, name: str, amount: int) -> None:
        """As the protocol says. Raises Unavailable."""
        with writing(self._engine, durable=False) as connection:
            connection.execute(
                sql.update(buckets)
                .where(buckets.c.name == name)
                .values(level=buckets.c.level - amount * _MILLI)
            )


class RateLimits:
    """The limits of keys, and those that hold for every key without its own; None is no limit."""

    def __init__(
        self,
        kept: Buckets,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> None:
        self._kept = kept
        self._requests = requests_per_minute
        self._tokens = tokens_per_minute

    def enter(self, caller: Caller, tokens: int = 0, at: int | None = None) -> dict[str, Any]:
        """Count a request of so many tokens, as estimated; what is left, by limit. Raises TooManyRequests."""
        now = at or now_ms()
        left: dict[str, Any] = {}
        for kind, amount, per_minute in self._limits(caller, tokens):
            name = _bucket_of(caller, kind)
            wait, bucket = self._kept.take(name, amount, per_minute, now)
            shown = {
                "limit": kind,
                "per_minute": per_minute,
                "remaining": max(0, bucket.level // _MILLI),
            }
            if wait:
                raise _too_many(kind, amount, wait, shown)
            left[kind] = shown
        return left

    def used(self, caller: Caller, estimated: int, actual: int) -> None:
        """A request that was let in for so many tokens used so many."""
        if actual != estimated and any(kind == "tokens" for kind, *_ in self._limits(caller, 1)):
            self._kept.adjust(_bucket_of(caller, "tokens"), actual - estimated)

    def _limits(self, caller: Caller, tokens: int) -> list[tuple[str, int, int]]:
        asked = (
            ("requests", 1, caller.requests_per_minute or self._requests),
            ("tokens", tokens, caller.tokens_per_minute or self._tokens),
        )
        return [(kind, amount, limit) for kind, amount, limit in asked if limit and amount]


def _taken(bucket: Bucket, amount: int, per_minute: int, now: int) -> tuple[Bucket, int]:
    filled = bucket.filled(per_minute, now)
    wait = filled.wait_ms(amount, per_minute)
    return (filled, wait) if wait else (filled.less(amount), 0)


def _bucket_of(caller: Caller, kind: str) -> str:
    return f"{kind}:{caller.key_id or caller.user or caller.channel}"


def _too_many(kind: str, amount: int, wait: int, shown: dict[str, Any]) -> TooManyRequests:
    per_minute = shown["per_minute"]
    if amount > per_minute:
        return TooManyRequests(
            f"this takes {amount} {kind}, and the limit is {per_minute} a minute; ask for less",
            limit=shown,
        )
    seconds = wait / 1000
    return TooManyRequests(
        f"{per_minute} {kind} a minute are allowed and {shown['remaining']} are left; "
        f"try again in {seconds:.1f} s",
        limit={**shown, "resets_in_seconds": seconds},
        retry_after=seconds,
    )
