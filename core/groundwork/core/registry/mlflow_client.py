"""MLflow's client, opened with its places spelled out: no global state, and its errors as ours."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import Conflict, GroundworkError, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from groundwork.core.registry.open import Place

_NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
_EXISTS = "RESOURCE_ALREADY_EXISTS"
_INVALID = "INVALID_PARAMETER_VALUE"
_AT = " at "


# How long a store may take to say that it is there.
_ANSWER_SECONDS = 5.0


def open_client(place: Place, home: Path) -> Any:
    """An `MlflowClient`. A database is made or migrated by one process at a time. Raises Unavailable."""
    # First, since MLflow itself goes on trying for minutes.
    with _reaching(place.url):
        _ask_server(place.url) if place.is_server else _ask_database(place.url)
    from mlflow import MlflowClient

    # Migrations are told line by line otherwise.
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if place.is_server:
        _ignore_feast()
        return MlflowClient(tracking_uri=place.url, registry_uri=place.url)
    home.mkdir(parents=True, exist_ok=True)
    with speaking(place.url), _alone(home / "opening.lock"):
        client = MlflowClient(tracking_uri=place.url, registry_uri=place.url)
        # Tables are made at the first use, not when the client is.
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
    return client


def experiment(client: Any, name: str, artifacts: str | None) -> str:
    """The id of an experiment, made where there is none."""
    from mlflow.exceptions import MlflowException

    for _ in range(2):
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = f"{artifacts.rstrip('/')}/{name.replace('/', '-')}" if artifacts else None
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException as error:
            # Somebody else was faster.
            if error.error_code != _EXISTS:
                raise
    raise Unavailable(f"MLflow's experiment {name} comes and goes")


@contextmanager
def speaking(what: str) -> Iterator[None]:
    """Errors of MLflow, of its database and of its server become ours."""
    from mlflow.exceptions import MlflowException

    with _reaching(what):
        try:
            yield
        except MlflowException as error:
            raise _ours(error, what) from error


def shown(url: str) -> str:
    """Without a password, wherever it stands."""
    before, at, after = url.partition("?")[0].rpartition("@")
    return f"{before.split('://')[0]}://…@{after}" if at and "://" in before else after


def figures(values: Mapping[str, float], step: int = 0) -> list[Any]:
    """As MLflow takes them in one call; it has no `@` in a name, as in `ndcg@10`."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [
        Metric(name.replace("@", _AT), float(value), now, step) for name, value in values.items()
    ]


def figures_of(run: Any) -> dict[str, float]:
    """The last value of each of a run's, by our names."""
    return {name.replace(_AT, "@"): value for name, value in run.data.metrics.items()}


def is_missing(error: Any) -> bool:
    """Whether MLflow says that something does not exist."""
    return bool(error.error_code == _NOT_FOUND)


def is_there(error: Any) -> bool:
    """Whether MLflow says that something exists already."""
    return bool(error.error_code == _EXISTS)


def _ours(error: Any, what: str) -> GroundworkError:
    text = str(error.message).splitlines()[0][:300] if error.message else repr(error)
    if error.error_code == _NOT_FOUND:
        return NotFound(text)
    if error.error_code == _EXISTS:
        return Conflict(text)
    if error.error_code == _INVALID:
        return InvalidInput(text)
    return Unavailable(f"the registry at {shown(what)} does not answer: {text}", retry_after=2.0)


def _ignore_feast() -> None:
    """Feast brings MLflow a plugin: at the first request it would import Feast and torch, and then send the pod's token along."""
    from mlflow.utils import plugins

    theirs = plugins.get_entry_points
    plugins.get_entry_points = lambda group: [
        point for point in theirs(group) if not point.value.startswith("feast.")
    ]
    try:
        # It looks for plugins once, when it is imported.
        import mlflow.tracking.request_header.registry  # noqa: F401
    finally:
        plugins.get_entry_points = theirs


@contextmanager
def _reaching(what: str) -> Iterator[None]:
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (RequestException, SQLAlchemyError, OSError) as error:
        raise Unavailable(
            f"the registry at {shown(what)} does not answer: {type(error).__name__}",
            retry_after=2.0,
        ) from error


def _ask_server(url: str) -> None:
    """Any answer will do: one that wants a password is there as well."""
    import requests

    requests.get(f"{url.rstrip('/')}/health", timeout=_ANSWER_SECONDS, allow_redirects=False)


def _ask_database(url: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        engine.dispose()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
