"""Retraining: what asks for it, when it is let, and how it ends.

Whatever finds that a model should be made anew asks this desk. It answers equal questions once: an alarm joins the retraining
that is open, nothing is done again before it has cooled down, and a month's runs and hours are bounded. Runs are taken up by
whoever has the machine for it, one after the other; they end in the same gate as every release.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sql
from sqlalchemy.exc import IntegrityError

from groundwork.core.errors import GateRefused, GroundworkError, InvalidInput
from groundwork.core.metering.database import create_tables, open_engine, reading, writing
from groundwork.core.registry.base import Line
from groundwork.core.settings.monitoring import RetrainingSettings

Cause = Literal["schedule", "drift", "quality", "labels", "person"]
CAUSES: tuple[Cause, ...] = ("schedule", "drift", "quality", "labels", "person")
# queued: begins when somebody takes it up; joined: there is one already; the others say why there is none.
Verdict = Literal["queued", "joined", "cooling", "over-budget"]
Outcome = Literal["promoted", "unchanged", "refused", "bad-data", "failed", "lost"]

_HOUR_MS = 3_600_000
_MONTH_MS = 30 * 24 * _HOUR_MS
_QUEUED, _RUNNING, _DONE = "queued", "running", "done"

_metadata = sql.MetaData()
_RowId = sql.BigInteger().with_variant(sql.Integer(), "sqlite")
_runs = sql.Table(
    "retrainings",
    _metadata,
    sql.Column("id", _RowId, primary_key=True, autoincrement=True),
    sql.Column("line", sql.String(96), nullable=False),
    sql.Column("state", sql.String(8), nullable=False),
    sql.Column("cause", sql.String(16), nullable=False),
    sql.Column("reason", sql.String(500), nullable=False),
    # How often it was asked for, by alarms that joined it or came while it cooled down.
    sql.Column("asked", sql.Integer, nullable=False, server_default="1"),
    sql.Column("labels", sql.BigInteger, nullable=False, server_default="0"),
    sql.Column("at", sql.BigInteger, nullable=False),
    sql.Column("began", sql.BigInteger, nullable=False, server_default="0"),
    sql.Column("ended", sql.BigInteger, nullable=False, server_default="0"),
    sql.Column("outcome", sql.String(16), nullable=False, server_default=""),
    sql.Column("detail", sql.String(1000), nullable=False, server_default=""),
    sql.Index("retrainings_by_line", "line", "at"),
)
# Two alarms at the same moment on two machines start one.
sql.Index(
    "retrainings_open_once",
    _runs.c.line,
    unique=True,
    sqlite_where=_runs.c.state != _DONE,
    postgresql_where=_runs.c.state != _DONE,
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What asks. `labels` is how many labels there are in all, where labels were counted."""

    line: Line
    cause: Cause
    reason: str
    labels: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What the desk says. `run` is the retraining that it is about, `detail` one sentence."""

    verdict: Verdict
    run: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Run:
    """One retraining. Times are milliseconds since 1970, 0 where it has not come to that."""

    id: int
    line: Line
    state: str
    cause: str
    reason: str
    asked: int
    labels: int
    at: int
    began: int
    ended: int
    outcome: str
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return {**found, "line": str(self.line)}


@dataclass(frozen=True, slots=True)
class Ended:
    """How the work of a retraining came out."""

    outcome: Outcome
    detail: str


Work = Callable[[Run], Ended]
# How many labels of a line have come since its last retraining; since ever where there was none.
NewLabels = Callable[[Line, Run | None], int]


def no_labels(line: Line, last: Run | None) -> int:
    """Where nobody counts."""
    del line, last
    return 0


class Desk:
    """Safe to use from several threads and processes. Every method raises Unavailable where the database does not answer."""

    def __init__(
        self,
        url: str,
        settings: RetrainingSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._engine = open_engine(url)
        self._settings = settings
        self._clock = clock
        create_tables(self._engine, _metadata)

    def ask(self, trigger: Trigger) -> Decision:
        """Ask for a retraining. Equal alarms get the same one."""
        try:
            with writing(self._engine) as connection:
                return self._ask(connection, trigger)
        except IntegrityError:
            # Somebody else asked in the same moment, and theirs is open now.
            with writing(self._engine) as connection:
                return self._ask(connection, trigger)

    def take(self) -> Run | None:
        """The oldest that waits, now running; None where none does. What ran too long is given up first."""
        now = self._now()
        limit = now - round(self._settings.lease_hours * _HOUR_MS)
        with writing(self._engine) as connection:
            lost = (_runs.c.state == _RUNNING, _runs.c.began < limit)
            gone = {
                "state": _DONE,
                "ended": now,
                "outcome": "lost",
                "detail": "it never said how it ended",
            }
            connection.execute(sql.update(_runs).where(*lost).values(gone))
            query = sql.select(_runs.c.id).where(_runs.c.state == _QUEUED).order_by(_runs.c.id)
            run_id = connection.execute(query.limit(1).with_for_update()).scalar_one_or_none()
            if run_id is None:
                return None
            mine = _runs.c.id == run_id
            connection.execute(sql.update(_runs).where(mine).values(state=_RUNNING, began=now))
            return _run(connection.execute(sql.select(_runs).where(mine)).one())  # fmt: skip

    def end(self, run: Run, ended: Ended) -> None:
        """Say how it came out; nothing changes where it was given up meanwhile."""
        values = {"state": _DONE, "ended": self._now(), "outcome": ended.outcome}
        with writing(self._engine) as connection:
            connection.execute(
                sql.update(_runs)
                .where(_runs.c.id == run.id, _runs.c.state == _RUNNING)
                .values(**values, detail=ended.detail[:1000])
            )

    def runs(self, line: Line | None = None, most: int = 20) -> list[Run]:
        """Newest first."""
        query = sql.select(_runs).order_by(_runs.c.id.desc()).limit(most)
        if line is not None:
            query = query.where(_runs.c.line == str(line))
        with reading(self._engine) as connection:
            return [_run(row) for row in connection.execute(query)]

    def due(self, new_labels: NewLabels = no_labels) -> list[Trigger]:
        """What the schedule and the counts of labels ask for now. Raises what `new_labels` raises."""
        found = []
        now = self._now()
        for name, days in self._settings.every_days.items():
            line = Line.parse(name)
            last = self._last(line)
            # Without any run before, the first one is due at once: the data that is there was never used by this desk.
            if last is None or now - last.at >= days * 24 * _HOUR_MS:
                found.append(Trigger(line, "schedule", f"every {days:g} days"))
        for name, wanted in self._settings.labels.items():
            line = Line.parse(name)
            last = self._last(line)
            new = new_labels(line, last)
            if new >= wanted:
                total = new + (last.labels if last is not None else 0)
                found.append(Trigger(line, "labels", f"{new:,} new labels", total))
        return found

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()

    def _ask(self, connection: sql.Connection, trigger: Trigger) -> Decision:
        now = self._now()
        mine = _runs.c.line == str(trigger.line)
        query = sql.select(_runs).where(mine).order_by(_runs.c.id.desc()).limit(1)
        row = connection.execute(query).first()
        last = _run(row) if row is not None else None
        again = sql.update(_runs).values(asked=_runs.c.asked + 1)
        if last is not None and last.state != _DONE:
            connection.execute(again.where(_runs.c.id == last.id))
            return Decision("joined", last.id, f"{trigger.line} is {last.state} already")
        refusal = (
            None if trigger.cause == "person" else self._refusal(connection, last, trigger, now)
        )
        if refusal is not None:
            if last is not None:
                connection.execute(again.where(_runs.c.id == last.id))
            return refusal
        values = {
            "line": str(trigger.line),
            "state": _QUEUED,
            "cause": trigger.cause,
            "reason": trigger.reason[:500],
            "labels": trigger.labels or (last.labels if last is not None else 0),
            "at": now,
        }
        result = connection.execute(sql.insert(_runs).values(values).returning(_runs.c.id))
        run_id = int(result.scalar_one())
        return Decision("queued", run_id, f"{trigger.line} will be made anew: {trigger.reason}")

    def _refusal(
        self, connection: sql.Connection, last: Run | None, trigger: Trigger, now: int
    ) -> Decision | None:
        settings = self._settings
        number = last.id if last is not None else None
        if last is not None:
            wait = last.ended + round(settings.cool_down_hours * _HOUR_MS) - now
            if wait > 0:
                return Decision(
                    "cooling", number, f"again in {wait / _HOUR_MS:.1f} hours at the earliest"
                )
        recent = _runs.c.at > now - _MONTH_MS
        mine = sql.select(sql.func.count()).where(recent, _runs.c.line == str(trigger.line))
        if connection.execute(mine).scalar_one() >= settings.per_month:
            return Decision("over-budget", number, f"{settings.per_month} in 30 days are enough")
        spent = sql.select(sql.func.sum(_runs.c.ended - _runs.c.began)).where(
            recent, _runs.c.state == _DONE, _runs.c.began > 0
        )
        hours = float(connection.execute(spent).scalar_one() or 0) / _HOUR_MS
        if hours >= settings.hours_per_month:
            return Decision("over-budget", number, f"{hours:.1f} hours in 30 days are enough")
        return None  # fmt: skip

    def _last(self, line: Line) -> Run | None:
        found = self.runs(line, 1)
        return found[0] if found else None

    def _now(self) -> int:
        return round(self._clock() * 1000)


def run_waiting(desk: Desk, work: Work, most: int | None = None) -> list[tuple[Run, Ended]]:
    """Do what waits, one after the other, `most` at most. Raises Unavailable where the desk does not answer.

    `work` raises InvalidInput where the data is wrong and GateRefused where the candidate is: neither makes a new champion,
    and neither is tried again before it has cooled down.
    """
    done: list[tuple[Run, Ended]] = []
    while most is None or len(done) < most:
        run = desk.take()
        if run is None:
            break
        ended = _worked(work, run)
        desk.end(run, ended)
        done.append((run, ended))
    return done


def _worked(work: Work, run: Run) -> Ended:
    try:
        return work(run)
    except GateRefused as error:
        return Ended("refused", error.detail)
    except InvalidInput as error:
        return Ended("bad-data", error.detail)
    except GroundworkError as error:
        return Ended("failed", error.detail)


def _run(row: Any) -> Run:
    held = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for a row as a mapping
    return Run(**{**held, "line": Line.parse(held["line"])})
