"""The steps of the pipeline `retrain` around those of `train`: what is to be made anew, and how it came out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from groundwork.core.errors import ConfigurationError, InvalidInput
from groundwork.core.monitoring.checks import note_check
from groundwork.core.monitoring.retraining import Desk, Ended, Trigger
from groundwork.core.registry.base import ASSISTANT, CHAMPION, Line
from groundwork.core.settings import Settings
from groundwork.ingestion.ingest import IngestResult, ingest
from groundwork.pipelines.compose import (
    ingest_request,
    open_index_store,
    open_tools,
    parse_options,
    traced_ingest,
)
from groundwork.pipelines.runs import RunFolder
from groundwork.pipelines.steps.desk import desk_hears, end_run
from groundwork.pipelines.steps.evaluate import golden_for, judged
from groundwork.pipelines.steps.live import release_of
from groundwork.pipelines.steps.reactions import with_reactions
from groundwork.pipelines.steps.step import Step, keep_result, step
from groundwork.pipelines.steps.train import describe
from groundwork.serving.labels import LabelCounts

_log = logging.getLogger("groundwork.pipelines")

# What a decision can come to: a model is trained, an index is brought up to date, or nothing is due.
TRAIN, INGEST, NOTHING = "train", "ingest", "nothing"


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be done. `run` is the desk's number of it, 0 where nothing is; `job` is what the steps of it take."""

    what: str
    run: int
    job: Mapping[str, Any]


Decide = Callable[[Settings, str, str], Decided]
_DECIDED = "decided"


def decide(line: str, reason: str, decide_by: Decide | None = None) -> dict[str, Any]:
    """Ask the desk. With a reason a person asks for `line`; without, what the schedule and the labels ask for is asked.

    What comes back is a job with `what` and `run` beside it. A run on this machine that goes on keeps to its decision.
    """
    with step("decide") as one:
        folder = RunFolder(one.settings.pipelines.run) if one.settings.pipelines.run else None
        known = folder.recalled(_DECIDED) if folder else None
        if known is None:
            decided = (decide_by or by_desk)(one.settings, line, reason)
            known = {**decided.job, "what": decided.what, "run": decided.run}
            if folder is not None:
                folder.remember(_DECIDED, known)
        if known["what"] == NOTHING:
            keep_result(one.settings, {"retrained": None})
        one.done = str(known["what"]) + (f": {_title(known)}" if known["run"] else "")
        return known


def which(decided: Mapping[str, Any]) -> str:
    """What is to be done, by itself: kfp's local runs take no condition on anything but a component's only output."""
    return str(decided["what"])


def by_desk(settings: Settings, line: str, reason: str) -> Decided:
    """The decision of the retraining desk: deduplicated, cooled down, within a budget."""
    retraining = settings.monitoring.retraining
    if reason and not line:
        raise InvalidInput("a reason needs the line that it is about", field="line")
    desk = Desk(settings.ledger_url, retraining)
    try:
        asked = (
            [Trigger(Line.parse(line), "person", reason)]
            if reason
            else desk.due(LabelCounts(settings))
        )
        for trigger in asked:
            if reason or str(trigger.line) in retraining.data:
                desk.ask(trigger)
        run = desk.take()
        if run is None:
            return Decided(NOTHING, 0, {})
        sources = retraining.data.get(str(run.line))
        if run.line.kind == ASSISTANT:
            return Decided(
                INGEST, run.id, {"index": run.line.name, "sources": _required(sources, run.line)}
            )
        data = sources[0] if sources else ""
        with_reactions(settings, run.line, data)
        return Decided(TRAIN, run.id, describe(run.line.kind, run.line.name, data, 7, {}))
    finally:
        desk.close()


def refresh(job: Mapping[str, Any]) -> dict[str, Any]:
    """Bring an index up to date in one go: an assistant is made anew by what its sources say now.

    The new version is measured on the golden set beside what answers, and goes live where the gate passes it.
    """
    with step("refresh") as one:
        request = ingest_request(one.settings, job["sources"], str(job["index"]), {}, promote=False)
        with (
            traced_ingest(one.settings, request.index) as trace,
            open_index_store(one.settings) as store,
            open_tools(one.settings, parse_options({}), trace) as tools,
            desk_hears(one.settings, job),
        ):
            result = ingest(request, store, tools, one)
        refusal = result.refusal or ""
        measured: dict[str, float] = {}
        if not result.unchanged and not refusal:
            refusal, measured = _measured(one, result)
        release = None
        if not result.unchanged and not refusal:
            release = _promoted(one.settings, result)
        if not refusal:
            note_check(one.settings, result.index, result.version)
        one.done = f"version {result.version}" + (f": {refusal}" if refusal else "")
        return {
            "release": release or str(result.version),
            "promoted": not refusal,
            # Not None: a parameter of a pipeline cannot hold it.
            "refusal": refusal,
            "unchanged": result.unchanged,
            **measured,
        }


def conclude(job: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Tell the desk how it came out."""
    run = int(job["run"])
    with step("conclude") as one:
        ended = _ended(result)
        found = end_run(one.settings, run, ended)
        one.done = f"{ended.outcome}: {ended.detail}"
        keep_result(one.settings, {"retrained": str(found.line), **result})
        return ended.outcome


def _measured(one: Step, result: IngestResult) -> tuple[str, dict[str, float]]:
    golden = golden_for(one.settings, result.index)
    if golden is None:
        _log.warning(
            "no golden set is about the index %s: only the limits of ingests count; "
            "GROUNDWORK_PIPELINES__GOLDEN names one",
            result.index,
        )
        return "", {}
    return judged(one, golden, result.index, str(result.version))


def _promoted(settings: Settings, result: IngestResult) -> str | None:
    """The version goes live; its release, where releases are written down."""
    version = str(result.version)
    with open_index_store(settings) as store:
        store.promote(result.index, version)
    return release_of(settings, result.index, version)


def _ended(result: Mapping[str, Any]) -> Ended:
    if result.get("refusal"):
        return Ended("refused", str(result["refusal"]))
    if result.get("unchanged"):
        return Ended("unchanged", f"{result['release']} is {CHAMPION} already")
    return Ended("promoted", str(result["release"]))


def _required(sources: list[str] | None, line: Line) -> list[str]:
    if not sources:
        raise ConfigurationError(
            f"the sources of {line} are not set; GROUNDWORK_MONITORING__RETRAINING__DATA names them"
        )
    return sources


def _title(job: Mapping[str, Any]) -> str:
    return str(job.get("index") or f"{job['kind']}/{job['name']}")
