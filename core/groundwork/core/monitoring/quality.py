"""How good answers are, as far as the service can tell without a judge, and what people do with them."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram

from groundwork.core.answers import Answer
from groundwork.core.monitoring.bounded import Bounded

MAX_RAILS = 40
MAX_REASONS = 60
# Of every kind of release; `model` is what a person calls it.
MODELS = ("assistant", "ocr", "recommender", "injection")
# What can be shown and followed.
SHOWN = ("citation", "recommendation")

_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class QualityMetrics:
    """Counts and distributions; every label is from a small set."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rail = Bounded(MAX_RAILS)
        self._reason = Bounded(MAX_REASONS)
        self._scores = Histogram(
            "groundwork_retrieval_score",
            "Cosine of the best passage with the question.",
            buckets=_SHARES,
            registry=registry,
        )
        self._confidence = Histogram(
            "groundwork_model_confidence",
            "How sure a model is of what it says, 0 to 1.",
            ("model",),
            buckets=_SHARES,
            registry=registry,
        )
        self._first_token = Histogram(
            "groundwork_first_token_seconds",
            "From the question to the first words of its answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._rails = Counter(
            "groundwork_rail_verdicts",
            "What rails did other than to allow.",
            ("rail", "on", "verdict"),
            registry=registry,
        )
        self._cache = Counter(
            "groundwork_cache_lookups",
            "Answers by where they came from.",
            ("result",),
            registry=registry,
        )
        self._unanswered = Counter(
            "groundwork_unanswered",
            "Questions without an answer, by reason.",
            ("reason",),
            registry=registry,
        )
        self._shown = Counter(
            "groundwork_shown",
            "What people were shown and can follow.",
            ("what",),
            registry=registry,
        )
        self._clicks = Counter(
            "groundwork_clicks", "What people followed of it.", ("what",), registry=registry
        )  # fmt: skip
        for what in SHOWN:
            # From the start, so that a rate over nothing is 0 and not missing.
            self._shown.labels(what)
            self._clicks.labels(what)
        for result in ("hit", "miss"):
            self._cache.labels(result)

    def answered(self, answer: Answer) -> None:
        """Count what an answer says of itself."""
        kept = "cache" in answer.record
        self._cache.labels("hit" if kept else "miss").inc()
        for verdict in answer.rails:
            if verdict.verdict != "allow":
                self._rails.labels(self._rail(verdict.rail), verdict.on, verdict.verdict).inc()
        if answer.reason is not None and answer.outcome != "answered":
            self._unanswered.labels(self._reason(answer.reason)).inc()
        if answer.outcome in {"answered", "abstained"} and not kept:
            self._confidence.labels("assistant").observe(answer.confidence)
        self._shown.labels("citation").inc(len(answer.citations))

    def retrieved(self, signals: Mapping[str, float]) -> None:
        """Observe how near the best passage was; `signals` are those of a retrieval."""
        best = signals.get("best_cosine")
        if best is not None:
            self._scores.observe(best)

    def confidence(self, model: str, value: float) -> None:
        """Observe how sure a model other than the assistant was; `model` is one of `MODELS`."""
        self._confidence.labels(model).observe(value)

    def first_token(self, milliseconds: float) -> None:
        """Observe when the first words left."""
        self._first_token.observe(milliseconds / 1000)

    def shown(self, what: str, count: int = 1) -> None:
        """Count what people were shown: one of `SHOWN`."""
        self._shown.labels(what).inc(count)

    def clicked(self, what: str) -> None:
        """Count that somebody followed it."""
        self._clicks.labels(what).inc()
