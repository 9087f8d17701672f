"""What is old goes while the service runs; what people said stays, and a store that is away does not stop the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sql

from groundwork.classic.recommender import kept as tables
from groundwork.classic.recommender.kept import Kept, Recommendations
from groundwork.core.errors import NotFound, Unavailable
from groundwork.serving.upkeep import Kept as Old
from groundwork.serving.upkeep import kept_of
from tests.serving.api_fakes import World


@dataclass
class Store:
    """Counts what it was asked."""

    away: bool = False
    asked: list[int] = field(default_factory=list)

    def forget(self, keep_days: int) -> int:
        self.asked.append(keep_days)
        if self.away:
            raise Unavailable("nobody there")
        return 3


def aged(recommendations: Recommendations, name: str, days: float) -> None:
    """A recommendation that was given so long ago."""
    recommendations.save(Kept(name, 7, "rel-a", (11, 12)))
    past = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    table = tables._recommendations
    with recommendations._engine.begin() as connection:
        connection.execute(
            sql.update(table).where(table.c.id == name).values(created_at=past[:23] + "Z")
        )


async def test_old_recommendations_go_and_what_people_chose_stays(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    recommendations = Recommendations(world.settings.ledger_url)
    aged(recommendations, "rec-old", world.settings.ledger.keep_days + 1)
    aged(recommendations, "rec-new", world.settings.ledger.keep_days - 1)
    recommendations.react("rec-old", 12, None)
    world.app.state.recommending = SimpleNamespace(kept=recommendations, close=lambda: None)

    def is_there(name: str) -> bool:
        try:
            recommendations.get(name)
        except NotFound:
            return False
        return True

    async with world.app.router.lifespan_context(world.app), asyncio.timeout(10):
        while is_there("rec-old"):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.01)
    assert is_there("rec-new")
    assert [row[:3] for row in recommendations.reactions()] == [(7, 12, 4.0)]
    recommendations.close()


def test_everything_that_ages_is_kept_as_long_as_the_settings_say(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    settings = world.settings.model_copy(
        update={"ledger": world.settings.ledger.model_copy(update={"keep_days": 5})}
    )
    without = kept_of(settings, world.services, SimpleNamespace())
    assert {each.what: each.days for each in without} == {
        "answers": 5,
        "conversations": settings.conversation.keep_days,
    }
    state: Any = SimpleNamespace(recommending=SimpleNamespace(kept=Store()))
    assert [each.days for each in kept_of(settings, world.services, state)][2:] == [5]


def test_a_store_that_is_away_is_said_and_left_for_the_next_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "groundwork.serving")
    away, there = Store(away=True), Store()
    Old("answers", away, 5).forget()
    Old("recommendations", there, 5).forget()
    assert away.asked == there.asked == [5]
    assert [record.getMessage() for record in caplog.records] == [
        "old answers could not be deleted: nobody there",
        "deleted 3 recommendations older than 5 days",
    ]
