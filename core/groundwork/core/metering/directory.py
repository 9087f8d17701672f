"""Teams, users and projects: who belongs where."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql

from groundwork.core.metering.callers import ASK, SEARCH, SLACK, Caller
from groundwork.core.metering.database import insert_or, reading, writing
from groundwork.core.metering.events import note_event
from groundwork.core.metering.postings import now_ms
from groundwork.core.metering.tables import projects, teams, users

# How a Slack user is called here: with the id that Slack gives.
SLACK_PREFIX = "slack:"


def ensure_known(
    connection: sql.Connection, *, team: str = "", user: str = "", project: str = ""
) -> None:
    """Add what is not there yet; a user or project that is keeps its team."""
    at = now_ms()
    rows = (
        (teams, {"name": team, "created_at": at}, team),
        (users, {"id": user, "team": team, "created_at": at}, user),
        (projects, {"name": project, "team": team, "created_at": at}, project),
    )
    for table, row, named in rows:
        if named:
            connection.execute(insert_or(table, connection).values(row).on_conflict_do_nothing())


class Directory:
    """The people and teams in the ledger's database."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def assign(self, user: str, team: str, actor: str, name: str = "") -> None:
        """Put a user into a team from now on; both are made where they are missing. Old charges stay."""
        with writing(self._engine) as connection:
            ensure_known(connection, team=team, user=user)
            changed: dict[str, str] = {"team": team, **({"name": name} if name else {})}
            connection.execute(sql.update(users).where(users.c.id == user).values(changed))
            note_event(connection, actor, "user.assigned", {"user": user, "team": team})

    def slack_caller(self, slack_id: str) -> Caller:
        """On whose account a Slack user asks; one that is in no team belongs to none."""
        user = f"{SLACK_PREFIX}{slack_id}"
        query = sql.select(users.c.team).where(users.c.id == user)
        with reading(self._engine) as connection:
            team = connection.execute(query).scalar_one_or_none() or ""
        return Caller(team=team, user=user, channel=SLACK, scopes=frozenset({ASK, SEARCH}))

    def all(self) -> dict[str, list[dict[str, Any]]]:
        """Teams, users and projects by name."""
        with reading(self._engine) as connection:
            return {
                "teams": _rows(connection, teams, teams.c.name),
                "users": _rows(connection, users, users.c.id),
                "projects": _rows(connection, projects, projects.c.name),
            }


def _rows(
    connection: sql.Connection, table: sql.Table, order: sql.ColumnElement[Any]
) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sql.select(table).order_by(order)).mappings()]
