"""Which conversation a thread is, and what of it is kept."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sql

from groundwork.core.errors import NotFound
from groundwork.core.metering.database import insert_or, reading, writing
from groundwork.serving.conversation_store import Conversation, ConversationStore
from groundwork.serving.slack.tables import inbox, threads
from groundwork.serving.store import AnswerStore

# As far back as the question path reads.
_LAST_TURNS = 20
_DAY = 86400.0
# Slack redelivers for an hour; rows are kept for a reaction that comes later.
_KEEP_ROWS_DAYS = 90


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread that the bot answers in. `owner` is whose its conversation is in the store."""

    channel: str
    ts: str
    team: str
    asker: str
    conversation_id: str | None
    handed_off: bool

    @property
    def owner(self) -> str:
        """No caller with a key has this name."""
        return f"slack:{self.team}:{self.channel}"


class Threads:
    """Blocks; safe to use from several threads."""

    def __init__(self, engine: sql.Engine, conversations: ConversationStore) -> None:
        self._engine = engine
        self._conversations = conversations

    def find(self, channel: str, ts: str) -> Thread | None:
        """None where the bot has no part in it."""
        query = sql.select(threads).where(*_at(channel, ts))
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        return Thread(
            row["channel"],
            row["thread_ts"],
            row["team"],
            row["asker"],
            row["conversation_id"],
            row["handed_off"],
        )

    def begin(self, channel: str, ts: str, team: str, asker: str) -> Thread:
        """The thread; made where it is not there."""
        row = {
            "channel": channel,
            "thread_ts": ts,
            "team": team,
            "asker": asker,
            "handed_off": False,
            "last_at": time.time(),
        }
        with writing(self._engine) as connection:
            connection.execute(insert_or(threads, connection).values(row).on_conflict_do_nothing())
        return self.find(channel, ts) or Thread(channel, ts, team, asker, None, handed_off=False)

    def read(self, thread: Thread) -> Conversation | None:
        """Its turns; None where there are none, or none any more."""
        if thread.conversation_id is None:
            return None
        try:
            return self._conversations.read(thread.conversation_id, thread.owner, _LAST_TURNS)
        except NotFound:
            return None

    def append(self, thread: Thread, question: str, answer_id: str, answer: str) -> None:
        """Remember a turn, once."""
        kept = self.read(thread)
        if kept is not None and any(turn.answer_id == answer_id for turn in kept.turns):
            return
        name = thread.conversation_id
        if kept is None or name is None:
            name = self._conversations.create(thread.owner)
        self._conversations.append(name, question, answer_id, answer, thread.owner)
        self._change(thread, conversation_id=name, last_at=time.time())

    def hand_off(self, thread: Thread) -> None:
        """From now on a person answers: the bot speaks when it is mentioned only."""
        self._change(thread, handed_off=True)

    def _change(self, thread: Thread, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                sql.update(threads).where(*_at(thread.channel, thread.ts)).values(values)
            )

    def forget_private(self, store: AnswerStore, keep_days: int) -> int:
        """Delete answers and conversations of private places older than this. Returns how many answers went."""
        limit = time.time() - keep_days * _DAY
        old = (
            inbox.c.private.is_(True),
            inbox.c.kind == "question",
            inbox.c.state == "done",
            inbox.c.finished_at <= limit,
            inbox.c.answer_id != "",
        )
        query = sql.select(
            inbox.c.seq, inbox.c.answer_id, inbox.c.channel, inbox.c.thread, inbox.c.posted
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(*old)).all()
        for seq, answer_id, channel, place, posted in rows:
            # A slash command's thread has its root only since it was posted.
            ts = place.partition(":")[2] or json.loads(posted).get("root", "")
            thread = self.find(channel, ts) if ts else None
            if thread is not None and thread.conversation_id is not None:
                with suppress(NotFound):
                    self._conversations.delete(thread.conversation_id, thread.owner)
                self._change(thread, conversation_id=None)
            store.delete(answer_id)
            with writing(self._engine) as connection:
                connection.execute(sql.update(inbox).where(inbox.c.seq == seq).values(answer_id=""))
        return len(rows)

    def forget_rows(self) -> None:
        """Delete what was done long ago."""
        limit = time.time() - _KEEP_ROWS_DAYS * _DAY
        with writing(self._engine) as connection:
            connection.execute(sql.delete(inbox).where(inbox.c.finished_at < limit))
            connection.execute(sql.delete(threads).where(threads.c.last_at < limit))


def _at(channel: str, ts: str) -> tuple[sql.ColumnElement[bool], ...]:
    return threads.c.channel == channel, threads.c.thread_ts == ts
