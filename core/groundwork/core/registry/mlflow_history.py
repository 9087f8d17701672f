"""The history of lines: an MLflow run for each event, which appears whole and is never changed.

A run's tags hold the event. A detail that is too long for a tag is a file of the run, written before the tags.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core.registry.base import Event, Line
from groundwork.core.registry.mlflow_client import experiment

if TYPE_CHECKING:
    from groundwork.core.registry.open import Place

_EXPERIMENT = "groundwork/history"
_LINE = "groundwork.line"
_EVENT = "groundwork.event"
_DETAIL = "detail.json"
# MLflow keeps 8,000 characters of a tag.
_LONGEST = 7_000
_PAGE = 1_000


class History:
    """Events of all lines."""

    def __init__(self, client: Any, place: Place) -> None:
        self._client = client
        self._place = place
        self._experiment = ""

    def add(self, line: Line, event: Event) -> None:
        """One more."""
        from mlflow.entities import RunTag

        said = asdict(event)
        name = f"{event.action} {event.release}"
        text = orjson.dumps(said).decode()
        if len(text) <= _LONGEST:
            tags = {_LINE: str(line), _EVENT: text}
            run = self._client.create_run(self._id(), run_name=name, tags=tags)
        else:
            run = self._client.create_run(self._id(), run_name=name)
            self._put(run.info.run_id, orjson.dumps(said.pop("detail")))
            text = orjson.dumps({**said, "detail": None}).decode()
            # From here on it is found.
            self._client.log_batch(
                run.info.run_id, tags=[RunTag(_LINE, str(line)), RunTag(_EVENT, text)]
            )
        self._client.set_terminated(run.info.run_id)

    def read(self, line: Line) -> list[Event]:
        """Newest first."""
        runs: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self._id()],
                filter_string=f"tags.`{_LINE}` = '{line}'",
                order_by=["attributes.start_time DESC"],
                max_results=_PAGE,
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                break
        events = [self._event(run) for run in runs]
        return sorted(events, key=lambda one: one.at, reverse=True)

    def _event(self, run: Any) -> Event:
        said = orjson.loads(run.data.tags[_EVENT])
        if said["detail"] is None:
            with tempfile.TemporaryDirectory() as temporary:
                path = self._client.download_artifacts(run.info.run_id, _DETAIL, temporary)
                said["detail"] = orjson.loads(Path(path).read_bytes())
        return Event(**said)

    def _put(self, run_id: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / _DETAIL
            path.write_bytes(content)
            self._client.log_artifact(run_id, str(path))

    def _id(self) -> str:
        if not self._experiment:
            self._experiment = experiment(self._client, _EXPERIMENT, self._place.artifacts)
        return self._experiment
