"""Whether the service can answer: what `/readyz` asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from groundwork.core.errors import GroundworkError
from groundwork.serving.releases.following import Following
from groundwork.serving.services import Services


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must work, and one sentence about it."""

    name: str
    ok: bool
    detail: str


class Readiness:
    """Checks the embedder, the default index and the ledger."""

    def __init__(
        self, services: Services, default_index: str, follows: Following | None = None
    ) -> None:
        self._services = services
        self._follows = follows
        self._default_index = default_index
        self._warming = threading.Lock()
        self._embedder = Check("embedder", ok=False, detail="loading")

    def warm(self) -> None:
        """Load the embedder by embedding one word. Returns at once while another thread does so."""
        if not self._warming.acquire(blocking=False):
            return
        outcome = Check("embedder", ok=False, detail="loading failed; the log says why")
        try:
            self._services.embedder.embed(["ready"])
            self._services.assistant.generator.warm()
            # guardrails-ai takes seconds to import: before the service says that it is ready, never at a question.
            self._services.assistant.guard.warm()
            outcome = Check("embedder", ok=True, detail=self._services.embedder.identity)
        finally:
            self._embedder = outcome
            self._warming.release()

    def checks(self) -> list[Check]:
        """All checks. Blocks for as long as the engine and the ledger take to answer."""
        return [
            self._embedder,
            _tried("index", self._live_version),
            _tried("ledger", self._ledger),
            *self._release(),
        ]

    def _release(self) -> list[Check]:
        if self._follows is None:
            return []
        known, detail = self._follows.state
        return [Check("release", ok=known, detail=detail)]

    def _live_version(self) -> str:
        with self._services.readers.lease(self._default_index) as reader:
            return f"{self._default_index}@{reader.version} is live"

    def _ledger(self) -> str:
        self._services.store.ping()
        return "answers"


def _tried(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=check())
    except GroundworkError as error:
        return Check(name, ok=False, detail=error.detail)
