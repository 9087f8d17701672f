"""GET /healthz, /readyz, /metrics: for those who run the service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from groundwork.core.errors import GroundworkError, Unavailable
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.callers import COSTS
from groundwork.core.metering.standing import Standing
from groundwork.core.monitoring.checks import Check, checked_at
from groundwork.retrieval.index.base import IndexStore
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.context import context_of
from groundwork.serving.api.describe import problems
from groundwork.serving.api.responses import JSON
from groundwork.serving.api.shapes import Health, ReadinessShape
from groundwork.serving.monitoring import Monitoring

router = APIRouter(tags=["operations"])


@router.get(
    "/healthz",
    summary="Does the process live?",
    response_model=None,
    responses={200: {"model": Health, "description": "It does."}, **problems(403)},
)
async def healthz() -> Response:
    """Says nothing about whether questions can be answered; that is /readyz."""
    return JSON({"status": "alive"})


@router.get(
    "/readyz",
    summary="Can questions be answered?",
    response_model=None,
    responses={
        200: {"model": ReadinessShape, "description": "Yes."},
        503: {"model": ReadinessShape, "description": "No; the failed checks say why."},
        **problems(403),
    },
)
async def readyz(request: Request) -> Response:
    """The embedder is loaded, the default index is live, the ledger answers."""
    checks = await asyncio.to_thread(context_of(request).readiness.checks)
    ready = all(check.ok for check in checks)
    content = {
        "status": "ready" if ready else "not ready",
        "checks": [asdict(check) for check in checks],
    }
    return JSON(content, status_code=200 if ready else 503)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_model=None,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": 'groundwork_answers_total{index="docs",outcome="answered"} 42.0\n',
                }
            },
        },
        **problems(401, 403),
    },
)
async def metrics(request: Request) -> Response:
    """Counters, histograms and gauges of this process."""
    context = context_of(request)
    if not context.settings.service.public_metrics:
        await caller_of(request, COSTS)
    services = context.services
    live = await asyncio.to_thread(_live, services.index_store)
    services.metrics.live((index, version) for index, version, _ in live)
    services.metrics.built({index: built for index, _, built in live})
    checks = await asyncio.to_thread(_checks, request)
    services.metrics.checked(
        {name: checked_at(checks.get(name), version, built) for name, version, built in live}
    )
    services.metrics.money.budgets(await asyncio.to_thread(_budgets, services.accounts))
    return Response(services.metrics.exposition(), media_type=services.metrics.content_type)


def _live(store: IndexStore) -> list[tuple[str, str, float]]:
    """Index, live version, and when that was built, in seconds since 1970."""
    try:
        versions = [(name, store.alias(name)) for name in store.names()]
        return [
            (name, version, _built(store, name, version))
            for name, version in versions
            if version is not None
        ]
    except GroundworkError:
        # The engine is down: the other metrics are wanted all the more.
        return []


def _built(store: IndexStore, index: str, version: str) -> float:
    created = {each.version: each.created_at for each in store.versions(index)}
    if version not in created:
        return 0.0
    return datetime.fromisoformat(created[version]).timestamp()


def _checks(request: Request) -> Mapping[str, Check]:
    """Nothing where the database is down, or nothing is watched: then a version is as old as its making."""
    monitoring: Monitoring | None = getattr(request.app.state, "monitoring", None)
    if monitoring is None:
        return {}
    try:
        return monitoring.checks.all()
    except Unavailable:
        return {}


def _budgets(accounts: Accounts) -> list[Standing]:
    try:
        return accounts.budgets.standings()
    except GroundworkError:
        # The ledger is down: likewise.
        return []
