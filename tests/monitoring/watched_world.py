"""The app over fakes, watched as a service is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from groundwork.core.monitoring.watch import Watch
from groundwork.core.settings import MonitoringSettings, TelemetrySettings
from groundwork.core.settings.monitoring import DriftSettings, RetrainingSettings
from groundwork.core.settings.telemetry import TracesSettings
from groundwork.serving.api import monitoring as routes
from groundwork.serving.app import create_app
from groundwork.serving.monitoring import Monitoring
from groundwork.serving.services import Services
from groundwork.serving.witness import WitnessedBooks
from tests.serving.api_fakes import World, build_world


@dataclass
class Watched:
    world: World
    monitoring: Monitoring
    watch: Watch

    def close(self) -> None:
        self.watch.close()
        self.monitoring.close()
        self.world.services.close()


def build_watched(
    home: Path,
    *,
    rails: bool = False,
    traces: TracesSettings | None = None,
    retraining: RetrainingSettings | None = None,
    drift: DriftSettings | None = None,
    change: Callable[[World], Any] = lambda _: None,
) -> Watched:
    """`change` may set the fakes up before the service begins."""
    world = build_world(home, rails=rails)
    settings = world.settings.model_copy(
        update={
            "telemetry": TelemetrySettings(traces=traces or TracesSettings()),
            "monitoring": MonitoringSettings(
                drift=drift or DriftSettings(reference=100, window=50, look_seconds=3600),
                retraining=retraining or RetrainingSettings(),
            ),
        }
    )
    change(world)
    services = world.services
    monitoring = Monitoring.open(settings, services.metrics)
    books = WitnessedBooks(services.accounts, services.store, monitoring.witness)
    assistant = replace(services.assistant, books=books)
    held = {name: getattr(services, name) for name in Services.__slots__ if name != "assistants"}
    watched = Services(**{**held, "assistant": assistant})
    app = create_app(settings, watched)
    app.include_router(routes.router)
    app.state.monitoring = monitoring
    watch = monitoring.start(watched.store, watched.accounts, watched.engines)
    return Watched(replace(world, settings=settings, app=app, services=watched), monitoring, watch)
