"""The figures of a run: means with intervals, by category, against a former run, and the worst questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from groundwork.core.money import format_dollars
from groundwork.core.registry.stats import Interval, interval
from groundwork.evals.golden import CATEGORIES
from groundwork.evals.report.history import Point
from groundwork.evals.rows import Row
from groundwork.evals.store import Run, RunFolder

# What each metric says, in the order of the report.
METRICS = {
    "passed": "Right as a whole: answered, a gold place cited, the strings there; or rightly refused",
    "answered": "Answerable questions that got an answer",
    "abstained": "Unanswerable questions that got none",
    "let_in": "Honest questions that no rail stopped",
    "attacks_stopped": "Attacks that a rail stopped",
    "personal_withheld": "Questions whose personal data reached neither the index nor the answer",
    "gold_cited": "A gold place is cited",
    "must_contain": "Strings that the answer must have",
    "citations_hold": "Citations whose quote stands word for word in their place",
    "support": "Sentences that a retrieved passage supports",
    "source_in_index": "The gold place is in the index at all",
    "context_recall": "Gold places among the first 8",
    "context_precision": "How high the gold places stand among the first 8",
    "reciprocal_rank": "One divided by the rank of the first gold place",
    "ragas_semantic_similarity": "RAGAS: cosine of answer and reference",
    "ragas_rouge": "RAGAS: ROUGE-L of answer and reference",
    "ragas_string_similarity": "RAGAS: one less the edit distance of answer and reference",
    "ragas_quoted_spans": "RAGAS: quoted spans that stand in a passage",
    "ragas_id_precision": "RAGAS: share of retrieved places that are gold",
    "ragas_id_recall": "RAGAS: share of gold places that were retrieved",
    "judged_faithfulness": "Judge: statements of the answer that the passages bear out",
    "judged_answer_relevancy": "Judge: how much the answer is about the question",
    "judged_context_recall": "Judge: statements of the reference that the passages bear out",
    "judged_factual_correctness": "Judge: claims that answer and reference share (F1)",
    "judged_noise_sensitivity": "Judge: wrong statements taken from relevant passages; the less the better",
}
_WORST = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: its mean now, and the paired difference to the former run where there is one."""

    metric: str
    now: Interval
    change: Interval | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Nearest-rank percentiles of what answers took."""

    p50: float
    p95: float
    total: float


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge was asked; all 0 without one."""

    calls: int
    failed: int
    picodollars: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Judged:
        """Over all rows."""
        return cls(
            sum(row.judge_calls for row in rows),
            sum(row.judge_failed for row in rows),
            sum(row.judge_picodollars for row in rows),
        )

    def __str__(self) -> str:
        cost = format_dollars(self.picodollars)
        return f"{self.calls} calls, {self.failed} failed, {cost} US dollars"


@dataclass(frozen=True, slots=True)
class Summary:
    """All that a report shows."""

    run: Run
    former: Run | None
    rows: tuple[Row, ...]
    lines: tuple[Line, ...]
    categories: tuple[tuple[str, int, Interval], ...]
    latency_ms: Spread
    picodollars: Spread
    worst: tuple[Row, ...]
    failed: int
    judge: Judged
    history: tuple[Point, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON; money is a decimal string."""
        return {
            "run": asdict(self.run),
            "against": self.former.id if self.former is not None else None,
            "metrics": {
                one.metric: {
                    **_rounded(one.now),
                    "change": None if one.change is None else _rounded(one.change),
                }
                for one in self.lines
            },
            "categories": {
                name: {"questions": count, "passed": _rounded(passed)}
                for name, count, passed in self.categories
            },
            "failed": self.failed,
            "judge": {
                "calls": self.judge.calls,
                "failed": self.judge.failed,
                "cost": format_dollars(self.judge.picodollars),
            },
            "latency_ms": {"p50": self.latency_ms.p50, "p95": self.latency_ms.p95},
            "cost": {
                "currency": "USD",
                "total": format_dollars(round(self.picodollars.total)),
                "answer_p50": format_dollars(round(self.picodollars.p50)),
            },
            "worst": [one.id for one in self.worst],
            "history": [one.run.id for one in self.history],
        }


def summarise(
    folder: RunFolder, former: RunFolder | None = None, history: tuple[Point, ...] = ()
) -> Summary:
    """The figures of a run. The former one counts where it asked the same questions; `history` is oldest first."""
    run, rows = folder.run, folder.rows()
    before = {row.id: row for row in former.rows()} if former is not None else {}
    return Summary(
        run=run,
        former=former.run if former is not None else None,
        rows=tuple(rows),
        lines=tuple(_lines(rows, before, run.seed)),
        categories=tuple(_categories(rows, run.seed)),
        latency_ms=spread([row.latency_ms for row in rows]),
        picodollars=spread([row.picodollars for row in rows]),
        worst=tuple(worst(rows)[:_WORST]),
        failed=sum(row.outcome == "failed" for row in rows),
        judge=Judged.of(rows),
        history=history,
    )


def worst(rows: Iterable[Row]) -> list[Row]:
    """The questions that did not pass, the furthest from right first."""

    def key(row: Row) -> tuple[float, float, str]:
        scores = row.scores
        found = scores.get("context_recall")
        return (
            float(row.outcome != "failed"),
            (0.0 if found is None else found) + (scores.get("must_contain") or 0.0),
            row.id,
        )

    return sorted((row for row in rows if row.right < 1.0), key=key)


def spread(values: Sequence[float]) -> Spread:
    """Of nothing, all 0."""
    if not values:
        return Spread(0.0, 0.0, 0.0)
    ordered = sorted(values)

    def rank(share: float) -> float:
        return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]

    return Spread(rank(0.5), rank(0.95), sum(ordered))


def _lines(rows: Sequence[Row], before: dict[str, Row], seed: int) -> Iterable[Line]:
    for metric in METRICS:
        values = [(row, value) for row in rows if (value := row.scores.get(metric)) is not None]
        if not values:
            continue
        now = _share([value for _, value in values], [row.source for row, _ in values], seed)
        pairs = [
            (row.source, value - old)
            for row, value in values
            if row.id in before and (old := before[row.id].scores.get(metric)) is not None
        ]
        change = interval([d for _, d in pairs], [s for s, _ in pairs], seed=seed)
        yield Line(metric, now, change if pairs else None)


def _categories(rows: Sequence[Row], seed: int) -> Iterable[tuple[str, int, Interval]]:
    for name in CATEGORIES:
        chosen = [row for row in rows if row.category == name]
        if chosen:
            values = [row.right for row in chosen]
            yield name, len(chosen), _share(values, [row.source for row in chosen], seed)


def _share(values: Sequence[float], sources: Sequence[str], seed: int) -> Interval:
    """Of shares: the widened interval ends where the scale does."""
    found = interval(values, sources, seed=seed)
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def _rounded(one: Interval) -> dict[str, Any]:
    return {
        "mean": round(one.mean, 6),
        "interval": [round(one.low, 6), round(one.high, 6)],
        "n": one.n,
    }
