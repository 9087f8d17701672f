"""From `groundwork release rollback` to answers of the former release, under load, against a service of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks.served import free_port, serve
from groundwork.core.settings import Settings

_GROUNDWORK = str(Path(sys.executable).with_name("groundwork"))
_CLIENTS = 8
_WARM_SECONDS = 3.0
_AFTER_SECONDS = 5.0
_QUESTIONS = (
    "How is the port of the service changed?",
    "How is an index rolled back?",
    "How do I make an API key?",
    "What does a rail do?",
)


def main(settings: Settings) -> None:
    """Two releases of the bundled guides, eight clients, one rollback."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        settings.models.mkdir(parents=True, exist_ok=True)
        (home / "models").symlink_to(settings.models)
        environment = {**os.environ, "GROUNDWORK_HOME": str(home)}
        docs = Path(__file__).resolve().parents[1] / "docs"
        _run(environment, "ingest", str(docs))
        _run({**environment, "GROUNDWORK_RETRIEVAL__PASSAGES": "5"}, "release", "create")
        newest = json.loads(_run(environment, "release", "list", "--json"))[0]["id"]
        _run(environment, "release", "promote", newest, "--force", "--reason", "bench")
        port = free_port()
        command = [_GROUNDWORK, "up", "--port", str(port)]
        with serve(command, port, "/readyz", home, environment) as server:
            print(asyncio.run(_measure(environment, server.root)))


def _run(environment: dict[str, str], *arguments: str) -> str:
    command = [_GROUNDWORK, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"groundwork {' '.join(arguments)}: {done.stderr[-500:]}")
    return done.stdout


async def _measure(environment: dict[str, str], base: str) -> str:
    seen: list[tuple[float, int, str]] = []
    async with aiohttp.ClientSession() as session:
        stop = asyncio.Event()
        clients = [asyncio.create_task(_ask(session, base, n, seen, stop)) for n in range(_CLIENTS)]
        await asyncio.sleep(_WARM_SECONDS)
        began = time.perf_counter()
        await asyncio.to_thread(_run, environment, "release", "rollback", "--reason", "bench")
        took = time.perf_counter() - began
        shown = await asyncio.to_thread(_run, environment, "release", "show", "--json")
        former = json.loads(shown)["id"]
        await asyncio.sleep(_AFTER_SECONDS)
        stop.set()
        await asyncio.gather(*clients)
    first = next((at for at, _, release in seen if release == former), None)
    failed = sum(status != 200 for _, status, _ in seen)
    until = "never" if first is None else f"{first - began:.1f}"
    return (
        "| clients | answers | failed | command, s | command to first answer of the former release, s |\n"
        "|---|---|---|---|---|\n"
        f"| {_CLIENTS} | {len(seen):,} | {failed} | {took:.1f} | {until} |"
    )


async def _ask(
    session: aiohttp.ClientSession,
    base: str,
    client: int,
    seen: list[tuple[float, int, str]],
    stop: asyncio.Event,
) -> None:
    n = client
    while not stop.is_set():
        n += 1
        # A suffix, so that nothing comes out of the cache.
        question = f"{_QUESTIONS[n % len(_QUESTIONS)]} ({client}/{n})"
        async with session.post(f"{base}/v1/ask", json={"question": question}) as response:
            body = await response.json()
            seen.append((time.perf_counter(), response.status, body.get("release", "")))
