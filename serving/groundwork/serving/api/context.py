"""What a route reaches through its request."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from groundwork.core.errors import Unavailable
from groundwork.core.monitoring.metrics import Metrics
from groundwork.core.settings import Settings
from groundwork.core.telemetry import Trace
from groundwork.serving.readiness import Readiness
from groundwork.serving.releases.following import Following, following
from groundwork.serving.services import Services


class Admission:
    """Counts the answers in flight. Used from the event loop only, so it needs no lock."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self.in_flight = 0

    def enter(self) -> None:
        """Take a place. Raises Unavailable where all are taken."""
        if self.in_flight >= self._limit:
            raise Unavailable(
                f"{self._limit} answers are being written already; try again shortly",
                retry_after=1.0,
            )
        self.in_flight += 1
        self._metrics.in_flight(self.in_flight)

    def leave(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
        self._metrics.in_flight(self.in_flight)


@dataclass(frozen=True, slots=True)
class Context:
    """The service as routes see it."""

    settings: Settings
    services: Services
    admission: Admission
    readiness: Readiness
    # None where the services are made of fakes.
    follows: Following | None = None

    @classmethod
    def of(cls, settings: Settings, services: Services) -> Context:
        """With nothing in flight and nothing loaded yet."""
        follows = following(settings, services)
        return cls(
            settings=settings,
            services=services,
            admission=Admission(settings.service.max_concurrency, services.metrics),
            readiness=Readiness(services, settings.index.default, follows),
            follows=follows,
        )


def context_of(request: Request) -> Context:
    """The service that this request came to."""
    context: Context = request.app.state.context
    return context


def trace_of(scope: Scope) -> Trace:
    """The request's trace; a new one where no middleware has begun it."""
    trace: Trace = scope.setdefault("state", {}).setdefault("trace", Trace())
    return trace
