"""Steps that measure the assistant: an ingest's new version before it goes live, and every night what answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import ConfigurationError
from groundwork.core.registry.gate import GateSettings, Measured
from groundwork.core.settings import Settings
from groundwork.ingestion.shards import Assembled
from groundwork.pipelines.report import page, table
from groundwork.pipelines.steps.step import Step, keep_result, read_json, step

if TYPE_CHECKING:
    from groundwork.evals.store import RunFolder

# The bundled questions are about an index that holds this share of the pages they ask for.
_ABOUT = 0.5


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
            refusal, measured = judged(one, Path(golden), built.index, built.version)
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


def judged(one: Step, golden: Path, index: str, version: str) -> tuple[str, dict[str, float]]:
    """Put a golden set to a version that is built and not live, as a release, and the run before the gate, against what
    answers now. Returns why the version must not go live, "" where it may, and what was measured.
    """
    from groundwork.evals.evaluate import Job, evaluate
    from groundwork.evals.nightly import conclude, measured
    from groundwork.pipelines.steps.live import candidate_of

    release = candidate_of(one.settings, index, version).id
    folder = evaluate(one.settings, Job("golden", (golden,), index, release=release), one)
    night = conclude(
        one.settings,
        folder,
        post=False,
        against=_live_run(one, golden, folder, release),
        rules=rules_for(measured(folder)),
    )
    return "; ".join(night.verdict.reasons), _figures(night.verdict)


def golden_for(settings: Settings, index: str) -> Path | None:
    """The golden set that a new version of this index has to pass: that of the settings, else the bundled one, where it is
    about the index; None where only the limits of ingests count.
    """
    from groundwork.evals.golden import bundled_set, load_examples
    from groundwork.ingestion.version import live_manifest
    from groundwork.pipelines.compose import open_index_store

    if settings.pipelines.golden:
        return Path(settings.pipelines.golden)
    bundled = bundled_set()
    if bundled is None:
        return None
    with open_index_store(settings) as store:
        live = live_manifest(store, index)
    held = live.by_page() if live is not None else {}
    pages = {one.source for one in load_examples((bundled,)) if one.gold}
    # What is live decides, not the new version: that may have lost the very pages.
    about = sum(page in held for page in pages) >= _ABOUT * len(pages)
    return bundled if about else None


def _live_run(one: Step, golden: Path, candidate: RunFolder, release: str) -> RunFolder | None:
    """The run of what answers now on the same questions, made where there is none; None where nothing answers."""
    from groundwork.core.registry.base import ASSISTANT, CHAMPION, Line
    from groundwork.core.registry.open import open_registry
    from groundwork.evals.evaluate import Job, evaluate
    from groundwork.evals.store import Runs
    from groundwork.pipelines.compose import open_index_store

    settings, index = one.settings, candidate.run.index
    with open_index_store(settings) as store:
        if store.alias(index) is None:
            return None
    registry = open_registry(settings)
    try:
        champion = registry.aliases(Line(ASSISTANT, index)).get(CHAMPION)
    finally:
        registry.close()
    if champion == release:
        return None
    known = Runs(settings.home).of(champion, candidate.run) if champion else None
    return known or evaluate(settings, Job("golden", (golden,), index, release=champion), one)


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
