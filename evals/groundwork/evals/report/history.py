"""How a metric went over the last runs that asked the same questions of the same index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from groundwork.core.registry.stats import Interval
from groundwork.evals.store import Run, RunFolder, Runs

# A month of nights.
RUNS = 30


@dataclass(frozen=True, slots=True)
class Point:
    """One run's means, by metric."""

    run: Run
    means: Mapping[str, Interval]


def history(runs: Runs, run: Run, most: int = RUNS) -> tuple[Point, ...]:
    """The finished and valid runs up to this one, oldest first, this one left out: its summary may not be written yet."""
    found: list[Point] = []
    for folder in runs.all():
        other = folder.run
        same = (other.set_digest, other.index) == (run.set_digest, run.index)
        # Not by id: two runs of one second have ids in any order.
        earlier = other.id != run.id and other.started_at <= run.started_at
        if not same or other.finished_at is None or other.invalid or not earlier:
            continue
        means = _means(folder)
        if means:
            found.append(Point(other, means))
        if len(found) >= most:
            break
    return tuple(reversed(found))


def _means(folder: RunFolder) -> dict[str, Interval]:
    """From the summary beside the rows; nothing where there is none that can be read."""
    try:
        metrics = orjson.loads((folder.path / "summary.json").read_bytes())["metrics"]
        return {
            name: Interval(one["mean"], one["interval"][0], one["interval"][1], one["n"])
            for name, one in metrics.items()
        }
    except (OSError, ValueError, LookupError, TypeError):
        return {}
