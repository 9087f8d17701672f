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
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
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
from groundwork.core.metering.catalogue import Catalogue
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.price_files import Price
from groundwork.core.metering.tally import INPUT, OUTPUT
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.export import exported

STREAMS = (1, 16, 64)
LITELLM = ROOT / ".litellm"
# It refuses to start without one.
_LITELLM_KEY = "sk-" + secrets.token_hex(16)
# Sends a sentence when it is whole and supported, so its first text waits for the engine's first sentence.
_CHECKED = "Groundwork, whole sentences"
_MODEL = "double"
# A small model on a GPU: 20 ms to the first token, 100 tokens a second. And the same without the time between tokens,
# which shows the work alone: what an output rail's window waits for is the engine's time.
_PACED = {"tokens": 64, "first_token_seconds": 0.02, "token_seconds": 0.01}
_AT_ONCE = {**_PACED, "token_seconds": 0.0}
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
    # A bench that is told to stop takes its servers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    home = _home(settings)
    with ExitStack() as more:
        double = more.enter_context(_double())
        servers = {
            "direct": double,
            "Groundwork": more.enter_context(_groundwork(home, double, "flag")),
            _CHECKED: more.enter_context(_groundwork(home, double, "remove")),
        }
        if any(LITELLM.glob(".ready-*")):
            servers["LiteLLM"] = more.enter_context(_litellm(double))
        else:
            print("LiteLLM is not measured: tools/litellm_env.sh makes its environment.\n")
        asyncio.run(_measure(double, servers))
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.")


async def _measure(double: Server, servers: Mapping[str, Server]) -> None:
    async with Client() as client:
        bench = Bench(client, double, servers)
        print(
            "The whole path of a question, streamed: rails, embedding, hybrid search, prompt, window."
        )
        await _whole_path(bench, _PACED, "20 ms to the first of 64 tokens, 10 ms for each")
        await _whole_path(bench, _AT_ONCE, "20 ms to the first of 64 tokens, the others at once")
        await _one_request(bench)
        await _throughput(bench)


async def _whole_path(bench: Bench, script: Mapping[str, Any], engine: str) -> None:
    bench.script(script)
    questions = _answered(bench.servers["Groundwork"])
    targets = {
        "direct": Target("direct", f"{bench.double.root}/v1/chat/completions", _prompted),
        **{
            name: Target(name, f"{bench.servers[name].root}/v1/ask", _asks(questions))
            for name in ("Groundwork", _CHECKED)
        },
    }
    await _warm_up(bench, targets)
    print(
        f"\nThe engine needs {engine}. {_PATH_ROUNDS} rounds, {len(questions)} questions; callers begin evenly over "
        "the time of one answer and ask again when they have theirs.\n"
    )
    print(
        "| streams | to | n | first text p50 ms | p95 ms | added p50 ms | added p95 ms | CPU ms |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for streams in STREAMS:
        before = bench.asked()
        taken = await _rounds(
            bench,
            targets,
            streams,
            _PATH_ROUNDS,
            each=_PATH_REQUESTS[streams],
            spread=script["first_token_seconds"] + script["tokens"] * script["token_seconds"],
        )
        base = _quantiles(taken["direct"].timings.first)
        for name, measured in taken.items():
            p50, p95 = _quantiles(measured.timings.first)
            print(
                f"| {streams} | {name} | {len(measured.timings.first)} | {p50:.1f} | {p95:.1f} "
                f"| {p50 - base[0]:.1f} | {p95 - base[1]:.1f} | {measured.cpu_micros / 1000:.1f} |"
            )
        if bench.asked() - before != sum(len(each.timings.first) for each in taken.values()):
            raise RuntimeError("some answers did not come from the engine")


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
    spread: float = 0.0,
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
                timings = await bench.client.requests(targets[name], clients, each, spread)
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
        if name != _CHECKED
    }


def _chat(model: str, *, stream: bool) -> Body:
    def body(n: int) -> dict[str, Any]:
        said = [{"role": "user", "content": f"Say something about number {n}."}]
        more = {"stream_options": {"include_usage": True}} if stream else {}
        return {"model": model, "messages": said, "stream": stream, "max_tokens": 64, **more}

    return body


def _asks(questions: Sequence[str]) -> Body:
    return lambda n: {"question": questions[n % len(questions)], "stream": True}


def _answered(server: Server) -> list[str]:
    """The questions that the guides answer today: another one would not reach the engine."""
    return [
        question
        for question in QUESTIONS
        if _post(f"{server.root}/v1/ask", {"question": question})["usage"]["completion_tokens"]
    ]


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
    own = settings.model_copy(update={"home": home})
    ingest_folder(own, ROOT / "docs", "docs")
    _price(own)
    return home


def _price(settings: Settings) -> None:
    """What the double's tokens cost: without a price an engine is not handed through."""
    ledger = Ledger.open(settings.ledger_url)
    prices = [Price(_MODEL, meter, 1_000_000, "2026-01-01") for meter in (INPUT, OUTPUT)]
    Catalogue(ledger.engine).add(prices, source="benchmark", actor="benchmark")
    ledger.engine.dispose()


@contextmanager
def _double() -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "groundwork.serving.engine.double", "--port", str(port)]
    with serve(command, port, "/health", ROOT) as server:
        yield server


@contextmanager
def _groundwork(home: Path, double: Server, unsupported: str) -> Iterator[Server]:
    """The command, as people run it. What it has in flight is bounded above what the clients have."""
    port = free_port()
    environment = {
        "GROUNDWORK_HOME": str(home),
        "GROUNDWORK_GENERATOR__URL": f"{double.root}/v1",
        "GROUNDWORK_GENERATOR__UNSUPPORTED": unsupported,
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


def _post(url: str, content: Mapping[str, Any]) -> Any:
    # An address of loopback that this module has made.
    request = Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310
        return json.load(answer)
