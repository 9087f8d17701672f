"""Steps that measure the assistant: an ingest's new version before it goes live, and every night what answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from groundwork.core.errors import ConfigurationError
from groundwork.core.registry.gate import GateSettings, Measured
from groundwork.core.settings import Settings
from groundwork.ingestion.shards import Assembled
from groundwork.pipelines.report import page, table
from groundwork.pipelines.steps.step import Step, keep_result, read_json, step


def version(built_at: str, report_into: str, figures: dict[str, float]) -> str:
    """Whether the version may go live: the limits of ingests and, where one is set, a golden set. "" where it may.

    Writes an HTML page, and puts what was measured into `figures`.
    """
    with step("evaluate") as one:
        built = Assembled(**read_json(built_at))
        figures |= {"pages": built.pages, "chunks": built.chunks}
        rows = [("Pages", f"{built.pages:,}"), ("Chunks", f"{built.chunks:,}")]
        refusal = built.refusal or ""
        golden = one.settings.pipelines.golden
        if golden and not built.unchanged and not refusal:
            refusal, measured = _golden(one, Path(golden), built)
            figures |= measured
            rows += [(name, f"{value:.3f}") for name, value in sorted(measured.items())]
        rows.append(("Verdict", refusal or "may go live"))
        title = f"{built.index}@{built.version}"
        Path(report_into).parent.mkdir(parents=True, exist_ok=True)
        Path(report_into).write_text(page(title, table(("", ""), rows)), encoding="utf-8")
        one.done = refusal or "may go live"
        return refusal


def nightly(
    index: str, golden: str, suite: str, report_into: str, figures: dict[str, float]
) -> dict[str, Any]:
    """Put the golden set to what answers, and the run before the gate, against the champion's or the run before."""
    from groundwork.evals.evaluate import Job
    from groundwork.evals.nightly import nightly as measure

    with step("evaluate") as one:
        job = Job(suite, (_set(one.settings, golden),), index)
        night = measure(one.settings, job, one)
        figures |= _figures(night.verdict)
        Path(report_into).parent.mkdir(parents=True, exist_ok=True)
        Path(report_into).write_bytes(night.report.read_bytes())
        one.done = f"run {night.folder.run.id}: " + (
            "passed" if night.verdict.passed else "; ".join(night.verdict.reasons)
        )
        told = {
            "run": night.folder.run.id,
            "release": night.folder.run.release,
            "passed": night.verdict.passed,
            "refusal": "; ".join(night.verdict.reasons) or None,
            "tracked": night.tracked,
            "troubles": list(night.troubles),
        }
        keep_result(one.settings, told)
        return told


def _golden(one: Step, golden: Path, built: Assembled) -> tuple[str, dict[str, float]]:
    from groundwork.core.registry.base import ASSISTANT, CHAMPION, Line
    from groundwork.core.registry.open import open_registry
    from groundwork.evals.evaluate import Job, evaluate
    from groundwork.evals.nightly import measured, verdict_on
    from groundwork.evals.store import Runs
    from groundwork.pipelines.steps.live import candidate_of

    settings = one.settings
    release = candidate_of(settings, built.index, built.version)
    job = Job("golden", (golden,), built.index, release=release.id)
    folder = evaluate(settings, job, one)
    runs = Runs(settings.home)
    registry = open_registry(settings)
    try:
        champion = registry.aliases(Line(ASSISTANT, built.index)).get(CHAMPION)
    finally:
        registry.close()
    former = runs.of(champion, folder.run) if champion not in {None, release.id} else None
    verdict = verdict_on(folder, former or runs.before(folder.run), rules_for(measured(folder)))
    return "; ".join(verdict.reasons), _figures(verdict)


def rules_for(of: Measured) -> GateSettings:
    """The assistant's rules, but for what a set of one's own does not measure, such as attacks."""
    rules = GateSettings.read()
    return replace(rules, rules=tuple(rule for rule in rules.rules if of.values(rule.metric)))


def _figures(verdict: Any) -> dict[str, float]:
    return {
        one.rule.metric: round(one.candidate, 6)
        for one in verdict.metrics
        if one.candidate is not None
    }


def _set(settings: Settings, golden: str) -> Path:
    from groundwork.evals.golden import bundled_set

    named = golden or settings.pipelines.golden
    found = Path(named) if named else bundled_set()
    if found is None:
        raise ConfigurationError(
            "there is no golden set here; name one: GROUNDWORK_PIPELINES__GOLDEN"
        )
    return found
