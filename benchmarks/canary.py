"""Can a canary be trusted? False rollbacks of a challenger that is no worse, and how soon a planted fault is found.

Traffic is made by chance: conversations of one to several questions, each with a difficulty of its own, so that answers of
one conversation hang together. Assignment, comparison and the schedule of looks are the product's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from benchmarks.intervals import share
from groundwork.core.registry.base import ASSISTANT, Line
from groundwork.core.registry.canary import plan_of
from groundwork.core.registry.compare import compare, schedule
from groundwork.core.registry.observe import Arms, Observation, Role
from groundwork.core.registry.trial import Plan, Trial
from groundwork.core.settings import Settings

SAME_RUNS = 300
FAULT_RUNS = 100
START, END = "2026-11-25T00:00:00.000Z", "2099-11-25T00:00:00.000Z"


@dataclass(frozen=True)
class Behaviour:
    """How a release behaves: shares, and medians of latency and cost."""

    failed: float = 0.005
    abstained: float = 0.1
    blocked: float = 0.01
    latency_ms: float = 800.0
    picodollars: float = 2e8
    confidence: float = 0.7


NORMAL = Behaviour()
FAULTS = (
    ("10 % of requests fail", replace(NORMAL, failed=0.1)),
    ("30 % abstained, instead of 10 %", replace(NORMAL, abstained=0.3)),
    ("latency doubled", replace(NORMAL, latency_ms=2 * NORMAL.latency_ms)),
    ("cost doubled", replace(NORMAL, picodollars=2 * NORMAL.picodollars)),
    ("confidence 0.6, instead of 0.7", replace(NORMAL, confidence=0.6)),
    ("every request fails", replace(NORMAL, failed=1.0)),
    ("2 % of requests fail", replace(NORMAL, failed=0.02)),
    ("15 % abstained, instead of 10 %", replace(NORMAL, abstained=0.15)),
)


def main(settings: Settings) -> None:
    """Print both tables."""
    base = plan_of(settings.canary)
    print(
        f"{SAME_RUNS} trials of a challenger that is the champion, {FAULT_RUNS} of each fault; "
        f"{base.share:.0%} of the traffic, {len(schedule(base))} looks from {base.min_requests} to "
        f"{base.max_requests} conversations of the challenger\n"
    )
    print("| challenger that is no worse | sent back |\n|---|---|")
    for label, plan, turns in (
        ("one question a conversation", base, 1.0),
        ("five questions a conversation, on average", base, 5.0),
        ("half of the traffic", replace(base, share=0.5), 2.0),
        ("shadow", replace(base, mode="shadow"), 2.0),
    ):
        runs = [run(plan, NORMAL, turns, seed) for seed in range(SAME_RUNS)]
        print(f"| {label} | {share(found.breached for found in runs)} |", flush=True)
    print("\n| planted fault | caught | conversations of the challenger until then: median, 90 % |")
    print("|---|---|---|")
    for label, behaviour in FAULTS:
        print(f"| {label} | {caught(base, behaviour, 2.0)} |", flush=True)
    print("\n| planted fault, found on copies (shadow) | caught | conversations until then |")
    print("|---|---|---|")
    for label, behaviour in FAULTS:
        if behaviour.latency_ms == NORMAL.latency_ms:
            print(
                f"| {label} | {caught(replace(base, mode='shadow'), behaviour, 2.0)} |", flush=True
            )


@dataclass(frozen=True)
class Found:
    """How a trial ended, after how many of the challenger's conversations."""

    breached: bool
    after: int


def caught(plan: Plan, behaviour: Behaviour, turns: float) -> str:
    """Two cells."""
    runs = [run(plan, behaviour, turns, seed) for seed in range(FAULT_RUNS)]
    after = [found.after for found in runs if found.breached]
    if not after:
        return f"{share(found.breached for found in runs)} | –"
    late = int(np.quantile(after, 0.9))
    return f"{share(found.breached for found in runs)} | {median(after):.0f}, {late}"


def run(plan: Plan, challenger: Behaviour, turns: float, seed: int) -> Found:
    """One trial from its start to its end."""
    rng = np.random.default_rng([seed, round(turns * 10)])
    line = Line(ASSISTANT, "docs")
    trial = Trial(f"trial-{seed}", line, "rel-a", f"rel-{seed}", plan, START, END, "bench")
    releases: dict[Role, Behaviour] = {"champion": NORMAL, "challenger": challenger}
    seen: dict[Role, list[Observation]] = {"champion": [], "challenger": []}
    asked = 0
    for target in schedule(plan):
        until = target if plan.mode == "shadow" else target / plan.share
        while asked < until:
            asked += 1
            key = f"{seed}-{asked}"
            takes: Role = "challenger" if trial.takes(key) else "champion"
            roles: tuple[Role, ...] = (
                ("champion", "challenger") if plan.mode == "shadow" else (takes,)
            )
            hardness = rng.normal()
            for n in range(rng.geometric(1 / turns)):
                shared = 0.7 * hardness + 0.5 * rng.normal()
                for role in roles:
                    own = float(shared + 0.5 * rng.normal())
                    made = _answer(rng, releases[role], own)
                    seen[role].append(replace(made, role=role, unit=key, request=f"{key}-{n}"))
        decision = compare(trial, Arms(seen["champion"], seen["challenger"]))
        trial = replace(trial, looks=decision.looks)
        if decision.verdict != "continue":
            return Found(decision.verdict == "breach", decision.units["challenger"])
    return Found(breached=False, after=plan.max_requests)


def _answer(rng: np.random.Generator, behaviour: Behaviour, hard: float) -> Observation:
    """An answer to a question that is so hard, in standard deviations; the hardest fail."""
    easier = 0.5 * math.erfc(hard / math.sqrt(2))
    edges = np.cumsum([behaviour.failed, behaviour.abstained, behaviour.blocked])
    rated = rng.random() < 0.05
    return Observation(
        trial="",
        role="champion",
        request="",
        unit="",
        at=0,
        outcome=("failed", "abstained", "blocked", "answered")[int(np.searchsorted(edges, easier))],
        latency_ms=behaviour.latency_ms * math.exp(0.5 * hard),
        picodollars=int(behaviour.picodollars * math.exp(0.4 * hard)),
        confidence=min(1.0, max(0.0, behaviour.confidence - 0.1 * hard)),
        rating=("down" if rng.random() < 0.2 else "up") if rated else None,
    )
