"""Groundwork itself, as people run it: `groundwork up` in a process of its own, in front of an engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.vllm.server import free_port

PAGES = 12
_COMMAND = str(Path(sys.executable).with_name("groundwork"))
_READY_SECONDS = 60.0


def write_handbook(folder: Path) -> None:
    """A page a pump."""
    folder.mkdir(parents=True)
    for n in range(PAGES):
        (folder / f"page{n}.md").write_text(
            f"# Pump {n}\n\n## Set the limit\n\nThe limit of pump {n} is set with `limit={n}`. "
            f"It is read when the pump starts, and pump {n} stops where the limit is passed.\n"
        )


@contextmanager
def service(home: Path, engine_url: str, **settings: str) -> Iterator[str]:
    """Ingest the handbook and serve; gives the address. `settings` are variables without their prefix."""
    home.mkdir(parents=True)
    write_handbook(home / "handbook")
    port = free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "GROUNDWORK_HOME": str(home / "state"),
        "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
        # The hashing embedder's cosines are low; abstention is measured elsewhere.
        "GROUNDWORK_RETRIEVAL__THRESHOLD": "0",
        "GROUNDWORK_GENERATOR__URL": engine_url,
        # A model of random weights writes nothing that a passage supports.
        "GROUNDWORK_GENERATOR__UNSUPPORTED": "flag",
        "GROUNDWORK_CACHE__MODE": "off",
        **{f"GROUNDWORK_{name}": value for name, value in settings.items()},
    }
    # The working directory has no groundwork.toml.
    subprocess.run(
        [_COMMAND, "ingest", str(home / "handbook"), "--index", "docs"],
        cwd=home, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    log = home / "service.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [_COMMAND, "up", "--port", str(port)],
            cwd=home, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
        except (HTTPException, OSError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"groundwork up is not ready:\n{log.read_text(errors='replace')[-4000:]}")


async def events(
    http: aiohttp.ClientSession, path: str, body: dict[str, Any]
) -> AsyncGenerator[tuple[str, Any], None]:
    """The stream's events as (name, data): unnamed ones as "chunk", the last one of OpenAI's as "[DONE]"."""
    async with http.post(path, json={**body, "stream": True}) as response:
        assert response.status == 200, await response.text()
        name = "chunk"
        async for raw in response.content:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line == "data: [DONE]":
                yield "[DONE]", None
            elif line.startswith("data: "):
                yield name, orjson.loads(line.removeprefix("data: "))
                name = "chunk"
