"""A real vLLM server on loopback, over a tiny model of random weights."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".vllm"
CHECKPOINT = ENVIRONMENT / "tiny-llama"
MODEL = "tiny-llama"
WINDOW = 4096
READY_SECONDS = 300.0
_RUNNING = re.compile(r"^vllm:num_requests_running(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)

# The settings that a GPU is served with, and what a processor and a tiny model need instead.
_OPTIONS = (
    "--config", str(ROOT / "deploy" / "vllm" / "serve.yaml"),
    "--served-model-name", MODEL,
    "--max-model-len", str(WINDOW),
    "--dtype", "bfloat16",
    "--enforce-eager",
    "--block-size", "32",
    "--kv-cache-memory-bytes", str(128 * 2**20),
)  # fmt: skip


def installed() -> bool:
    """Whether tools/vllm_env.sh has done its work."""
    return any(ENVIRONMENT.glob(".ready-*"))


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class VllmServer:
    """One server; it can be killed and started again. Its log is kept in the file `log`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> str:
        """Where /health, /metrics and /tokenize are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base of the OpenAI API."""
        return f"{self.root}/v1"

    def ensure(self) -> None:
        """Start it, unless it runs. Returns when it is healthy; raises RuntimeError with its log where it is not."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        self._build_checkpoint()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(ENVIRONMENT / "bin" / "vllm"), "serve", str(CHECKPOINT), *_OPTIONS, "--port", str(self.port)],
                env=_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                # A process group of its own: the engine is a child of the server, and both must go.
                start_new_session=True,
            )  # fmt: skip
        self._wait()

    def kill(self) -> None:
        """SIGKILL, to the server and its engine at once: what an out-of-memory kill or a lost node looks like."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it politely, then by force."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        # Also what the server has left behind.
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def running_requests(self) -> int:
        """Requests that the engine is working on, by its own count."""
        found = _RUNNING.findall(self._get("/metrics")[1])
        assert found, "vLLM's name for its running requests has changed"
        return round(sum(map(float, found)))

    async def comes_to(self, running: int, within: float) -> bool:
        """Whether the engine's running requests come to this number within so many seconds."""
        deadline = time.monotonic() + within
        while await asyncio.to_thread(self.running_requests) != running:
            if time.monotonic() > deadline:
                return False
        return True

    def _signal(self, number: int) -> None:
        assert self._process is not None
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _build_checkpoint(self) -> None:
        subprocess.run(
            [str(ENVIRONMENT / "bin" / "python"), str(ROOT / "tools" / "vllm_checkpoint.py"), str(CHECKPOINT)],
            env=_environment(), check=True, capture_output=True,
        )  # fmt: skip

    def _wait(self) -> None:
        assert self._process is not None
        began = time.monotonic()
        said = 0
        while time.monotonic() - began < READY_SECONDS:
            if self._process.poll() is not None:
                raise RuntimeError(f"vllm serve ended at its start:\n{self._tail()}")
            if self._healthy():
                return
            waited = int(time.monotonic() - began)
            if waited >= said + 10:
                said = waited
                print(f"waiting for vllm serve: {waited} s", file=sys.__stderr__, flush=True)
            time.sleep(0.25)
        self.stop()
        raise RuntimeError(f"vllm serve is not healthy after {READY_SECONDS} s:\n{self._tail()}")

    def _healthy(self) -> bool:
        try:
            return self._get("/health")[0] == 200
        except (HTTPException, OSError):
            return False

    def _get(self, path: str) -> tuple[int, str]:
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"}
