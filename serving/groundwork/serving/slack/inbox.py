"""The durable inbox: what Slack sent is written before it is acknowledged, and answered once, by whichever process."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sql

from groundwork.core.errors import Conflict
from groundwork.core.metering.database import insert_or, reading, writing
from groundwork.serving.slack.tables import inbox as table
from groundwork.serving.slack.tables import threads

Kind = Literal["question", "feedback", "hand_off", "propose", "greet"]
_WAITING = "waiting"


class LeaseLost(Conflict):
    """Another process works on it now."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What came in. `event_id` is Slack's; `subject` says what it is about, so that two events about it are one."""

    event_id: str
    subject: str
    kind: Kind
    team: str
    channel: str
    payload: Mapping[str, Any]
    thread_ts: str = ""

    @property
    def thread(self) -> str:
        """Entries of one thread are done in order."""
        return f"{self.channel}:{self.thread_ts}" if self.thread_ts else ""


@dataclass(slots=True)
class Item:
    """An entry that this process holds. `posted` grows while it is answered."""

    seq: int
    event_id: str
    kind: Kind
    channel: str
    payload: dict[str, Any]
    received_at: float
    attempts: int
    posted: dict[str, str] = field(default_factory=dict)
    answer_id: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """Which answer stands in a message."""

    answer_id: str
    thread: str
    private: bool


class Inbox:
    """One process's view of it. Blocks; safe to use from several threads.

    An item is held by a lease that `renew` prolongs. Whoever lost it gets LeaseLost from every change.
    """

    def __init__(self, engine: sql.Engine, lease_seconds: float) -> None:
        self._engine = engine
        self._lease = lease_seconds
        self.owner = secrets.token_hex(12)

    def put(self, entry: Entry) -> bool:
        """Write it down; False where it was there already. A question begins its thread."""
        now = time.time()
        row = {
            "event_id": entry.event_id,
            "subject": entry.subject,
            "kind": entry.kind,
            "channel": entry.channel,
            "thread": entry.thread,
            "payload": json.dumps({**entry.payload, "team": entry.team}),
            "state": _WAITING,
            "received_at": now,
            "not_before": now,
            "attempts": 0,
            "posted": "{}",
            "answer_id": "",
            "private": True,
        }
        with writing(self._engine) as connection:
            statement = insert_or(table, connection).values(row).on_conflict_do_nothing()
            added = connection.execute(statement.returning(table.c.seq)).first() is not None
            if added and entry.kind == "question" and entry.thread_ts:
                thread = {
                    "channel": entry.channel,
                    "thread_ts": entry.thread_ts,
                    "team": entry.team,
                    "asker": entry.payload["user"],
                    "handed_off": False,
                    "last_at": now,
                }
                connection.execute(
                    insert_or(threads, connection).values(thread).on_conflict_do_nothing()
                )
        return added

    def claim(self) -> Item | None:
        """The oldest item that nobody holds and nothing of its thread stands before; None where there is none."""
        now = time.time()
        free = sql.or_(table.c.lease_until.is_(None), table.c.lease_until < now)
        earlier = table.alias()
        first = ~sql.exists().where(
            earlier.c.thread == table.c.thread,
            earlier.c.state == _WAITING,
            earlier.c.seq < table.c.seq,
        )
        due = (table.c.state == _WAITING, free, table.c.not_before <= now)
        query = (
            sql.select(table.c.seq)
            .where(*due, sql.or_(table.c.thread == "", first))
            .order_by(table.c.seq)
            .limit(1)
        )
        with reading(self._engine) as connection:
            seq = connection.execute(query).scalar_one_or_none()
        if seq is None:
            return None
        taken = (
            sql.update(table)
            .where(table.c.seq == seq, *due)
            .values(owner=self.owner, lease_until=now + self._lease, attempts=table.c.attempts + 1)
            .returning(table)
        )
        with writing(self._engine) as connection:
            row = connection.execute(taken).mappings().one_or_none()
        # Another process was faster: look again.
        return self.claim() if row is None else _item(row)

    def renew(self, item: Item) -> None:
        """Say that it is still being worked on. Raises LeaseLost."""
        self._change(item, lease_until=time.time() + self._lease)

    def note(self, item: Item, *, private: bool | None = None) -> None:
        """Keep what was posted and which answer it is. Raises LeaseLost."""
        values: dict[str, Any] = {
            "posted": json.dumps(item.posted),
            "answer_id": item.answer_id,
        }
        if private is not None:
            values["private"] = private
        self._change(item, **values)

    def finish(self, item: Item) -> None:
        """Done: its text is forgotten. Raises LeaseLost."""
        self._change(
            item,
            state="done",
            payload=None,
            finished_at=time.time(),
            owner=None,
            lease_until=None,
        )

    def postpone(self, item: Item, seconds: float) -> None:
        """Let go of it; it is due again after so many seconds. Raises LeaseLost."""
        due = time.time() + seconds
        # The attempts that count are those whose process died.
        self._change(item, owner=None, lease_until=None, not_before=due, attempts=1)

    def waiting(self) -> int:
        """How many items are not done."""
        query = sql.select(sql.func.count()).where(table.c.state == _WAITING)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def answered_at(self, channel: str, ts: str) -> Answered | None:
        """The answer in this message, or the last one of the thread that it began."""
        mine = (table.c.channel == channel, table.c.kind == "question", table.c.answer_id != "")
        where = sql.or_(
            table.c.posted.contains(f'"{ts}"', autoescape=True),
            table.c.thread == f"{channel}:{ts}",
        )
        query = sql.select(table).where(*mine, where).order_by(table.c.seq.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        root = json.loads(row["posted"]).get("root", "")
        thread = row["thread"] or f"{channel}:{root}"
        return Answered(row["answer_id"], thread, row["private"])

    def _change(self, item: Item, **values: Any) -> None:
        held = (table.c.seq == item.seq, table.c.owner == self.owner, table.c.state == _WAITING)
        with writing(self._engine) as connection:
            changed = connection.execute(sql.update(table).where(*held).values(values))
        if not changed.rowcount:
            raise LeaseLost(f"another process took over {item.event_id}")


def _item(row: Any) -> Item:
    return Item(
        seq=row["seq"],
        event_id=row["event_id"],
        kind=row["kind"],
        channel=row["channel"],
        payload=json.loads(row["payload"]),
        received_at=row["received_at"],
        attempts=row["attempts"],
        posted=json.loads(row["posted"]),
        answer_id=row["answer_id"],
    )
