"""Trials and what was seen in them, made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from groundwork.core.registry.observe import MemoryObservations, Observation, Role
from groundwork.core.registry.trial import (
    Plan,
    Trial,
)
from groundwork.core.settings import CanarySettings
from tests.core.toys import LINE

LIMITS = CanarySettings().limits
PLAN = Plan(share=0.2, min_requests=20, max_requests=200, limits=LIMITS)
START, END = "2026-11-25T00:00:00.000Z", "2999-11-25T00:00:00.000Z"
TRIAL = Trial("trial-1", LINE, "rel-a", "rel-b", PLAN, START, END, "ada")


def saw(role: Role, n: int, outcome: str = "answered", **more: Any) -> Observation:
    unit = more.pop("unit", f"{role}-{n}")
    request = more.pop("request", f"{role}-{n}")
    known = {"latency_ms": 100.0 + n % 17, "picodollars": 1000 + n % 13, "confidence": 0.7, **more}
    return Observation("trial-1", role, request, unit, n, outcome, **known)


def feed(observations: MemoryObservations, begun: Trial, count: int, **worse: Any) -> None:
    """So many requests, sent as the trial sends them."""
    for n in range(count):
        role: Role = "challenger" if begun.takes(f"key-{n}") else "champion"
        differs = worse if role == "challenger" else {}
        observations.add(replace(saw(role, n, **differs), trial=begun.id))
