"""Registries of every kind, for tests that all of them must pass."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from groundwork.core.registry.base import Candidate, Line, Lineage
from groundwork.core.registry.mlflow_client import open_client
from groundwork.core.registry.open import place_of
from groundwork.core.settings import RegistrySettings, Settings

LINE = Line("assistant", "docs")


def candidate(number: int = 1, line: Line = LINE, **changes: object) -> Candidate:
    """A release that differs by its number."""
    given: dict[str, object] = {
        "line": line,
        "content": {"number": number, "embedder": "m@1"},
        "files": {"recipe.json": b'{"number": %d}' % number, "weights.bin": bytes(range(256))},
        "lineage": Lineage({"index:docs": f"v{number}"}, "0.1.0+abc", ("rel-0",), "run-1"),
        "metrics": {"passed": 0.5},
        "card": f"# Release {number}\n",
    }
    return Candidate(**{**given, **changes})  # type: ignore[arg-type]


def settings_at(home: Path, url: str | None = None) -> Settings:
    """Settings with a registry at this place."""
    return Settings(home=home, registry=RegistrySettings(url=url))


@dataclass(frozen=True)
class KeptRun:
    """What MLflow has of a run."""

    id: str
    state: str
    curves: dict[str, list[float]]
    files: list[str]


def kept_runs(settings: Settings, experiment: str = "groundwork/training") -> list[KeptRun]:
    """Asked of MLflow itself."""
    client = open_client(place_of(settings), settings.home / "mlflow")
    found = client.get_experiment_by_name(experiment)
    kept = []
    for run in client.search_runs([found.experiment_id]):
        name = run.info.run_id
        curves = {
            metric: [one.value for one in client.get_metric_history(name, metric)]
            for metric in run.data.metrics
        }
        files = [
            file.path
            for folder in client.list_artifacts(name)
            for file in client.list_artifacts(name, folder.path)
        ]
        kept.append(KeptRun(name, run.info.status, curves, files))
    return kept


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """A real server on loopback, on the `mlflow.db` of a folder; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
    }
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--serve-artifacts",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "server.log")
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(30)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=2).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"MLflow did not start: {log.read_text()[-2000:]}")
