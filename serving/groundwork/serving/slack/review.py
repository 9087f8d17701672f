"""Threads that people propose for the golden set, waiting for a reviewer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import NotFound
from groundwork.core.metering.database import insert_or, reading, writing
from groundwork.serving.conversation_store import KeptTurn
from groundwork.serving.slack.tables import metadata, review_queue


@dataclass(frozen=True, slots=True)
class Proposal:
    """A conversation somebody thinks is worth keeping. `source` is where it was held."""

    source: str
    link: str
    proposed_by: str
    turns: tuple[KeptTurn, ...]


class ReviewQueue:
    """A table of the ledger's database."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine
        with writing(engine) as connection:
            metadata.create_all(connection)

    def add(self, proposal: Proposal) -> bool:
        """Keep it without personal data and secrets; False where this source was proposed before."""
        turns = [
            {
                "question": scrub(turn.question),
                "answer": scrub(turn.answer),
                "answer_id": turn.answer_id,
            }
            for turn in proposal.turns
        ]
        row = {
            "source": proposal.source,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "link": proposal.link,
            "proposed_by": proposal.proposed_by,
            "turns": json.dumps(turns, ensure_ascii=False),
        }
        with writing(self._engine) as connection:
            statement = insert_or(review_queue, connection).values(row).on_conflict_do_nothing()
            return connection.execute(statement.returning(review_queue.c.id)).first() is not None

    def all(self) -> list[dict[str, Any]]:
        """What waits, oldest first."""
        query = sql.select(review_queue).order_by(review_queue.c.id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [{**row, "turns": json.loads(row["turns"])} for row in rows]

    def remove(self, number: int) -> None:
        """Take one out: it was reviewed. Raises NotFound."""
        with writing(self._engine) as connection:
            gone = connection.execute(sql.delete(review_queue).where(review_queue.c.id == number))
        if not gone.rowcount:
            raise NotFound(f"no proposal {number}; groundwork slack queue list shows them")


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
