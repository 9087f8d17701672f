"""The registry and the tracker that the settings name. Both import MLflow: three seconds, so never on a request's path."""

from __future__ import annotations

from dataclasses import dataclass

from groundwork.core.registry.base import Registry
from groundwork.core.registry.tracking import Tracker
from groundwork.core.settings import Settings, quiet_libraries

_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Place:
    """Where MLflow keeps things. `artifacts` is None where a server decides."""

    url: str
    artifacts: str | None


def place_of(settings: Settings) -> Place:
    """From the settings; a folder of SQLite is made."""
    chosen = settings.registry
    if chosen.url is not None and chosen.url.startswith(_SCHEMES):
        return Place(chosen.url, chosen.artifacts)
    home = settings.home / "mlflow"
    artifacts = chosen.artifacts or (home / "artifacts").as_uri()
    if chosen.url is not None:
        # The driver that the platform brings.
        url = chosen.url.replace("postgresql://", "postgresql+psycopg://", 1)
        return Place(url, artifacts)
    home.mkdir(parents=True, exist_ok=True)
    return Place(f"sqlite:///{home / 'mlflow.db'}", artifacts)


def open_registry(settings: Settings) -> Registry:
    """Raises Unavailable where it does not answer."""
    from groundwork.core.registry.mlflow_registry import MlflowRegistry

    quiet_libraries()
    return MlflowRegistry.open(place_of(settings), settings.home / "mlflow")


def open_tracker(settings: Settings) -> Tracker:
    """Raises Unavailable where it does not answer."""
    from groundwork.core.registry.mlflow_tracking import MlflowTracker

    quiet_libraries()
    return MlflowTracker.open(place_of(settings), settings.home / "mlflow")
