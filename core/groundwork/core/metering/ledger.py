"""The ledger: charges go in once, and nothing that went in is changed.

A posting is written in one transaction with its request's row, the sums by day (`rollups`) and what the budgets have
used. Posting it again does nothing; posting something else under the same key is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import IntegrityError

from groundwork.core.errors import Conflict, InvalidInput, NotFound
from groundwork.core.metering.database import open_engine, reading, writing
from groundwork.core.metering.events import note_event
from groundwork.core.metering.migrations import migrate
from groundwork.core.metering.postings import Line, Posting, Request, now_ms
from groundwork.core.metering.rollup import add_to_rollups
from groundwork.core.metering.settlement import settle
from groundwork.core.metering.tables import CORRECTION, charges, parts, requests, whole

_BATCH = 200
_MAX_ROW = 2**63 - 1
# What must be equal where a charge is posted twice.
_CONTENT = ("quantity", "unit_picodollars", "picodollars", "currency", "kind")

Key = tuple[str, str, str, str, int]


class Ledger:
    """The charges in one SQL database. Safe to use from several threads and processes."""

    def __init__(self, engine: sql.Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Ledger:
        """The ledger at this URL, its schema brought up to date. Raises Unavailable or ConfigurationError."""
        engine = open_engine(url)
        migrate(engine)
        return cls(engine)

    def post(self, *postings: Posting) -> int:
        """Write the charges that are not there yet; returns how many that were.

        All or nothing. Raises Conflict where one is there with another content, InvalidInput for what no row
        can hold, Unavailable.
        """
        for posting in postings:
            for line in posting.lines:
                line.check()
        posted = 0
        # In one order everywhere, so that two writers of the same requests cannot wait for each other.
        ordered = sorted(postings, key=lambda posting: posting.request.id)
        for start in range(0, len(ordered), _BATCH):
            posted += self._post(ordered[start : start + _BATCH])
        return posted

    def correct(self, key: Key, picodollars: int, *, quantity: int, note: str, actor: str) -> int:
        """Bring a charge and its corrections to this sum by one further row; returns the difference.

        `key` is (request, stage, meter, model, number) of the charge to repair. Nothing is written where the sum
        is right already. Raises NotFound, InvalidInput, Unavailable.
        """
        with writing(self.engine) as connection:
            self._lock_request(connection, key[0])
            rows = connection.execute(_same_charge(key)).mappings().all()
            wrong = next((row for row in rows if row["correction_no"] == key[4]), None)
            if wrong is None:
                raise NotFound(f"no charge {key[0]} {key[1]} {key[2]} {key[3]}", field="request_id")
            difference = picodollars - sum(int(row["picodollars"]) for row in rows)
            missing = quantity - sum(row["quantity"] for row in rows)
            if not difference and not missing:
                return 0
            line = Line(
                *key[1:4],
                quantity=missing,
                picodollars=difference,
                kind=CORRECTION,
                correction_no=max(row["correction_no"] for row in rows) + 1,
                corrects=wrong["id"],
                note=note[:500],
            )
            line.check()
            request = _request_of_row(wrong)
            _insert(connection, [Posting(request, (line,))], _known(connection, [request.id]))
            note_event(connection, actor, "charge.corrected", {"request": key[0], "note": note})
        return difference

    def total(self) -> int:
        """The sum of all charges, exactly. Mixes currencies where there are several."""
        with reading(self.engine) as connection:
            return whole(*connection.execute(sql.select(*parts(charges.c.picodollars))).one())

    def charges_of(self, request_id: str) -> list[dict[str, Any]]:
        """All rows of one request, in the order they were posted."""
        query = sql.select(charges).where(charges.c.request_id == request_id).order_by(charges.c.id)
        with reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def request(self, request_id: str) -> dict[str, Any] | None:
        """The request's own row."""
        query = sql.select(requests).where(requests.c.request_id == request_id)
        with reading(self.engine) as connection:
            row = connection.execute(query).mappings().first()
        return dict(row) if row is not None else None

    def ping(self) -> None:
        """Raises Unavailable where the database does not answer."""
        with reading(self.engine) as connection:
            connection.execute(sql.select(sql.literal(1)))

    def close(self) -> None:
        """Release connections."""
        self.engine.dispose()

    def _post(self, postings: Sequence[Posting]) -> int:
        for last in (False, True):
            try:
                with writing(self.engine) as connection:
                    return _post(connection, postings)
            except IntegrityError:
                # Another process posted one of these between the look and the insert; the next look sees it.
                if last:
                    raise
        raise AssertionError("the second try returns or raises")

    @staticmethod
    def _lock_request(connection: sql.Connection, request_id: str) -> None:
        """Two corrections of one request follow one another (SQLite's write lock does that by itself)."""
        query = sql.select(requests.c.request_id).where(requests.c.request_id == request_id)
        connection.execute(query.with_for_update()).all()


def _post(connection: sql.Connection, postings: Sequence[Posting]) -> int:
    ids = sorted({posting.request.id for posting in postings})
    present = _present(connection, ids)
    known = _known(connection, ids)
    fresh = []
    for posting in postings:
        lines = tuple(
            line for line in posting.lines if not _is_there(posting.request, line, present)
        )
        if lines or posting.request.id not in known:
            fresh.append(replace(posting, lines=lines))
    # A request that was posted before holds nothing any more either.
    _insert(connection, fresh, known, ids)
    return sum(len(posting.lines) for posting in fresh)


def _present(connection: sql.Connection, ids: Sequence[str]) -> dict[Key, dict[str, Any]]:
    query = sql.select(
        charges.c.request_id,
        charges.c.stage,
        charges.c.meter,
        charges.c.model,
        charges.c.correction_no,
        *(charges.c[name] for name in _CONTENT),
    ).where(charges.c.request_id.in_(ids))
    found: dict[Key, dict[str, Any]] = {}
    for row in connection.execute(query):
        found[row[0], row[1], row[2], row[3], row[4]] = dict(zip(_CONTENT, row[5:], strict=True))
    return found


def _is_there(request: Request, line: Line, present: dict[Key, dict[str, Any]]) -> bool:
    """Notes the line as present, so that one batch may hold a posting twice."""
    key = (request.id, line.stage, line.meter, line.model, line.correction_no)
    content = {
        "quantity": line.quantity,
        "unit_picodollars": line.unit_picodollars,
        "picodollars": line.picodollars,
        "currency": request.currency,
        "kind": line.kind,
    }
    before = present.setdefault(key, content)
    if before is content:
        return False
    if before != content:
        raise Conflict(
            f"request {request.id} is charged already for {line.meter} of {line.model or line.stage}, "
            f"{before['picodollars']} picodollars and not {line.picodollars}; post a correction",
            field="request_id",
        )
    return True


def _known(connection: sql.Connection, ids: Sequence[str]) -> dict[str, int]:
    """What the requests that are there already cost."""
    columns = requests.c.request_id, requests.c.picodollars
    query = sql.select(*columns).where(requests.c.request_id.in_(ids))
    return {row[0]: row[1] for row in connection.execute(query)}


def _insert(
    connection: sql.Connection,
    postings: Sequence[Posting],
    known: dict[str, int],
    settled: Sequence[str] = (),
) -> None:
    rows = [_charge_row(posting.request, line) for posting in postings for line in posting.lines]
    if rows:
        connection.execute(sql.insert(charges), rows)
    new: dict[str, dict[str, Any]] = {}
    added: dict[str, int] = {}
    for posting in postings:
        request = posting.request
        if request.id not in known:
            new.setdefault(request.id, _request_row(request))
        added[request.id] = added.get(request.id, 0) + posting.picodollars
    for request_id, amount in added.items():
        if abs(known.get(request_id, 0) + amount) > _MAX_ROW:
            raise InvalidInput(f"request {request_id} costs more than a row holds", field="charges")
        if request_id in new:
            new[request_id]["picodollars"] = amount
        elif amount:
            connection.execute(
                sql.update(requests)
                .where(requests.c.request_id == request_id)
                .values(picodollars=requests.c.picodollars + amount)
            )
    if new:
        connection.execute(sql.insert(requests), list(new.values()))
    add_to_rollups(connection, rows, new.values())
    settle(connection, rows, settled)


def _charge_row(request: Request, line: Line) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "stage": line.stage,
        "meter": line.meter,
        "model": line.model,
        "correction_no": line.correction_no,
        "at": request.at,
        "day": request.day,
        "quantity": line.quantity,
        "unit_picodollars": line.unit_picodollars,
        "picodollars": line.picodollars,
        "currency": request.currency,
        "price_book": request.price_book,
        "release": request.release,
        "index_name": request.index,
        "team": request.team,
        "user_id": request.user,
        "key_id": request.key_id,
        "project": request.project,
        "channel": request.channel,
        "kind": line.kind,
        "corrects": line.corrects,
        "note": line.note,
    }


def _request_row(request: Request) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "at": request.at,
        "day": request.day,
        "kind": request.kind,
        "outcome": request.outcome,
        "model": request.model,
        "release": request.release,
        "index_name": request.index,
        "team": request.team,
        "user_id": request.user,
        "key_id": request.key_id,
        "project": request.project,
        "channel": request.channel,
        "prompt_tokens": request.prompt_tokens,
        "cached_tokens": request.cached_tokens,
        "completion_tokens": request.completion_tokens,
        "reasoning_tokens": request.reasoning_tokens,
        "picodollars": 0,
        "currency": request.currency,
        "cache_saved_picodollars": request.cache_saved_picodollars,
        "latency_ms": request.latency_ms,
        "first_token_ms": request.first_token_ms,
        "trace_id": request.trace_id,
    }


def _same_charge(key: Key) -> sql.Select[Any]:
    return sql.select(charges).where(
        charges.c.request_id == key[0],
        charges.c.stage == key[1],
        charges.c.meter == key[2],
        charges.c.model == key[3],
    )


def _request_of_row(row: Any) -> Request:
    """What a correction of this charge belongs to: the same request, caller and release, now."""
    return Request(
        id=row["request_id"],
        at=now_ms(),
        outcome="",
        release=row["release"],
        index=row["index_name"],
        team=row["team"],
        user=row["user_id"],
        key_id=row["key_id"],
        project=row["project"],
        channel=row["channel"],
        currency=row["currency"],
        price_book=row["price_book"],
    )
