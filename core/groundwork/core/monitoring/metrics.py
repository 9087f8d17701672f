"""Prometheus metrics with bounded cardinality.

Every label takes its values from a small set: route templates, known methods, status classes, stages and
outcomes that the code names, and at most `MAX_INDEXES` index names. Whatever else comes is counted as "other".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from groundwork.core.answers import Answer
from groundwork.core.monitoring.bounded import OTHER, Bounded
from groundwork.core.monitoring.money import MoneyMetrics
from groundwork.core.monitoring.quality import QualityMetrics

MAX_INDEXES = 50
MAX_STAGES = 30
MAX_ERRORS = 60
UNMATCHED = "unmatched"

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# From a health check's millisecond to a long generated answer.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PICO = 1e-12


class Metrics:
    """What one service counts, in a registry of its own, so that a process may hold several."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._index = Bounded(MAX_INDEXES)
        self._stage = Bounded(MAX_STAGES)
        self._error = Bounded(MAX_ERRORS)
        self._requests = self._counter(
            "groundwork_http_requests", "Requests answered.", "route", "method", "status"
        )
        self._request_seconds = self._histogram(
            "groundwork_http_request_seconds", "From the request's start to its end.", "route"
        )
        self._stage_seconds = self._histogram(
            "groundwork_stage_seconds", "Time by stage of an answer.", "stage"
        )
        self._answers = self._counter(
            "groundwork_answers", "Answers by how they ended.", "index", "outcome"
        )
        self._tokens = self._counter("groundwork_tokens", "Tokens by kind.", "kind")
        self._cost = self._counter("groundwork_cost_usd", "US dollars charged, by stage.", "stage")
        self._errors = self._counter("groundwork_errors", "Errors by their code.", "code")
        self.money = MoneyMetrics(self.registry)
        self.quality = QualityMetrics(self.registry)
        self._feedback = self._counter("groundwork_feedback", "Judgements of answers.", "rating")
        self._in_flight = Gauge(
            "groundwork_answers_in_flight", "Answers being written now.", registry=self.registry
        )
        self._live = Gauge(
            "groundwork_index_info",
            "1 for each index and the version that is live.",
            ("index", "version"),
            registry=self.registry,
        )
        self._built = Gauge(
            "groundwork_index_built_timestamp_seconds",
            "When the live version of an index was built.",
            ("index",),
            registry=self.registry,
        )
        self._checked = Gauge(
            "groundwork_index_checked_timestamp_seconds",
            "When an ingest last found or made the live version of an index to hold what its sources hold.",
            ("index",),
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request. `route` is a template, never a path."""
        known = method if method in _METHODS else OTHER
        self._requests.labels(route, known, f"{status // 100}xx").inc()
        self._request_seconds.labels(route).observe(seconds)

    def error(self, code: str) -> None:
        """Count an error that a caller was told, by the code of its problem document."""
        self._errors.labels(self._error(code)).inc()

    def answered(self, answer: Answer) -> None:
        """Count a finished answer: its outcome, tokens, cost and stages."""
        self.outcome(answer.index, answer.outcome)
        self.quality.answered(answer)
        usage = answer.usage
        self._tokens.labels("prompt").inc(usage.prompt_tokens)
        self._tokens.labels("cached_prompt").inc(usage.cached_tokens)
        self._tokens.labels("completion").inc(usage.completion_tokens)
        for charge in answer.charges:
            self._cost.labels(self._stage(charge.stage)).inc(charge.picodollars * _PICO)
        self.stages(answer.timings_ms)

    def outcome(self, index: str, outcome: str) -> None:
        """Count how an answer ended: answered, abstained, failed, cancelled."""
        self._answers.labels(self._index(index), outcome).inc()

    def stages(self, timings_ms: Mapping[str, float]) -> None:
        """Observe how long each stage took, in milliseconds."""
        for stage, milliseconds in timings_ms.items():
            self._stage_seconds.labels(self._stage(stage)).observe(milliseconds / 1000)

    def judged(self, rating: str) -> None:
        """Count one piece of feedback."""
        self._feedback.labels(rating).inc()

    def in_flight(self, count: int) -> None:
        """Say how many answers are being written."""
        self._in_flight.set(count)

    def live(self, versions: Iterable[tuple[str, str]]) -> None:
        """Replace what is known about live versions by these (index, version) pairs."""
        self._live.clear()
        for index, version in sorted(versions)[:MAX_INDEXES]:
            self._live.labels(index, version).set(1)

    def built(self, at: Mapping[str, float]) -> None:
        """Replace what is known about when live versions were built: seconds since 1970 by index."""
        self._built.clear()
        for index in sorted(at)[:MAX_INDEXES]:
            self._built.labels(index).set(at[index])

    def checked(self, at: Mapping[str, float]) -> None:
        """Replace what is known about when live versions were held against their sources, in the same way."""
        self._checked.clear()
        for index in sorted(at)[:MAX_INDEXES]:
            self._checked.labels(index).set(at[index])

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(name, help_text, labels, buckets=_SECONDS, registry=self.registry)
