"""What the monitoring commands are composed of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from groundwork.core.errors import GroundworkError, NotFound
from groundwork.core.monitoring.drift.monitors import Monitors
from groundwork.core.monitoring.drift.report import DriftReport
from groundwork.core.monitoring.retraining import Desk, Run
from groundwork.core.monitoring.tracing.open import open_trace_store
from groundwork.core.monitoring.tracing.store import TraceStore
from groundwork.core.settings import Settings

if TYPE_CHECKING:
    import sqlalchemy as sql

Level = Literal["ok", "look", "act"]
_DAY_MS = 86_400_000
# Shares of a day's answers from which on a person should look.
_FAILED, _ABSTAINED, _FEW = 0.02, 0.5, 20
# As long as the alert GroundworkIndexStale waits.
_STALE_DAYS = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the status. `todo` is what a person should do, "" where nothing."""

    what: str
    level: Level
    says: str
    todo: str = ""


@contextmanager
def opened_monitors(settings: Settings) -> Iterator[Monitors]:
    """Closed afterwards. Raises Unavailable."""
    monitors = Monitors.open(settings)
    try:
        yield monitors
    finally:
        monitors.close()


@contextmanager
def opened_desk(settings: Settings) -> Iterator[Desk]:
    """Closed afterwards. Raises Unavailable."""
    desk = Desk(settings.ledger_url, settings.monitoring.retraining)
    try:
        yield desk
    finally:
        desk.close()


@contextmanager
def opened_traces(settings: Settings) -> Iterator[TraceStore]:
    """Closed afterwards. Raises NotFound where none are kept, Unavailable."""
    store = open_trace_store(settings)
    if store is None:
        raise NotFound("no traces are kept: telemetry.traces.keep_days is 0")
    try:
        yield store
    finally:
        store.close()


def status_rows(settings: Settings, *, look: bool = False) -> list[Row]:
    """Everything that is watched, the worst first."""
    rows = [*_answers(settings)]
    with opened_monitors(settings) as monitors:
        rows += [_drift(each.look() if look else each.last()) for each in monitors.known()]
    with opened_desk(settings) as desk:
        seen: set[str] = set()
        for run in desk.runs(most=100):
            if str(run.line) not in seen:
                rows.append(_retraining(run))
            seen.add(str(run.line))
    rows += _index(settings)
    order = {"act": 0, "look": 1, "ok": 2}
    return sorted(rows, key=lambda row: order[row.level])


def _answers(settings: Settings) -> list[Row]:
    from groundwork.core.metering.ledger import Ledger

    ledger = Ledger.open(settings.ledger_url)
    try:
        counts = _outcomes(ledger.engine)
    finally:
        ledger.close()
    total = sum(counts.values())
    if not total:
        return [Row("answers", "ok", "none within a day")]
    failed, abstained = (counts.get(name, 0) / total for name in ("failed", "abstained"))
    says = f"{total:,} within a day: {failed:.1%} failed, {abstained:.0%} found nothing"
    if total >= _FEW and failed > _FAILED:
        return [Row("answers", "act", says, "open what failed: groundwork monitor traces --failed")]
    if total >= _FEW and abstained > _ABSTAINED:
        return [Row("answers", "look", says, "see what is asked: groundwork monitor gaps")]
    return [Row("answers", "ok", says)]


def _outcomes(engine: sql.Engine) -> Mapping[str, int]:
    import sqlalchemy as sql

    from groundwork.core.metering.database import reading
    from groundwork.core.metering.postings import now_ms
    from groundwork.core.metering.tables import USAGE, requests

    query = (
        sql.select(requests.c.outcome, sql.func.count())
        .where(requests.c.at > now_ms() - _DAY_MS, requests.c.kind == USAGE)
        .group_by(requests.c.outcome)
    )
    with reading(engine) as connection:
        return {outcome: int(count) for outcome, count in connection.execute(query)}


def _drift(report: DriftReport) -> Row:
    name = f"drift {report.monitor}"
    if report.state != "drifting":
        return Row(name, "ok", report.sentence)
    todo = f"see how: groundwork monitor drift {report.monitor} --html report.html"
    # One look in a hundred is wrong; two in a row are not.
    return Row(name, "act" if report.streak > 1 else "look", report.sentence, todo)


def _retraining(run: Run) -> Row:
    name = f"retraining {run.line}"
    if run.state == "queued":
        return Row(name, "act", f"waits: {run.reason}", "run it: groundwork pipeline run retrain")
    if run.state == "running":
        return Row(name, "ok", f"runs: {run.reason}")
    says = f"{run.outcome}: {run.detail}"
    if run.outcome == "bad-data":
        return Row(name, "act", says, "repair the data; nothing was trained on it")
    if run.outcome in {"failed", "lost"}:
        return Row(name, "act", says, f"groundwork monitor retrain {run.line} --reason …")
    return Row(name, "look" if run.outcome == "refused" else "ok", says)


def _index(settings: Settings) -> list[Row]:
    from groundwork.cli.compose import open_index_store
    from groundwork.retrieval.index.base import LIVE

    index = settings.index.default
    try:
        with open_index_store(settings) as store:
            version = store.alias(index, LIVE) if index in store.names() else None
            made = {one.version: one.created_at for one in store.versions(index)} if version else {}
    except GroundworkError as error:
        # What else there is to say is wanted all the more.
        return [Row(f"index {index}", "look", error.detail)]
    if version is None:
        return [
            Row(f"index {index}", "act", "nothing is live", "groundwork ingest SOURCE --index …")
        ]
    built = datetime.fromisoformat(made[version]).timestamp() if version in made else 0.0
    return [_age(settings, index, version, built)]


def _age(settings: Settings, index: str, version: str, built: float) -> Row:
    """Of what is live: since an ingest last found or made it to hold what the sources hold."""
    from groundwork.core.monitoring.checks import Checks, checked_at

    with closing(Checks(settings.ledger_url)) as checks:
        at = checked_at(checks.all().get(index), version, built)
    days = (time.time() - at) / 86_400
    says = f"version {version} is live, and was held against its sources {days:,.1f} days ago"
    if days > _STALE_DAYS:
        return Row(f"index {index}", "look", says, "run its ingest, and see why no schedule did")
    return Row(f"index {index}", "ok", says)


def as_dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """As JSON."""
    return [{"what": r.what, "level": r.level, "says": r.says, "todo": r.todo} for r in rows]
