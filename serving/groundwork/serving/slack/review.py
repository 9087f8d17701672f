"""What is proposed for the golden set and waits for a reviewer: threads of Slack, samples of traffic, made questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import NotFound
from groundwork.core.metering.database import create_tables, insert_or, reading, writing
from groundwork.serving.conversation_store import KeptTurn
from groundwork.serving.slack.tables import inbox, metadata, review_queue

# What is left of a proposal that was rejected: enough to know it again.
_EMPTY = json.dumps({"rejected": True})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is worth asking again. `source` is where it comes from: the same is proposed once.

    `turns` is a conversation; `example` a golden question to be, as JSON, where there is one already. `published` says that
    all its text is the documentation's own, which may name addresses.
    """

    source: str
    link: str
    proposed_by: str
    turns: tuple[KeptTurn, ...] = ()
    example: Mapping[str, Any] | None = None
    published: bool = False


class ReviewQueue:
    """A table of the ledger's database."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine
        create_tables(engine, metadata)

    def add(self, proposal: Proposal) -> bool:
        """Keep it without personal data and secrets; False where this source was proposed before."""
        body = _body(proposal)
        if not proposal.published:
            body = _scrubbed(body)
        row = {
            "source": proposal.source,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "link": proposal.link,
            "proposed_by": proposal.proposed_by,
            "turns": json.dumps(body, ensure_ascii=False),
        }
        with writing(self._engine) as connection:
            statement = insert_or(review_queue, connection).values(row).on_conflict_do_nothing()
            return connection.execute(statement.returning(review_queue.c.id)).first() is not None

    def all(self) -> list[dict[str, Any]]:
        """What waits, oldest first."""
        query = sql.select(review_queue).order_by(review_queue.c.id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(review_queue.c.turns != _EMPTY)).mappings().all()
        return [_row(dict(row)) for row in rows]

    def get(self, number: int) -> dict[str, Any]:
        """One that waits. Raises NotFound."""
        query = sql.select(review_queue).where(review_queue.c.id == number)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None or row["turns"] == _EMPTY:
            raise _missing(number)
        return _row(dict(row))

    def write(self, number: int, example: Mapping[str, Any]) -> None:
        """Keep what a reviewer made of it, as it is given. Raises NotFound."""
        turns = self.get(number)["turns"]
        body = json.dumps({"turns": turns, "example": dict(example)}, ensure_ascii=False)
        self._update(number, {"turns": body})

    def reject(self, number: int) -> None:
        """Forget what it says, and remember that it was seen, so that it is not proposed again. Raises NotFound."""
        self.get(number)
        self._update(number, {"turns": _EMPTY, "link": "", "proposed_by": ""})

    def forget(self, keep_days: int) -> int:
        """Delete what is older, seen or not. Returns how many went."""
        limit = (datetime.now(UTC) - timedelta(days=keep_days)).isoformat(timespec="seconds")
        with writing(self._engine) as connection:
            old = sql.delete(review_queue).where(review_queue.c.created_at < limit)
            return connection.execute(old).rowcount

    def private_answers(self) -> frozenset[str]:
        """Ids of answers that were given in private channels and direct messages: nobody else may read them."""
        query = sql.select(inbox.c.answer_id).where(inbox.c.private, inbox.c.answer_id != "")
        with reading(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def remove(self, number: int) -> None:
        """Take one out: it was reviewed. Raises NotFound."""
        with writing(self._engine) as connection:
            gone = connection.execute(sql.delete(review_queue).where(review_queue.c.id == number))
        if not gone.rowcount:
            raise _missing(number)

    def _update(self, number: int, values: Mapping[str, Any]) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                sql.update(review_queue).where(review_queue.c.id == number).values(**values)
            )


def _body(proposal: Proposal) -> dict[str, Any]:
    turns = [
        {"question": turn.question, "answer": turn.answer, "answer_id": turn.answer_id}
        for turn in proposal.turns
    ]
    return {"turns": turns, "example": proposal.example} if proposal.example else {"turns": turns}


def _scrubbed(value: Any) -> Any:
    """Every text in it scrubbed; names of fields are ours."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {name: _scrubbed(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(one) for one in value]
    return value


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    body = json.loads(row["turns"])
    if isinstance(body, list):
        # As it was written before there were examples.
        body = {"turns": body}
    return {**row, "turns": body["turns"], "example": body.get("example")}


def _missing(number: int) -> NotFound:
    return NotFound(f"no proposal {number}; groundwork eval review list shows them")


def scrub(text: str) -> str:
    """The text without personal data and secrets, whatever the policy in force says of them."""
    from groundwork.guardrails.rails.base import Context, Finding, Parts
    from groundwork.guardrails.rails.personal_data import PersonalData, PersonalDataOptions
    from groundwork.guardrails.rails.secrets import Secrets
    from groundwork.guardrails.redact import apply, regions

    context = Context("input")
    rails = (PersonalData(PersonalDataOptions(), Parts()), Secrets(Secrets.Options(), Parts()))
    found: Sequence[Finding] = [each for rail in rails for each in rail.check(text, context)]
    return apply(text, regions(found), 0, len(text))
