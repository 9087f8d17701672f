"""A finished run in MLflow: its figures and files, and the figures on the release that it measured."""

from __future__ import annotations

from collections.abc import Mapping

from groundwork.core.errors import NotFound
from groundwork.core.registry.base import Registry
from groundwork.core.registry.gate import Verdict
from groundwork.core.registry.tracking import Tracker
from groundwork.evals.report.files import FILES, HTML
from groundwork.evals.report.html import categories_plot, scores_plot, trend_plots
from groundwork.evals.report.plots import alone
from groundwork.evals.report.summary import Summary
from groundwork.evals.store import ROWS, RUN, RunFolder

EXPERIMENT = "evaluation"
# Figures on a release carry this prefix, beside those that its training may have left.
PREFIX = "eval/"


def track(tracker: Tracker, folder: RunFolder, summary: Summary, verdict: Verdict | None) -> str:
    """Log a run with its report; returns the id of the tracked run. Raises Unavailable."""
    run = summary.run
    params = {
        "suite": run.suite,
        "index": run.index,
        "index_version": run.index_version,
        "release": run.release,
        "set": run.set_digest,
        "questions": str(run.questions),
        "seed": str(run.seed),
        "judge": run.judge,
    }
    with tracker.run(EXPERIMENT, run.id, params) as tracked:
        tracked.metrics(figures(summary))
        tracked.tags({"evaluation": run.id, "release": run.release, **_said(summary, verdict)})
        for name in (RUN, ROWS, *FILES):
            tracked.file(name, (folder.path / name).read_bytes())
        for name, plot in _plots(summary).items():
            tracked.file(f"plots/{name}.svg", alone(plot).encode())
        return tracked.id


def note(registry: Registry, folder: RunFolder, summary: Summary) -> bool:
    """Keep the figures and the report with the release that was measured; False where it is not registered.

    An invalid run says nothing of a release. Raises Unavailable.
    """
    run = summary.run
    if run.invalid:
        return False
    try:
        release = registry.find(run.release)
    except NotFound:
        return False
    values = {f"{PREFIX}{name}": value for name, value in figures(summary).items()}
    registry.add_metrics(release, values)
    registry.add_file(release, f"{run.id}.html", (folder.path / HTML).read_bytes())
    return True


def figures(summary: Summary) -> dict[str, float]:
    """All means, right questions by category, time in milliseconds and cost in US dollars."""
    return {
        **{one.metric: one.now.mean for one in summary.lines},
        **{f"category/{name}": right.mean for name, _, right in summary.categories},
        "latency_ms_p50": summary.latency_ms.p50,
        "latency_ms_p95": summary.latency_ms.p95,
        "cost_usd": summary.picodollars.total / 1e12,
        "judge_cost_usd": summary.judge.picodollars / 1e12,
        "failed": float(summary.failed),
    }


def _said(summary: Summary, verdict: Verdict | None) -> Mapping[str, str]:
    said = {"invalid": summary.run.invalid} if summary.run.invalid else {}
    if verdict is not None:
        said["gate"] = "passed" if verdict.passed else "refused"
        said["gate_reasons"] = "; ".join(verdict.reasons)
    return said


def _plots(summary: Summary) -> dict[str, str]:
    trends = {f"trend-{name}": plot for name, plot in trend_plots(summary).items()}
    return {"scores": scores_plot(summary), "categories": categories_plot(summary), **trends}
