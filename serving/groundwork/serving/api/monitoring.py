"""GET /v1/traces/{id}, GET /v1/monitoring, POST /v1/alerts, POST /v1/clicks."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.metering.callers import ADMIN, ASK, Caller
from groundwork.core.monitoring.retraining import Cause, Trigger
from groundwork.core.monitoring.tracing.spans import Spans
from groundwork.core.registry.base import Line
from groundwork.serving.api.auth import accounts_of, caller_of
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON, JsonRoute
from groundwork.serving.api.schemas import ANSWER_ID_PATTERN
from groundwork.serving.monitoring import Monitoring

router = APIRouter(route_class=JsonRoute, tags=["operations"])

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
# The label of an alert that names the line of releases to make anew.
LINE_LABEL = "retrain"
_MAX_ALERTS = 200


class SpanShape(BaseModel):
    """One step. Times are nanoseconds since 1970; `parent_id` is "" at the top."""

    name: str
    span_id: str
    parent_id: str
    began: int
    ended: int
    kind: Literal["internal", "server", "client"]
    error: str
    attributes: dict[str, Any]


class TraceShape(BaseModel):
    """One request under the trace id; `request` is the id of the answer, where it made one."""

    trace_id: str
    request: str
    spans: list[SpanShape]


class TracesShape(BaseModel):
    """Every request under one trace id, oldest first."""

    traces: list[TraceShape]


class MonitorsShape(BaseModel):
    """What the monitors say, and the newest retrainings."""

    monitors: list[dict[str, Any]]
    retrainings: list[dict[str, Any]]


class Alert(BaseModel):
    """One of Alertmanager's. The label `retrain` names a line of releases."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["firing", "resolved"] = "firing"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class AlertsBody(BaseModel):
    """What Alertmanager posts to a webhook (version 4); its other members are ignored."""

    model_config = ConfigDict(extra="ignore")

    alerts: Annotated[list[Alert], Field(max_length=_MAX_ALERTS)]


class DecisionShape(BaseModel):
    """What became of one alert that asks for a retraining."""

    line: str
    verdict: Literal["queued", "joined", "cooling", "over-budget"]
    run: int | None
    detail: str


class DecisionsShape(BaseModel):
    """Of those alerts that asked for one."""

    decisions: list[DecisionShape]


class ClickBody(BaseModel):
    """Somebody followed a citation."""

    model_config = ConfigDict(extra="forbid")

    answer_id: Annotated[str, Field(pattern=ANSWER_ID_PATTERN)]
    citation: Annotated[int, Field(ge=1, le=1000)]


class ClickShape(BaseModel):
    """Counted."""

    answer_id: str
    citation: int


@router.get(
    "/v1/traces/{trace_id}",
    summary="Open the trace of an answer",
    response_model=None,
    responses={
        200: {"model": TracesShape, "description": "Its steps."},
        **problems(401, 403, 404, 503),
    },
)
async def read_trace(
    trace_id: Annotated[str, Path(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])], request: Request
) -> Response:
    """The steps of one's own or one's team's answers; those of every request for callers with the scope admin."""
    caller = await caller_of(request, ASK)
    store = monitoring_of(request).traces
    if store is None or not _TRACE_ID.fullmatch(trace_id):
        raise NotFound(f"no trace {trace_id[:64]}", field="trace_id")
    found = await asyncio.to_thread(store.get, trace_id)
    seen = [spans for spans in found if await asyncio.to_thread(_may_see, request, caller, spans)]
    if not seen:
        raise NotFound(f"no trace {trace_id}", field="trace_id")
    return JSON({"traces": [spans.to_dict() for spans in seen]})


@router.get(
    "/v1/monitoring",
    summary="Say what drifts and what is made anew",
    response_model=None,
    responses={
        200: {"model": MonitorsShape, "description": "Monitors and retrainings."},
        **problems(401, 403, 404, 503),
    },
)
async def read_monitoring(request: Request) -> Response:
    """What the last looks found."""
    await caller_of(request, ADMIN)
    monitoring = monitoring_of(request)
    return JSON(await asyncio.to_thread(_state, monitoring))


@router.post(
    "/v1/alerts",
    summary="Take alerts from Alertmanager",
    response_model=None,
    responses={
        200: {"model": DecisionsShape, "description": "What became of them."},
        **problems(400, 401, 403, 404, 413, 415, 422, 503),
    },
)
async def take_alerts(body: AlertsBody, request: Request) -> Response:
    """Ask for a retraining of every line that a firing alert names. Equal alerts get the same one."""
    await caller_of(request, ADMIN)
    desk = monitoring_of(request).desk
    triggers = [_trigger(alert) for alert in body.alerts if _asks(alert)]
    decisions = [(trigger, await asyncio.to_thread(desk.ask, trigger)) for trigger in triggers]
    shown = [
        {"line": str(trigger.line), "verdict": made.verdict, "run": made.run, "detail": made.detail}
        for trigger, made in decisions
    ]
    return JSON({"decisions": shown})


@router.post(
    "/v1/clicks",
    summary="Say that a citation was followed",
    status_code=201,
    response_model=None,
    responses={
        201: {"model": ClickShape, "description": "Counted."},
        **problems(400, 401, 403, 404, 413, 415, 422, 503),
    },
)
async def count_click(body: ClickBody, request: Request) -> Response:
    """Counted for the click-through of answers; who clicked is not kept."""
    await caller_of(request, ASK)
    context_of(request).services.metrics.quality.clicked("citation")
    return JSON(body.model_dump(), status_code=201)


def monitoring_of(request: Request) -> Monitoring:
    """The service's. Raises NotFound where it has none."""
    found: Monitoring | None = getattr(request.app.state, "monitoring", None)
    if found is None:
        raise NotFound("this service is not monitored")
    return found


def _may_see(request: Request, caller: Caller, spans: Spans) -> bool:
    if caller.may(ADMIN):
        return True
    return bool(spans.request) and accounts_of(request).may_see(caller, spans.request)


def _state(monitoring: Monitoring) -> dict[str, Any]:
    reports = [monitor.last().to_dict() for monitor in monitoring.monitors.known()]
    return {"monitors": reports, "retrainings": [run.to_dict() for run in monitoring.desk.runs()]}


def _asks(alert: Alert) -> bool:
    return alert.status == "firing" and LINE_LABEL in alert.labels


def _trigger(alert: Alert) -> Trigger:
    name = alert.labels.get("alertname", "an alert")
    summary = alert.annotations.get("summary", "")
    try:
        line = Line.parse(alert.labels[LINE_LABEL])
    except InvalidInput as error:
        raise InvalidInput(f"the label {LINE_LABEL}: {error.detail}", field="alerts") from None
    cause: Cause = "drift" if alert.labels.get("cause") == "drift" else "quality"
    return Trigger(line, cause, f"{name}: {summary}" if summary else name)
