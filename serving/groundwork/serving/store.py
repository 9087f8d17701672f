"""Answers and the feedback on them, kept for as long as the retention setting says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sql

from groundwork.core.answers import Answer
from groundwork.core.errors import NotFound
from groundwork.core.metering.database import create_tables, open_engine, reading, writing
from groundwork.core.metering.tables import requests

_metadata = sql.MetaData()
_answers = sql.Table(
    "answers",
    _metadata,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("created_at", sql.String(32), nullable=False, index=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
_feedback = sql.Table(
    "feedback",
    _metadata,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("answer_id", sql.String(64), nullable=False, index=True),
    sql.Column("created_at", sql.String(32), nullable=False),
    sql.Column("rating", sql.String(8), nullable=False),
    sql.Column("comment", sql.Text, nullable=False),
)


class AnswerStore:
    """Tables of the ledger's database. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        create_tables(self._engine, _metadata)

    def save(self, answer: Answer) -> None:
        """Record an answer. Its charges are the ledger's."""
        body = orjson.dumps(answer.to_dict())
        with writing(self._engine, durable=False) as connection:
            connection.execute(
                sql.insert(_answers).values(id=answer.id, created_at=answer.created_at, body=body)
            )

    def get(self, answer_id: str) -> dict[str, Any]:
        """The answer in its public shape. Raises NotFound."""
        query = sql.select(_answers.c.body).where(_answers.c.id == answer_id)
        with reading(self._engine) as connection:
            body = connection.execute(query).scalar_one_or_none()
        if body is None:
            raise missing_answer(answer_id)
        return dict(orjson.loads(body))

    def add_feedback(self, answer_id: str, rating: str, comment: str) -> int:
        """Record a judgement of an answer; returns its id. Raises NotFound."""
        exists = sql.select(sql.literal(1)).where(_answers.c.id == answer_id)
        with writing(self._engine) as connection:
            if connection.execute(exists).first() is None:
                raise missing_answer(answer_id, "answer_id")
            result = connection.execute(
                sql.insert(_feedback)
                .values(answer_id=answer_id, created_at=_now(), rating=rating, comment=comment)
                .returning(_feedback.c.id)
            )
            return int(result.scalar_one())

    def feedback(self, answer_id: str) -> list[dict[str, Any]]:
        """All judgements of one answer, oldest first."""
        query = sql.select(_feedback).where(_feedback.c.answer_id == answer_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_feedback.c.id)).mappings().all()
        return [dict(row) for row in rows]

    def since(
        self, at: str, index: str | None = None
    ) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """Answers from an instant (ISO 8601) on, oldest first, each with the ratings that people gave it."""
        rated: dict[str, list[str]] = {}
        with reading(self._engine) as connection:
            query = sql.select(_feedback.c.answer_id, _feedback.c.rating)
            for answer_id, rating in connection.execute(query.where(_feedback.c.created_at >= at)):
                rated.setdefault(answer_id, []).append(rating)
            bodies = sql.select(_answers.c.body).where(_answers.c.created_at >= at)
            for body in connection.execute(bodies.order_by(_answers.c.created_at)).scalars():
                answer = dict(orjson.loads(body))
                if index is None or answer["index"] == index:
                    yield answer, rated.get(answer["id"], [])

    def ratings(self, index: str, begin: str, end: str) -> dict[str, int]:
        """How many of each rating came between two instants (ISO 8601), for answers from this index."""
        query = (
            sql.select(_feedback.c.rating, sql.func.count())
            .join(requests, requests.c.request_id == _feedback.c.answer_id)
            .where(requests.c.index_name == index)
            .where(_feedback.c.created_at >= begin, _feedback.c.created_at < end)
            .group_by(_feedback.c.rating)
        )
        with reading(self._engine) as connection:
            return {rating: int(count) for rating, count in connection.execute(query)}

    def delete(self, answer_id: str) -> None:
        """Forget an answer and the feedback on it, where it is there."""
        with writing(self._engine) as connection:
            connection.execute(sql.delete(_feedback).where(_feedback.c.answer_id == answer_id))
            connection.execute(sql.delete(_answers).where(_answers.c.id == answer_id))

    def forget(self, keep_days: int) -> int:
        """Delete answers and feedback older than this. Returns how many answers went."""
        limit = (datetime.now(UTC) - timedelta(days=keep_days)).isoformat(timespec="milliseconds")
        with writing(self._engine) as connection:
            old = sql.select(_answers.c.id).where(_answers.c.created_at < limit)
            connection.execute(sql.delete(_feedback).where(_feedback.c.answer_id.in_(old)))
            return connection.execute(
                sql.delete(_answers).where(_answers.c.created_at < limit)
            ).rowcount

    def ping(self) -> None:
        """Raises Unavailable where the database does not answer."""
        with reading(self._engine) as connection:
            connection.execute(sql.select(sql.literal(1)))

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()


def missing_answer(answer_id: str, field: str = "id") -> NotFound:
    """There is none, or none that this caller may see."""
    return NotFound(f"no answer {answer_id}; answers are kept for a limited time", field=field)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
