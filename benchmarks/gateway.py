"""What Groundwork adds in front of an engine: to the first token, to one request, and to the throughput of streams.

The engine is the HTTP double, so that only the way there is measured. It, Groundwork and, where tools/litellm_env.sh
has made its environment, LiteLLM's proxy run in a process of their own, with one worker each; this process is the
client. Every figure comes from rounds that go to each of them in turn, so that what else the machine does meets all.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np

from benchmarks.data import ROOT
from benchmarks.load import Body, Client, Target, Timings
from benchmarks.search import QUESTIONS
from benchmarks.served import Server, free_port, serve
from benchmarks.setup import ingest_folder
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.export import exported

STREAMS = (1, 16, 64)
LITELLM = ROOT / ".litellm"
# It refuses to start without one.
_LITELLM_KEY = "sk-" + secrets.token_hex(16)
_MODEL = "double"
# A small model on a GPU: 20 ms to the first token, 100 tokens a second.
_PACED = {"tokens": 64, "first_token_seconds": 0.02, "token_seconds": 0.01}
_FAST = {"tokens": 35, "text": "An answer of some words that are repeated until there are enough. "}
_PATH_ROUNDS = 6
_PATH_REQUESTS = {1: 12, 16: 4, 64: 2}
_PLAIN_ROUNDS = 10
_PLAIN_REQUESTS = 40
_STREAM_ROUNDS = 4
_STREAM_SECONDS = 2.5
_WARM_UP = 8


@dataclass(slots=True)
class Measured:
    """One target at one number of clients."""

    timings: Timings = field(default_factory=Timings)
    cpu: float = 0.0

    @property
    def cpu_micros(self) -> float:
        """CPU microseconds of the server a request."""
        return self.cpu / len(self.timings.whole) * 1e6


@dataclass(frozen=True, slots=True)
class Bench:
    """What runs: the double, and by name whatever stands in front of it."""

    client: Client
    double: Server
    servers: Mapping[str, Server]

    def script(self, script: Mapping[str, Any]) -> None:
        """Change how the double behaves."""
        _post(f"{self.double.root}/control", script)

    def asked(self) -> int:
        """Requests that have reached the double."""
        # An address of loopback that this module has made.
        with urlopen(f"{self.double.root}/control") as answer:  # noqa: S310
            return int(json.load(answer)["requests"])


def main(settings: Settings) -> None:
    """Print three Markdown tables."""
    home = _home(settings)
    with _double() as double, _groundwork(home, double) as groundwork, ExitStack() as more:
        servers = {"direct": double, "Groundwork": groundwork}
        if any(LITELLM.glob(".ready-*")):
            servers["LiteLLM"] = more.enter_context(_litellm(double))
        else:
            print("LiteLLM is not measured: tools/litellm_env.sh makes its environment.\n")
        asyncio.run(_measure(double, servers))
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.")


async def _measure(double: Server, servers: Mapping[str, Server]) -> None:
    async with Client() as client:
        bench = Bench(client, double, servers)
        await _whole_path(bench)
        await _one_request(bench)
        await _throughput(bench)


async def _whole_path(bench: Bench) -> None:
    bench.script(_PACED)
    targets = {
        "direct": Target("direct", f"{bench.double.root}/v1/chat/completions", _prompted),
        "Groundwork": Target("Groundwork", f"{bench.servers['Groundwork'].root}/v1/ask", _question),
    }
    await _warm_up(bench, targets)
    print(
        "The whole path of a question, streamed: rails, embedding, hybrid search over the bundled guides, prompt. "
        f"The double needs 20 ms to the first of 64 tokens and 10 ms for each. {_PATH_ROUNDS} rounds.\n"
    )
    print(
        "| streams | n | first token direct p50/p95 ms | through Groundwork p50/p95 ms "
        "| added p50 ms | added p95 ms | CPU ms a request |"
    )
    print("|---|---|---|---|---|---|---|")
    for streams in STREAMS:
        before = bench.asked()
        taken = await _rounds(bench, targets, streams, _PATH_ROUNDS, each=_PATH_REQUESTS[streams])
        direct, through = (_quantiles(taken[name].timings.first) for name in targets)
        n = len(taken["Groundwork"].timings.first)
        if bench.asked() - before < 2 * n:
            raise RuntimeError("some answers did not come from the engine")
        print(
            f"| {streams} | {n} | {direct[0]:.1f} / {direct[1]:.1f} | {through[0]:.1f} / {through[1]:.1f} "
            f"| {through[0] - direct[0]:.1f} | {through[1] - direct[1]:.1f} "
            f"| {taken['Groundwork'].cpu_micros / 1000:.1f} |"
        )


async def _one_request(bench: Bench) -> None:
    bench.script(_FAST)
    print(
        f"\nThe gateway alone, one client: {_PLAIN_ROUNDS} rounds of {_PLAIN_REQUESTS} requests to each in turn.\n"
    )
    print("| what | to | p50 ms | p95 ms | added p50 ms | CPU µs a request |")
    print("|---|---|---|---|---|---|")
    for what, stream in (("plain answer", False), ("first token of a stream", True)):
        targets = _gateways(bench, stream=stream)
        await _warm_up(bench, targets)
        taken = await _rounds(bench, targets, 1, _PLAIN_ROUNDS, each=_PLAIN_REQUESTS)
        base = _quantiles(_of(taken["direct"], stream=stream))[0]
        for name, measured in taken.items():
            p50, p95 = _quantiles(_of(measured, stream=stream))
            print(
                f"| {what} | {name} | {p50:.2f} | {p95:.2f} | {p50 - base:.2f} | {measured.cpu_micros:.0f} |"
            )


async def _throughput(bench: Bench) -> None:
    targets = _gateways(bench, stream=True)
    print(
        f"\nStreams of 35 tokens from an engine without delay, {_STREAM_ROUNDS} rounds of {_STREAM_SECONDS} s.\n"
    )
    print(
        "| streams | to | streams a second | share of direct | times LiteLLM | CPU µs a request |"
    )
    print("|---|---|---|---|---|---|")
    for streams in STREAMS:
        taken = await _rounds(bench, targets, streams, _STREAM_ROUNDS, seconds=_STREAM_SECONDS)
        rates = {name: measured.timings.rate for name, measured in taken.items()}
        for name, rate in rates.items():
            times = f"{rate / rates['LiteLLM']:.1f}" if "LiteLLM" in rates else "–"
            print(
                f"| {streams} | {name} | {rate:.1f} | {rate / rates['direct']:.0%} | {times} "
                f"| {taken[name].cpu_micros:.0f} |"
            )


async def _rounds(
    bench: Bench,
    targets: Mapping[str, Target],
    clients: int,
    rounds: int,
    *,
    each: int = 0,
    seconds: float = 0.0,
) -> dict[str, Measured]:
    """Each target in turn, again and again. The one that begins moves on, so that none always comes first."""
    taken = {name: Measured() for name in targets}
    order = list(targets)
    for turn in range(rounds):
        shift = turn % len(order)
        for name in order[shift:] + order[:shift]:
            server = bench.servers[name]
            before = server.cpu_seconds()
            if seconds:
                timings = await bench.client.lasting(targets[name], clients, seconds)
            else:
                timings = await bench.client.requests(targets[name], clients, each)
            taken[name].timings.extend(timings)
            taken[name].cpu += server.cpu_seconds() - before
    return taken


async def _warm_up(bench: Bench, targets: Mapping[str, Target]) -> None:
    for target in targets.values():
        await bench.client.requests(target, 1, _WARM_UP)


def _gateways(bench: Bench, *, stream: bool) -> dict[str, Target]:
    """The same request to the double itself and through everything in front of it."""
    models = {"direct": _MODEL, "Groundwork": "engine/default", "LiteLLM": _MODEL}
    return {
        name: Target(
            name,
            f"{server.root}/v1/chat/completions",
            _chat(models[name], stream=stream),
            {"Authorization": f"Bearer {_LITELLM_KEY}"} if name == "LiteLLM" else {},
        )
        for name, server in bench.servers.items()
    }


def _chat(model: str, *, stream: bool) -> Body:
    def body(n: int) -> dict[str, Any]:
        said = [{"role": "user", "content": f"Say something about number {n}."}]
        more = {"stream_options": {"include_usage": True}} if stream else {}
        return {"model": model, "messages": said, "stream": stream, "max_tokens": 64, **more}

    return body


def _question(n: int) -> dict[str, Any]:
    return {"question": QUESTIONS[n % len(QUESTIONS)], "stream": True}


def _prompted(n: int) -> dict[str, Any]:
    """As long as a prompt with its passages, so that the double has as much to read."""
    return {
        **_chat(_MODEL, stream=True)(n),
        "messages": [_PASSAGES, *_chat("", stream=True)(n)["messages"]],
    }


_PASSAGES = {"role": "system", "content": "A passage about a setting and what it does. " * 180}


def _of(measured: Measured, *, stream: bool) -> list[float]:
    return measured.timings.first if stream else measured.timings.whole


def _quantiles(seconds: list[float]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    p50, p95 = np.quantile(np.array(seconds) * 1000, (0.5, 0.95))
    return float(p50), float(p95)


def _home(settings: Settings) -> Path:
    """A home of its own with the guides indexed, and the exported model of the other one."""
    home = settings.home / "gateway"
    home.mkdir(parents=True, exist_ok=True)
    if settings.embedder.engine == "onnx":
        exported(settings.embedder.model, settings.models)
        if not (home / "models").exists():
            (home / "models").symlink_to(settings.models)
    ingest_folder(settings.model_copy(update={"home": home}), ROOT / "docs", "docs")
    return home


@contextmanager
def _double() -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "groundwork.serving.engine.double", "--port", str(port)]
    with serve(command, port, "/health", ROOT) as server:
        yield server


@contextmanager
def _groundwork(home: Path, double: Server) -> Iterator[Server]:
    """The command, as people run it. What it has in flight is bounded above what the clients have."""
    port = free_port()
    environment = {
        "GROUNDWORK_HOME": str(home),
        "GROUNDWORK_GENERATOR__URL": f"{double.root}/v1",
        "GROUNDWORK_GENERATOR__PASSTHROUGH": "true",
        "GROUNDWORK_GENERATOR__MAX_CONCURRENCY": "128",
        "GROUNDWORK_SERVICE__MAX_CONCURRENCY": "128",
        # The same questions come again, and it is the path that is measured.
        "GROUNDWORK_CACHE__MODE": "off",
    }
    command = [str(Path(sys.executable).with_name("groundwork")), "up", "--port", str(port)]
    with serve(command, port, "/readyz", home, environment) as server:
        yield server


@contextmanager
def _litellm(double: Server) -> Iterator[Server]:
    port = free_port()
    upstream = {"model": f"openai/{_MODEL}", "api_base": f"{double.root}/v1", "api_key": "none"}
    config = {
        "model_list": [{"model_name": _MODEL, "litellm_params": upstream}],
        "litellm_settings": {"telemetry": False},
    }
    # The table of prices would be downloaded.
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MASTER_KEY": _LITELLM_KEY,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        # JSON is YAML.
        path.write_text(json.dumps(config))
        command = [
            str(LITELLM / "bin" / "litellm"), "--config", str(path),
            "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1",
        ]  # fmt: skip
        with serve(command, port, "/health/liveliness", Path(folder), environment) as server:
            yield server


def _post(url: str, content: Mapping[str, Any]) -> None:
    # An address of loopback that this module has made.
    request = Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310
        answer.read()
