"""The registry and the tracker that the settings name. Both import MLflow: three seconds, so never on a request's path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from groundwork.core.errors import ConfigurationError
from groundwork.core.registry.base import Registry
from groundwork.core.registry.tracking import Tracker
from groundwork.core.settings import Settings, quiet_libraries

_SERVER = ("http://", "https://")
_SQLITE = "sqlite:///"
_POSTGRES = re.compile(r"postgres(ql)?(\+psycopg2?)?://")
# libpq waits for ever otherwise.
_CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where MLflow keeps things. `artifacts` is None where a server decides.

    `locks` is a folder that every process which uses this place has in common, None where they may be on several machines.
    """

    url: str
    artifacts: str | None
    locks: Path | None = None

    @property
    def is_server(self) -> bool:
        """Whether MLflow's own server answers there, rather than a database."""
        return self.url.startswith(_SERVER)


def place_of(settings: Settings) -> Place:
    """From the settings; a folder of SQLite is made. Raises ConfigurationError for a URL of something else."""
    chosen, home = settings.registry, settings.home / "mlflow"
    url = chosen.url if chosen.url is not None else f"{_SQLITE}{home / 'mlflow.db'}"
    if url.startswith(_SERVER):
        return Place(url, chosen.artifacts)
    artifacts = chosen.artifacts or (home / "artifacts").absolute().as_uri()
    if url.startswith(_SQLITE):
        database = Path(url.removeprefix(_SQLITE))
        database.parent.mkdir(parents=True, exist_ok=True)
        return Place(url, artifacts, database.parent / "locks")
    if _POSTGRES.match(url):
        # The driver that the platform brings.
        url = _POSTGRES.sub("postgresql+psycopg://", url, count=1)
        if "connect_timeout=" not in url:
            url += f"{'&' if '?' in url else '?'}connect_timeout={_CONNECT_SECONDS}"
        return Place(url, artifacts)
    raise ConfigurationError(
        f"GROUNDWORK_REGISTRY__URL is {url.split('://')[0]!r}…; it has to be an MLflow server's http:// or https://, "
        "a database's postgresql://, or sqlite:///",
        field="GROUNDWORK_REGISTRY__URL",
    )


def mark_of(settings: Settings) -> Callable[[], object] | None:
    """What changes when a registry in a file of this machine is written to; None where it is somewhere else."""
    place = place_of(settings)
    if not place.url.startswith(_SQLITE):
        return None
    database = Path(place.url.removeprefix(_SQLITE))
    written = (database, database.with_name(f"{database.name}-wal"))

    def mark() -> object:
        return tuple(_written(path) for path in written)

    return mark


def _written(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def open_registry(settings: Settings) -> Registry:
    """Raises Unavailable where it does not answer, ConfigurationError for a URL that cannot be one."""
    from groundwork.core.registry.mlflow_registry import MlflowRegistry

    quiet_libraries()
    return MlflowRegistry.open(place_of(settings), settings.home / "mlflow")


def open_tracker(settings: Settings) -> Tracker:
    """Raises Unavailable where it does not answer, ConfigurationError for a URL that cannot be one."""
    from groundwork.core.registry.mlflow_tracking import MlflowTracker

    quiet_libraries()
    return MlflowTracker.open(place_of(settings), settings.home / "mlflow")
