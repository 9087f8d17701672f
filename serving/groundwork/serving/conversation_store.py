"""Conversations that the service keeps: who asked what, in order, for as long as the retention setting says."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sql

from groundwork.core.answers import Turn
from groundwork.core.errors import NotFound
from groundwork.core.metering.database import create_tables, open_engine, reading, writing

ID_PATTERN = r"^conv-[0-9a-f]{24}$"
_ID = re.compile(ID_PATTERN)

metadata = sql.MetaData()
_conversations = sql.Table(
    "conversations",
    metadata,
    sql.Column("id", sql.String(64), primary_key=True),
    # None until callers have keys.
    sql.Column("owner", sql.String(64), nullable=True, index=True),
    sql.Column("created_at", sql.String(32), nullable=False),
    sql.Column("last_at", sql.String(32), nullable=False, index=True),
)
_turns = sql.Table(
    "turns",
    metadata,
    sql.Column("conversation_id", sql.String(64), primary_key=True),
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("created_at", sql.String(32), nullable=False),
    sql.Column("question", sql.Text, nullable=False),
    sql.Column("answer_id", sql.String(64), nullable=False),
    sql.Column("answer", sql.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A question with its answer. `number` counts from 1."""

    number: int
    created_at: str
    question: str
    answer_id: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with its turns, oldest first."""

    id: str
    created_at: str
    last_at: str
    turns: tuple[KeptTurn, ...]

    def history(self) -> tuple[Turn, ...]:
        """As the question path takes it."""
        return tuple(
            turn
            for kept in self.turns
            for turn in (Turn("user", kept.question), Turn("assistant", kept.answer))
        )

    def to_dict(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "created_at": self.created_at,
            "last_at": self.last_at,
            "turns": [
                {
                    "number": kept.number,
                    "created_at": kept.created_at,
                    "question": kept.question,
                    "answer_id": kept.answer_id,
                    "answer": kept.answer,
                }
                for kept in self.turns
            ],
        }


def new_conversation() -> str:
    """An id for a conversation that will begin."""
    return "conv-" + secrets.token_hex(12)


class ConversationStore:
    """One SQL database, the ledger's. Safe to use from several threads and processes.

    `owner` scopes everything: what belongs to another owner is not found, as if it were not there.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        create_tables(self._engine, metadata)

    def create(self, owner: str | None = None, conversation_id: str | None = None) -> str:
        """Begin one, under an id of `new_conversation` where one was given out already; returns its id."""
        conversation_id = conversation_id or new_conversation()
        now = _now()
        with writing(self._engine) as connection:
            connection.execute(
                sql.insert(_conversations).values(
                    id=conversation_id, owner=owner, created_at=now, last_at=now
                )
            )
        return conversation_id

    def append(
        self,
        conversation_id: str,
        question: str,
        answer_id: str,
        answer: str,
        owner: str | None = None,
    ) -> int:
        """Add a turn behind all others; returns its number. Raises NotFound."""
        now = _now()
        # Written first: its lock puts those who append at once in a queue, so that each sees the one before.
        touch = sql.update(_conversations).where(*_mine(conversation_id, owner)).values(last_at=now)
        latest = sql.select(sql.func.coalesce(sql.func.max(_turns.c.number), 0)).where(
            _turns.c.conversation_id == conversation_id
        )
        with writing(self._engine, durable=False) as connection:
            if connection.execute(touch).rowcount == 0:
                raise _missing(conversation_id)
            number = int(connection.execute(latest).scalar_one()) + 1
            connection.execute(
                sql.insert(_turns).values(
                    conversation_id=conversation_id,
                    number=number,
                    created_at=now,
                    question=question,
                    answer_id=answer_id,
                    answer=answer,
                )
            )
        return number

    def read(
        self, conversation_id: str, owner: str | None = None, last: int | None = None
    ) -> Conversation:
        """The conversation with all its turns, or the `last` ones. Raises NotFound."""
        head = sql.select(_conversations).where(*_mine(conversation_id, owner))
        turns = (
            sql.select(_turns)
            .where(_turns.c.conversation_id == conversation_id)
            .order_by(_turns.c.number.desc())
        )
        if last is not None:
            turns = turns.limit(last)
        with reading(self._engine) as connection:
            row = connection.execute(head).mappings().one_or_none()
            if row is None:
                raise _missing(conversation_id)
            found = connection.execute(turns).mappings().all()
        kept = tuple(
            KeptTurn(
                turn["number"],
                turn["created_at"],
                turn["question"],
                turn["answer_id"],
                turn["answer"],
            )
            for turn in reversed(found)
        )
        return Conversation(row["id"], row["created_at"], row["last_at"], kept)

    def delete(self, conversation_id: str, owner: str | None = None) -> None:
        """Forget one with its turns. Raises NotFound."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                sql.delete(_conversations).where(*_mine(conversation_id, owner))
            )
            if gone.rowcount == 0:
                raise _missing(conversation_id)
            connection.execute(
                sql.delete(_turns).where(_turns.c.conversation_id == conversation_id)
            )

    def forget(self, keep_days: int) -> int:
        """Delete conversations whose last turn is older than this. Returns how many went."""
        limit = _stamp(datetime.now(UTC) - timedelta(days=keep_days))
        with writing(self._engine) as connection:
            gone = connection.execute(
                sql.delete(_conversations).where(_conversations.c.last_at < limit)
            )
            # Also turns that an interrupted deletion left behind.
            kept = sql.select(_conversations.c.id)
            connection.execute(sql.delete(_turns).where(_turns.c.conversation_id.not_in(kept)))
            return gone.rowcount

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()


def _mine(conversation_id: str, owner: str | None) -> tuple[sql.ColumnElement[bool], ...]:
    return (
        _conversations.c.id == conversation_id,
        _conversations.c.owner.is_(None) if owner is None else _conversations.c.owner == owner,
    )


def _missing(conversation_id: str) -> NotFound:
    shown = conversation_id if _ID.fullmatch(conversation_id) else "of such an id"
    return NotFound(
        f"no conversation {shown}; conversations are kept for a limited time",
        field="conversation_id",
    )


def _now() -> str:
    return _stamp(datetime.now(UTC))


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
