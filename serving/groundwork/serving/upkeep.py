"""What a service deletes a few times a day, because nobody wanted it kept for longer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from groundwork.core.errors import Unavailable
from groundwork.core.settings import Settings
from groundwork.serving.services import Services

_log = logging.getLogger("groundwork.serving")

EVERY_SECONDS = 6 * 3600.0


class Forgets(Protocol):
    """A store whose rows have an age."""

    def forget(self, keep_days: int) -> int:
        """Delete what is older; returns how many went. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, for people, and for how long."""

    what: str
    store: Forgets
    days: int

    def forget(self) -> None:
        """Delete what is older. A store that does not answer is tried again the next time."""
        try:
            gone = self.store.forget(self.days)
        except Unavailable as error:
            _log.warning("old %s could not be deleted: %s", self.what, error.detail)
            return
        if gone:
            _log.info("deleted %d %s older than %d days", gone, self.what, self.days)


def kept_of(settings: Settings, services: Services, state: Any) -> Iterator[Kept]:
    """Everything that ages in a service. `state` is the application's, where the classic models stand.

    Observations that drift is watched by, traces and those of trials are bounded by who writes them.
    """
    days = settings.ledger.keep_days
    yield Kept("answers", services.store, days)
    yield Kept("conversations", services.conversations, settings.conversation.keep_days)
    recommending = getattr(state, "recommending", None)
    if recommending is not None:
        yield Kept("recommendations", recommending.kept, days)


async def forget_forever(settings: Settings, services: Services, state: Any) -> None:
    """Now, and every six hours; until it is cancelled."""
    while True:
        for kept in kept_of(settings, services, state):
            await asyncio.to_thread(kept.forget)
        await asyncio.sleep(EVERY_SECONDS)
