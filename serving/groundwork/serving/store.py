"""Answers and the feedback on them, kept for as long as the retention setting says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sql
from sqlalchemy.exc import OperationalError

from groundwork.core.answers import Answer
from groundwork.core.errors import NotFound, Unavailable

_metadata = sql.MetaData()
_answers = sql.Table(
    "answers",
    _metadata,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("created_at", sql.String(32), nullable=False, index=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
_charges = sql.Table(
    "charges",
    _metadata,
    sql.Column("answer_id", sql.String(64), primary_key=True),
    sql.Column("stage", sql.String(32), primary_key=True),
    sql.Column("meter", sql.String(32), primary_key=True),
    sql.Column("created_at", sql.String(32), nullable=False, index=True),
    sql.Column("release", sql.String(64), nullable=False),
    sql.Column("quantity", sql.BigInteger, nullable=False),
    sql.Column("picodollars", sql.BigInteger, nullable=False),
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
    """One SQL database; SQLite in WAL mode by default. An answer and its charges are one transaction."""

    def __init__(self, url: str) -> None:
        self._url = sql.make_url(url)
        if self._url.drivername.startswith("sqlite") and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = sql.create_engine(self._url)
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _sqlite_pragmas)
        with self._reachable():
            _metadata.create_all(self._engine)

    def save(self, answer: Answer) -> None:
        """Record an answer with its charges."""
        body = orjson.dumps(answer.to_dict())
        with self._reachable(), self._engine.begin() as connection:
            connection.execute(
                sql.insert(_answers).values(id=answer.id, created_at=answer.created_at, body=body)
            )
            connection.execute(
                sql.insert(_charges),
                [
                    {
                        "answer_id": answer.id,
                        "stage": charge.stage,
                        "meter": charge.meter,
                        "created_at": answer.created_at,
                        "release": answer.release,
                        "quantity": charge.quantity,
                        "picodollars": charge.picodollars,
                    }
                    for charge in answer.charges
                ],
            )

    def get(self, answer_id: str) -> dict[str, Any]:
        """The answer in its public shape. Raises NotFound."""
        query = sql.select(_answers.c.body).where(_answers.c.id == answer_id)
        with self._reachable(), self._engine.connect() as connection:
            body = connection.execute(query).scalar_one_or_none()
        if body is None:
            raise NotFound(
                f"no answer {answer_id}; answers are kept for a limited time", field="id"
            )
        return dict(orjson.loads(body))

    def add_feedback(self, answer_id: str, rating: str, comment: str) -> int:
        """Record a judgement of an answer; returns its id. Raises NotFound."""
        exists = sql.select(sql.literal(1)).where(_answers.c.id == answer_id)
        with self._reachable(), self._engine.begin() as connection:
            if connection.execute(exists).first() is None:
                raise NotFound(f"no answer {answer_id} to give feedback on", field="answer_id")
            result = connection.execute(
                sql.insert(_feedback)
                .values(answer_id=answer_id, created_at=_now(), rating=rating, comment=comment)
                .returning(_feedback.c.id)
            )
            return int(result.scalar_one())

    def feedback(self, answer_id: str) -> list[dict[str, Any]]:
        """All judgements of one answer, oldest first."""
        query = sql.select(_feedback).where(_feedback.c.answer_id == answer_id)
        with self._reachable(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_feedback.c.id)).mappings().all()
        return [dict(row) for row in rows]

    def forget(self, keep_days: int) -> int:
        """Delete answers and feedback older than this; charges stay. Returns how many answers went."""
        limit = (datetime.now(UTC) - timedelta(days=keep_days)).isoformat(timespec="milliseconds")
        with self._reachable(), self._engine.begin() as connection:
            old = sql.select(_answers.c.id).where(_answers.c.created_at < limit)
            connection.execute(sql.delete(_feedback).where(_feedback.c.answer_id.in_(old)))
            return connection.execute(
                sql.delete(_answers).where(_answers.c.created_at < limit)
            ).rowcount

    def ping(self) -> None:
        """Raises Unavailable where the database does not answer."""
        with self._reachable(), self._engine.connect() as connection:
            connection.execute(sql.select(sql.literal(1)))

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            where = self._url.render_as_string(hide_password=True)
            raise Unavailable(
                f"the ledger at {where} does not answer: {error.orig}", field="ledger.url"
            ) from error


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # Durable at every checkpoint and consistent always; a full fsync a request costs 5 ms on ordinary disks.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
