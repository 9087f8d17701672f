"""Traces in the ledger's database, so that the `trace_id` of an answer opens them; kept for days, not for ever."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sql

from groundwork.core.errors import NotFound
from groundwork.core.metering.database import (
    create_tables,
    insert_or,
    open_engine,
    reading,
    writing,
)
from groundwork.core.monitoring.tracing.spans import Spans

_metadata = sql.MetaData()
_traces = sql.Table(
    "traces",
    _metadata,
    # A caller may ask several questions under one trace id.
    sql.Column("trace_id", sql.String(32), primary_key=True),
    sql.Column("span_id", sql.String(16), primary_key=True),
    sql.Column("at", sql.BigInteger, nullable=False, index=True),
    sql.Column("request", sql.String(64), nullable=False),
    sql.Column("name", sql.String(96), nullable=False),
    sql.Column("milliseconds", sql.Integer, nullable=False),
    sql.Column("error", sql.String(64), nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
_FORGET_EVERY_SECONDS = 3600.0
_DAY_MS = 86_400_000


class TraceStore:
    """See `exporter.Place`. Safe to use from several threads and processes."""

    name = "store"

    def __init__(self, url: str, keep_days: int = 7) -> None:
        self._engine = open_engine(url)
        self._keep_days = keep_days
        self._forgot_at = time.monotonic()
        create_tables(self._engine, _metadata)

    def write(self, batch: Sequence[Spans]) -> None:
        """Keep them; what is there already stays. Raises Unavailable."""
        rows = [_row(spans) for spans in batch]
        with writing(self._engine, durable=False) as connection:
            insert = insert_or(_traces, connection)
            connection.execute(insert.on_conflict_do_nothing(), rows)
        if time.monotonic() - self._forgot_at > _FORGET_EVERY_SECONDS:
            self._forgot_at = time.monotonic()
            self.forget(self._keep_days)

    def get(self, trace_id: str) -> list[Spans]:
        """Everything under this trace id, oldest first. Raises NotFound, Unavailable."""
        query = sql.select(_traces.c.body).where(_traces.c.trace_id == trace_id)
        with reading(self._engine) as connection:
            bodies = connection.execute(query).scalars().all()
        if not bodies:
            raise NotFound(
                f"no trace {trace_id}; traces are kept for {self._keep_days} days, and a share of them"
                " if telemetry.traces.share is below 1",
                field="trace_id",
            )
        return sorted((_spans(body) for body in bodies), key=lambda spans: spans.root.began)

    def newest(self, most: int = 20, *, failed: bool = False) -> list[dict[str, Any]]:
        """A line for each trace, newest first."""
        columns = [column for column in _traces.c if column.name != "body"]
        query = sql.select(*columns).order_by(_traces.c.at.desc()).limit(most)
        if failed:
            query = query.where(_traces.c.error != "")
        with reading(self._engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def after(self, mark: tuple[int, str], most: int) -> list[Spans]:
        """Those behind a mark, (milliseconds since 1970, span id of a request), in the order of such marks."""
        place = sql.tuple_(_traces.c.at, _traces.c.span_id)
        query = sql.select(_traces.c.body).where(place > sql.tuple_(*mark))
        ordered = query.order_by(_traces.c.at, _traces.c.span_id).limit(most)
        with reading(self._engine) as connection:
            return [_spans(body) for body in connection.execute(ordered).scalars()]

    def forget(self, keep_days: int) -> int:
        """Delete those that are older. Returns how many."""
        limit = round(time.time() * 1000) - keep_days * _DAY_MS
        with writing(self._engine, durable=False) as connection:
            return connection.execute(sql.delete(_traces).where(_traces.c.at < limit)).rowcount

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()


def mark_of(spans: Spans) -> tuple[int, str]:
    """Where a trace stands among all, for `TraceStore.after`."""
    return spans.root.began // 1_000_000, spans.root.span_id


def _row(spans: Spans) -> dict[str, Any]:
    root = spans.root
    return {
        "trace_id": spans.trace_id,
        "span_id": root.span_id,
        "at": root.began // 1_000_000,
        "request": spans.request[:64],
        "name": root.name[:96],
        "milliseconds": round(root.milliseconds),
        "error": next((span.error for span in spans.spans if span.error), "")[:64],
        # The fastest level: spans repeat their keys, which is all there is to gain.
        "body": zlib.compress(orjson.dumps(spans.to_dict(), option=orjson.OPT_SERIALIZE_NUMPY), 1),
    }


def _spans(body: bytes) -> Spans:
    return Spans.from_dict(orjson.loads(zlib.decompress(body)))
