"""A double of Kubeflow Pipelines' API over HTTP. What it reads and says goes through kfp-server-api's own models."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from kfp_server_api import (
    ApiClient,
    GoogleRpcStatus,
    V2beta1Experiment,
    V2beta1ListExperimentsResponse,
    V2beta1ListRecurringRunsResponse,
    V2beta1ListRunsResponse,
    V2beta1PipelineTaskDetail,
    V2beta1RunDetails,
)


class _Body:
    """What the client's deserializer takes."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class KfpDouble:
    """Experiments, runs and recurring runs in memory. `page` is how many it lists at a time."""

    def __init__(self, token: str = "", page: int = 50) -> None:
        self.token, self.page = token, page
        self.experiments: list[Any] = []
        self.runs: dict[str, Any] = {}
        self.recurring: dict[str, Any] = {}
        self.broken = False
        self.client = ApiClient()
        self.url = ""

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        what, _, name = path.removeprefix("/apis/v2beta1/").partition("/")
        if self.broken:
            return 500, {"message": "the database is gone"}
        work = getattr(self, f"_{method.lower()}_{what}", None)
        if work is None:
            return 404, {"message": f"{method} {path} is nothing here"}
        answer: tuple[int, Any] = work(name, query, body)
        return answer

    def succeed(self, run: str) -> None:
        self._end(run, "SUCCEEDED", [("discover", "SUCCEEDED", None), ("plan", "SUCCEEDED", None)])

    def fail(self, run: str, why: str) -> None:
        self._end(run, "FAILED", [("discover", "SUCCEEDED", None), ("plan", "FAILED", why)])

    def _end(self, run: str, state: str, tasks: list[tuple[str, str, str | None]]) -> None:
        found, at = self.runs[run], datetime.now(UTC)
        found.state, found.finished_at = state, at
        found.run_details = V2beta1RunDetails(
            task_details=[
                V2beta1PipelineTaskDetail(
                    display_name=name,
                    state=each,
                    start_time=at - timedelta(seconds=5),
                    end_time=at,
                    error=GoogleRpcStatus(code=1, message=why) if why else None,
                )
                for name, each, why in tasks
            ]
        )
        if state == "FAILED":
            found.error = GoogleRpcStatus(code=1, message="a task failed")

    def _read(self, body: bytes, kind: str) -> Any:
        return self.client.deserialize(_Body(body), kind)

    def _get_experiments(self, name: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        held, token = self._paged(self.experiments, query)
        return 200, V2beta1ListExperimentsResponse(experiments=held, next_page_token=token)

    def _post_experiments(self, name: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        made: V2beta1Experiment = self._read(body, "V2beta1Experiment")
        made.experiment_id = f"experiment-{len(self.experiments)}"
        self.experiments.append(made)
        return 200, made

    def _post_runs(self, name: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        made = self._read(body, "V2beta1Run")
        problem = invalid(made.pipeline_spec, made.runtime_config.parameters)
        if problem:
            return 400, {"message": problem}
        made.run_id, made.state = f"run-{len(self.runs)}", "RUNNING"
        made.created_at = datetime.now(UTC)
        made.finished_at = datetime(1970, 1, 1, tzinfo=UTC)
        self.runs[made.run_id] = made
        return 200, made

    def _get_runs(self, name: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if name:
            found = self.runs.get(name)
            return (200, found) if found else (404, {"message": f"run {name} not found"})
        mine = [one for one in self.runs.values() if one.experiment_id == query["experiment_id"]]
        held, token = self._paged(mine[::-1], query)
        return 200, V2beta1ListRunsResponse(runs=held, next_page_token=token)

    def _post_recurringruns(self, name: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        made = self._read(body, "V2beta1RecurringRun")
        problem = invalid(made.pipeline_spec, made.runtime_config.parameters)
        if problem:
            return 400, {"message": problem}
        if len(made.trigger.cron_schedule.cron.split()) != 6:
            return 400, {"message": "expected exactly 6 fields"}
        made.recurring_run_id = f"schedule-{len(self.recurring)}"
        self.recurring[made.recurring_run_id] = made
        return 200, made

    def _get_recurringruns(self, name: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        mine = [
            one for one in self.recurring.values() if one.experiment_id == query["experiment_id"]
        ]
        held, token = self._paged(mine, query)
        return 200, V2beta1ListRecurringRunsResponse(recurring_runs=held, next_page_token=token)

    def _delete_recurringruns(
        self, name: str, query: dict[str, str], body: bytes
    ) -> tuple[int, Any]:
        del self.recurring[name]
        return 200, {}

    def _paged(self, held: list[Any], query: dict[str, str]) -> tuple[list[Any], str]:
        start = int(query.get("page_token") or 0)
        end = start + min(self.page, int(query.get("page_size", self.page)))
        return held[start:end], str(end) if end < len(held) else ""


def invalid(body: Any, parameters: dict[str, Any]) -> str:
    """What Kubeflow would find wrong with a pipeline and its arguments."""
    spec = body.get("pipeline_spec", body)
    try:
        parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(body.get("platform_spec", {}), pipeline_spec_pb2.PlatformSpec())
    except json_format.ParseError as error:
        return f"invalid pipeline spec: {error}"
    known = parsed.root.input_definitions.parameters
    unknown = set(parameters) - set(known)
    if unknown:
        return f"unknown parameters {sorted(unknown)}"
    needed = {
        name
        for name, about in known.items()
        if not about.HasField("default_value") and not about.is_optional
    }
    missing = needed - set(parameters)
    return f"missing parameters {sorted(missing)}" if missing else ""


@contextmanager
def serving(double: KfpDouble) -> Iterator[KfpDouble]:
    """On a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if double.token and self.headers.get("authorization") != f"Bearer {double.token}":
                status, told = 401, {"message": "no valid token"}
            else:
                status, told = double.handle(self.command, url.path, query, body)
            content = json.dumps(double.client.sanitize_for_serialization(told)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
