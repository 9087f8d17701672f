"""Can the gate be trusted? False alarms between runs of one release, and a planted drop of five points.

The golden set is asked once, of this project's guides. From its scores, runs are made by chance: an answer of a language
model changes now and then, so each question's outcome turns over at a rate. A/A runs are two such runs of one release. In
a planted run five per cent of all questions, chosen among those that passed, fail in the candidate besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmarks.data import ROOT
from benchmarks.intervals import share
from benchmarks.setup import ingest_folder
from groundwork.cli.evaluation import default_sets, evaluate_job, gate_settings
from groundwork.core.registry.gate import GateSettings, Measured, judge
from groundwork.core.settings import Settings
from groundwork.evals.evaluate import Job

RUNS = 200
DROP = 0.05
# Share of questions whose outcome differs between two runs of one release.
CHANGES = (0.0, 0.02, 0.05, 0.1)
# The set itself, and sets as if so many alike had been written.
SIZES = (1.0, 1.5, 2.0, 3.0, 4.0)
AIM = 0.8
INDEX = "gate-guides"

Scores = Mapping[str, Mapping[str, float | None]]


def main(settings: Settings) -> None:
    """Print false alarms and what is caught, and the size that would catch four in five."""
    ingest_folder(settings, ROOT / "docs", INDEX)
    folder = evaluate_job(settings, Job("golden", default_sets(), INDEX))
    rows = folder.rows()
    scores = {row.id: row.scores for row in rows}
    sources = {row.id: row.source for row in rows}
    rules = gate_settings(None)
    # Floors say the same every time; what varies is the comparison.
    compared = tuple(replace(rule, floor=None) for rule in rules.rules if rule.alpha is not None)
    rules = GateSettings(compared, draws=2000, seed=rules.seed)
    print(
        f"{len(rows)} questions on {len(set(sources.values()))} sources, {RUNS} pairs of runs each\n"
    )
    print(
        "| outcomes that differ between two runs of one release | A/A refused | 5 points caught |"
    )
    print("|---|---|---|")
    for change in CHANGES:
        alarms = trials(scores, sources, rules, change, 0.0)
        caught = trials(scores, sources, rules, change, DROP)
        print(f"| {100 * change:g} % | {share(alarms)} | {share(caught)} |", flush=True)
    print("\n| outcomes that differ | questions for 80 % caught |\n|---|---|")
    for change in CHANGES:
        print(f"| {100 * change:g} % | {size_needed(scores, sources, rules, change)} |", flush=True)


def trials(
    scores: Scores, sources: Mapping[str, str], rules: GateSettings, change: float, drop: float
) -> list[bool]:
    """Whether the gate refused, run by run."""
    refused = []
    for seed in range(RUNS):
        rng = np.random.default_rng([seed, round(1000 * change), round(1000 * drop)])
        champion = Measured("champion", _turned(scores, change / 2, rng), sources)
        worse = _planted(scores, drop, rng)
        candidate = Measured("candidate", _turned(worse, change / 2, rng), sources)
        settings = replace(rules, seed=seed)
        refused.append(not judge(candidate, champion, settings).passed)
    return refused


def size_needed(
    scores: Scores, sources: Mapping[str, str], rules: GateSettings, change: float
) -> str:
    """The smallest of the sizes tried at which the drop is caught often enough."""
    for size in SIZES:
        larger, where = _larger(scores, sources, size)
        if np.mean(trials(larger, where, rules, change, DROP)) >= AIM:
            return str(len(larger))
    return f"more than {round(SIZES[-1] * len(scores))}"


def _turned(scores: Scores, rate: float, rng: np.random.Generator) -> Scores:
    """Each question's outcome turned over at this rate; what is retrieved, or stopped by a rail, is the same each time."""
    return {
        name: _other(each) if turns else each
        for (name, each), turns in zip(scores.items(), rng.random(len(scores)) < rate, strict=True)
    }


def _planted(scores: Scores, drop: float, rng: np.random.Generator) -> Scores:
    passing = [name for name, each in scores.items() if each["passed"] == 1.0]
    chosen = set(rng.choice(passing, round(drop * len(scores)), replace=False))
    return {name: _other(each) if name in chosen else each for name, each in scores.items()}


def _other(each: Mapping[str, float | None]) -> Mapping[str, float | None]:
    passed = each["passed"]
    if passed is None:
        return each
    turned = {"passed": 1.0 - passed}
    abstained = each["abstained"]
    return {**each, **turned, "abstained": None if abstained is None else turned["passed"]}


def _larger(
    scores: Scores, sources: Mapping[str, str], size: float
) -> tuple[Scores, dict[str, str]]:
    """As if further questions had been written, on pages of their own, with the same outcomes."""
    names = sorted(scores)
    wanted = round(size * len(names))
    copies = [(f"{names[n % len(names)]}/{n // len(names)}", n) for n in range(wanted)]
    return (
        {copy: scores[names[n % len(names)]] for copy, n in copies},
        {copy: f"{sources[names[n % len(names)]]}/{n // len(names)}" for copy, n in copies},
    )
