"""Runs on MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import InvalidInput
from groundwork.core.registry.mlflow_client import experiment as experiment_id
from groundwork.core.registry.mlflow_client import figures, open_client, speaking

if TYPE_CHECKING:
    from groundwork.core.registry.open import Place

_LONGEST_PARAM = 500


class MlflowRun:
    """See `tracking.TrackedRun`."""

    def __init__(self, client: Any, run_id: str, url: str) -> None:
        self._client = client
        self._url = url
        self.id = run_id

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """One call for all."""
        with speaking(self._url):
            self._client.log_batch(self.id, metrics=figures(values, step))

    def tags(self, values: Mapping[str, str]) -> None:
        """One call for all."""
        from mlflow.entities import RunTag

        with speaking(self._url):
            self._client.log_batch(self.id, tags=[RunTag(*item) for item in values.items()])

    def file(self, name: str, content: bytes) -> None:
        """Raises InvalidInput for a name that leads elsewhere."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise InvalidInput(f"{name!r} cannot be the name of a run's file", field="file")
        with tempfile.TemporaryDirectory() as temporary, speaking(self._url):
            local = Path(temporary) / path.name
            local.write_bytes(content)
            folder = "" if str(path.parent) == "." else str(path.parent)
            self._client.log_artifact(self.id, str(local), artifact_path=folder or None)


class MlflowTracker:
    """See `tracking.Tracker`."""

    def __init__(self, client: Any, place: Place) -> None:
        self._client = client
        self._place = place

    @classmethod
    def open(cls, place: Place, home: Path) -> MlflowTracker:
        """Raises Unavailable."""
        return cls(open_client(place, home), place)

    @contextmanager
    def run(self, experiment: str, name: str, params: Mapping[str, str]) -> Iterator[MlflowRun]:
        """See `Tracker.run`. A parameter's value is cut at 500 characters."""
        from mlflow.entities import Param

        url = self._place.url
        with speaking(url):
            where = experiment_id(self._client, f"groundwork/{experiment}", self._place.artifacts)
            run_id = self._client.create_run(where, run_name=name).info.run_id
            cut = [Param(key, str(value)[:_LONGEST_PARAM]) for key, value in params.items()]
            self._client.log_batch(run_id, params=cut)
        try:
            yield MlflowRun(self._client, run_id, url)
        except BaseException:
            with speaking(url):
                self._client.set_terminated(run_id, "FAILED")
            raise
        with speaking(url):
            self._client.set_terminated(run_id)

    def close(self) -> None:
        """MLflow's stores are shared by the process and stay open."""
