"""The ledger against vLLM's own counters."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sql

from groundwork.core.errors import InvalidInput, Unavailable
from groundwork.core.metering.periods import Period
from groundwork.core.metering.reconcile import Comparison, Step
from groundwork.core.metering.reconcile.usage import used

_PROMPT = "vllm:prompt_tokens_total"
_GENERATED = "vllm:generation_tokens_total"
_FINISHED = "vllm:request_success_total"
_STARTED = "process_start_time_seconds"
_MAX_BYTES = 16 * 2**20
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Counters:
    """One model's counters since its engine started."""

    prompt: int = 0
    generated: int = 0
    finished: int = 0

    def since(self, before: Counters) -> Counters | None:
        """What was counted in between; None where the engine was restarted meanwhile."""
        gone = Counters(
            self.prompt - before.prompt,
            self.generated - before.generated,
            self.finished - before.finished,
        )
        return None if min(gone.prompt, gone.generated, gone.finished) < 0 else gone


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An engine's counters by model, and when its process started (milliseconds), where it says so."""

    models: Mapping[str, Counters]
    started: int | None


def read_metrics(source: str) -> str:
    """The text behind an http(s) URL, or of a file that was saved from one. Raises Unavailable or InvalidInput."""
    if source.startswith(("http://", "https://")):
        try:
            with urllib.request.urlopen(source, timeout=_SECONDS) as response:  # noqa: S310  # http(s), checked above
                return str(response.read(_MAX_BYTES).decode())
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise Unavailable(f"{source} does not answer: {error}", field="metrics") from error
    try:
        return Path(source).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{source} cannot be read: {error}", field="metrics") from error


def parse_metrics(text: str) -> Snapshot:
    """Counters out of Prometheus' text format, summed over engines. Raises InvalidInput."""
    from prometheus_client.parser import text_string_to_metric_families

    sums: dict[str, dict[str, int]] = {}
    started = None
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == _STARTED:
                    started = int(sample.value * 1000)
                model = sample.labels.get("model_name")
                if model is not None and sample.name in {_PROMPT, _GENERATED, _FINISHED}:
                    of_model = sums.setdefault(model, {})
                    of_model[sample.name] = of_model.get(sample.name, 0) + int(sample.value)
    except ValueError as error:
        raise InvalidInput(
            f"that is not Prometheus' text format: {error}", field="metrics"
        ) from error
    if not any(_PROMPT in counts for counts in sums.values()):
        raise InvalidInput(
            f"there is no {_PROMPT} in it; give the address of a vLLM engine's /metrics",
            field="metrics",
        )
    models = {
        model: Counters(counts.get(_PROMPT, 0), counts.get(_GENERATED, 0), counts.get(_FINISHED, 0))
        for model, counts in sums.items()
    }
    return Snapshot(models, started)


def compare_engine(
    connection: sql.Connection, now: Snapshot, period: Period, before: Snapshot | None = None
) -> list[Comparison]:
    """Prompt tokens, generated tokens and requests of every model that the engine serves.

    Without `before` the counters run since the engine's start, and a period that begins later or earlier is
    named as a reason. Raises InvalidInput where the engine was restarted after `before`.
    """
    if before is None and period.start is None:
        period = Period(now.started, period.end)
    found = []
    for model, counters in sorted(now.models.items()):
        counted: Counters | None = counters
        if before is not None:
            counted = counters.since(before.models.get(model, Counters()))
        if counted is None:
            raise InvalidInput(
                f"the counters of {model} are lower than in the earlier snapshot: the engine was restarted, and what"
                " it counted before is lost; take a snapshot before each restart",
                field="metrics",
            )
        found += _compare(connection, model, counted, period)
    return found


def _compare(
    connection: sql.Connection, model: str, counted: Counters, period: Period
) -> list[Comparison]:
    own = used(connection, model, period)
    missing = counted.finished - own.requests
    compared = []
    for name, ledger, engine in (
        ("prompt tokens", own.prompt, counted.prompt),
        ("generated tokens", own.generated, counted.generated),
        ("requests", own.requests, counted.finished),
    ):
        steps = [Step("ledger", ledger)]
        if engine != ledger:
            steps.append(_difference(own.requests, missing, ledger, engine))
        compared.append(
            Comparison(f"{model}: {name}", (*steps, Step("engine", engine)), engine == ledger)
        )
    return compared


def _difference(requests: int, missing: int, ledger: int, engine: int) -> Step:
    if missing > 0:
        mean = f", {(engine - ledger) / missing:,.1f} each" if engine > ledger else ""
        why = f"the engine finished {missing:,} requests that the ledger has not{mean}: sent past the service, or not posted yet"
    elif missing < 0:
        why = f"the ledger has {-missing:,} requests that the engine did not finish: cut streams, another engine, or before its start"
    else:
        why = f"the same {requests:,} requests were counted differently: cut streams, or tokens that the engine did not report"
    return Step("difference", engine - ledger, why=why)
