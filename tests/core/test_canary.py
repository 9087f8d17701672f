"""Trials: who is sent where, how a challenger is compared, and that a worse one is taken out by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.errors import Conflict, InvalidInput, NotFound
from groundwork.core.registry.base import CHALLENGER, CHAMPION
from groundwork.core.registry.compare import Decision, compare, due, judged, schedule
from groundwork.core.registry.figures import METRICS
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.observe import Arms, Observation, Role
from groundwork.core.registry.promotion import NoCarrier, Reason, promote
from groundwork.core.registry.ranks import exact_share, exact_sign, rank_sum, signed_rank
from groundwork.core.registry.trial import (
    Plan,
    Trial,
    looked,
    running_trial,
    start_trial,
    stop_trial,
    trial_of,
)
from groundwork.core.settings import CanarySettings
from tests.core.toys import LINE, WHY, promoted, registered
from tests.core.trials import LIMITS, PLAN, TRIAL, saw

keys = st.text(min_size=1, max_size=30)
shares = st.floats(0.01, 0.9)


def trial(plan: Plan = PLAN, challenger: str = "rel-b") -> Trial:
    return replace(TRIAL, plan=plan, challenger=challenger)


def arms(champion: int, challenger: int, **worse: Any) -> Arms:
    """So many requests of each; `worse` is what differs at the challenger."""
    return Arms(
        [saw("champion", n) for n in range(champion)],
        [saw("challenger", n, **worse) for n in range(challenger)],
    )


# Who is sent where.


@given(keys, shares, shares)
def test_a_key_stays_where_it_is_and_a_larger_share_only_adds(
    key: str, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    before, after = (trial(replace(PLAN, share=share)).takes(key) for share in (small, large))
    assert after or not before
    assert before == replace(trial(replace(PLAN, share=small)), id="trial-2").takes(key)


@given(st.integers(0, 10**9), shares)
@settings(max_examples=30)
def test_the_share_is_kept_whatever_the_keys_look_like(seed: int, share: float) -> None:
    taken = sum(trial(replace(PLAN, share=share)).takes(f"{seed}-{n}") for n in range(2000))
    # Five standard deviations.
    assert abs(taken - 2000 * share) < 5 * (2000 * share * (1 - share)) ** 0.5 + 1


def test_another_challenger_gets_other_keys() -> None:
    names = [f"conv-{n}" for n in range(2000)]
    first, second = (
        {name for name in names if trial(challenger=release).takes(name)}
        for release in ("rel-b", "rel-c")
    )
    assert 0.1 < len(first & second) / len(first) < 0.3


def test_a_plan_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="above 0 and at most"):
        Plan(share=1.0)
    assert Plan(mode="shadow", share=1.0).share == 1.0
    with pytest.raises(InvalidInput, match="its end cannot be at 10"):
        Plan(max_requests=10)
    with pytest.raises(ValueError, match="more than max_requests"):
        CanarySettings(min_requests=50, max_requests=10)


# The tests behind the comparison, against values worked out by hand or known tables.


def test_the_exact_tests() -> None:
    # Fisher's tea: all four of four.
    assert exact_share(0, 4, 4, 4) == pytest.approx(1 / 70)
    assert exact_share(1, 4, 3, 4) == pytest.approx(17 / 70)
    assert exact_share(0, 9, 0, 5) == exact_share(0, 0, 3, 5) == 1.0
    assert exact_sign(0, 5) == pytest.approx(1 / 32)
    assert exact_sign(1, 4) == pytest.approx(6 / 32)
    assert exact_sign(0, 0) == 1.0


def test_the_rank_tests() -> None:
    low, high = np.arange(20.0), np.arange(20.0) + 100
    assert rank_sum(low, high) < 1e-7
    assert rank_sum(high, low) > 0.999
    assert rank_sum(low, low) == pytest.approx(0.5, abs=0.01)
    assert rank_sum(np.ones(9), np.ones(9)) == rank_sum(low, np.array([])) == 1.0
    # Where most values are one, what lies above it is counted exactly.
    many = np.zeros(40)
    few = np.array([0.0] * 8 + [3.0, 4.0])
    assert rank_sum(many, few) == pytest.approx(exact_share(0, 40, 2, 10))
    assert signed_rank(np.arange(1.0, 11)) == pytest.approx(0.0031, abs=2e-4)
    assert signed_rank(-np.arange(1.0, 11)) > 0.99
    assert signed_rank(np.zeros(5)) == 1.0


# Comparing.


def test_looks_are_set_beforehand() -> None:
    assert schedule(PLAN) == (20, 28, 39, 55, 77, 108, 151, 200)
    assert schedule(replace(PLAN, max_requests=20)) == (20,)
    assert due(TRIAL, 79, 20) == 0
    assert due(TRIAL, 80, 20) == 1
    # All together decide, not those of the challenger.
    assert due(TRIAL, 60, 39) == 0
    assert due(TRIAL, 90, 10) == 1
    assert due(TRIAL, 91, 9) == 0
    assert due(looked(TRIAL, 3), 80, 20) == 3
    assert due(TRIAL, 5000, 2000) == 8


def test_an_equal_challenger_goes_on_and_passes_at_the_end() -> None:
    assert compare(TRIAL, Arms()).verdict == "continue"
    assert compare(TRIAL, arms(160, 40)).verdict == "continue"
    decision = compare(TRIAL, arms(800, 200))
    assert decision.verdict == "passed"
    assert decision.units == {"champion": 800, "challenger": 200}


@pytest.mark.parametrize(
    ("metric", "worse"),
    [
        ("failed", {"outcome": "failed"}),
        ("abstained", {"outcome": "abstained"}),
        ("blocked", {"outcome": "blocked"}),
        ("cancelled", {"outcome": "cancelled"}),
        ("confidence", {"confidence": 0.5}),
        ("latency", {"latency_ms": 250.0}),
        ("cost", {"picodollars": 2500}),
    ],
)
def test_each_metric_is_seen_where_it_is_worse(metric: str, worse: dict[str, Any]) -> None:
    decision = compare(TRIAL, arms(160, 40, **worse))
    assert decision.verdict == "breach"
    assert {one.metric for one in decision.figures if one.breached} == {metric}
    assert decision.reason.startswith(f"{metric} ")
    assert "of the champion" in decision.reason
    without = replace(PLAN, limits={k: v for k, v in LIMITS.items() if k != metric})
    assert compare(trial(without), arms(160, 40, **worse)).verdict == "continue"


def test_thumbs_down_count_among_those_that_were_given() -> None:
    champion = [saw("champion", n, rating="up" if n % 4 == 0 else None) for n in range(160)]
    challenger = [saw("challenger", n, rating="down" if n % 4 == 0 else None) for n in range(40)]
    decision = compare(TRIAL, Arms(champion, challenger))
    assert [one.metric for one in decision.figures if one.breached] == ["disliked"]
    assert decision.reason.startswith("disliked 100.0 % against 0.0 % of the champion")


def test_better_is_no_breach() -> None:
    better = arms(160, 40, latency_ms=10.0, picodollars=1, confidence=0.99)
    assert compare(TRIAL, better).verdict == "continue"


def test_worse_within_the_limit_is_let_pass() -> None:
    """A certain rise by a tenth, of which a quarter is allowed."""
    seen = arms(160, 40, latency_ms=118.0)
    figure = next(one for one in compare(TRIAL, seen).figures if one.metric == "latency")
    assert figure.p is not None
    assert figure.p < figure.level
    assert not figure.breached
    assert compare(TRIAL, seen).verdict == "continue"


def test_between_looks_nothing_ends_however_bad_it_is() -> None:
    decision = compare(TRIAL, arms(60, 15, outcome="failed"))
    assert decision.verdict == "continue"
    assert {one.level for one in decision.figures} == {0.0}
    assert compare(looked(TRIAL, 1), arms(80, 20, outcome="failed")).verdict == "continue"


def test_looks_that_were_skipped_leave_their_share_to_the_next() -> None:
    level = {n: compare(looked(TRIAL, n), arms(220, 55)).figures[0].level for n in range(4)}
    assert level[3] == pytest.approx(0.05 / (8 * 8))
    assert level[0] == pytest.approx(4 * level[3])


def test_one_conversation_that_fails_ten_times_is_one() -> None:
    champion = [saw("champion", n) for n in range(160)]
    spread = [saw("challenger", n, "failed" if n < 10 else "answered") for n in range(40)]
    heaped = [
        *(saw("challenger", n, "failed", unit="challenger-0") for n in range(10)),
        *(saw("challenger", n) for n in range(10, 49)),
    ]
    assert compare(TRIAL, Arms(champion, spread)).verdict == "breach"
    assert compare(TRIAL, Arms(champion, heaped)).verdict == "continue"


def test_who_answers_more_is_not_dearer() -> None:
    """An answer costs more than none: only answers are compared with answers."""
    champion = [
        saw("champion", n, "abstained" if n % 2 else "answered", picodollars=10 if n % 2 else 1000)
        for n in range(160)
    ]
    decision = compare(
        TRIAL, Arms(champion, [saw("challenger", n, picodollars=1000) for n in range(40)])
    )
    assert decision.verdict == "continue"


def test_what_is_free_may_not_begin_to_cost() -> None:
    champion = [saw("champion", n, picodollars=0) for n in range(160)]
    dear = Arms(champion, [saw("challenger", n, picodollars=5) for n in range(40)])
    assert compare(TRIAL, dear).verdict == "breach"
    free = Arms(champion, [saw("challenger", n, picodollars=0) for n in range(40)])
    assert compare(TRIAL, free).verdict == "continue"


def shadowed(pairs: int, **worse: Any) -> Arms:
    return Arms(
        [saw("champion", n, request=f"ans-{n}", unit=f"u{n}") for n in range(pairs)],
        [
            saw("challenger", n, **{"request": f"ans-{n}", "unit": f"u{n}", **worse})
            for n in range(pairs)
        ],
    )


def test_a_shadow_is_compared_pair_by_pair() -> None:
    shadow = trial(replace(PLAN, mode="shadow"))
    assert compare(shadow, shadowed(40)).verdict == "continue"
    assert compare(shadow, shadowed(200)).verdict == "passed"
    for worse in ({"outcome": "failed"}, {"picodollars": 2500}, {"confidence": 0.5}):
        assert compare(shadow, shadowed(40, **worse)).verdict == "breach"
    # A request whose copy was left out is no evidence.
    alone = Arms(shadowed(400).champion, shadowed(10).challenger)
    assert compare(shadow, alone).units == {"champion": 10, "challenger": 10}


def test_latency_and_callers_are_not_judged_on_copies() -> None:
    shadow = trial(replace(PLAN, mode="shadow"))
    assert set(METRICS) - set(judged(shadow.plan)) == {"latency", "cancelled", "disliked"}
    decision = compare(shadow, shadowed(40, latency_ms=9000.0))
    assert decision.verdict == "continue"
    shown = next(one for one in decision.figures if one.metric == "latency")
    assert shown.challenger == pytest.approx(9000.0)


def test_a_challenger_that_is_the_champion_is_seldom_sent_back() -> None:
    """Every look of 60 trials; at most the promised share of false alarms, with room for chance."""
    breaches = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        seen: dict[Role, list[Observation]] = {"champion": [], "challenger": []}
        now = trial(challenger=f"rel-{seed}")
        decision: Decision | None = None
        for target in schedule(PLAN):
            while sum(map(len, seen.values())) < target / PLAN.share:
                n = sum(map(len, seen.values()))
                role: Role = "challenger" if now.takes(f"{seed}-{n}") else "champion"
                outcome = str(rng.choice(["answered", "abstained", "failed"], p=[0.8, 0.15, 0.05]))
                figures = {
                    "latency_ms": float(rng.lognormal(6, 0.6)),
                    "confidence": float(rng.beta(7, 3)),
                }
                seen[role].append(saw(role, n, outcome, **figures))
            decision = compare(now, Arms(seen["champion"], seen["challenger"]))
            now = looked(now, decision.looks)
            if decision.verdict == "breach":
                breaches += 1
                break
        assert decision is not None
    # Of 60 at 5 %: more than 8 would be seen once in 400 times.
    assert breaches <= 8


# The state of a trial.


@pytest.fixture
def registry() -> MemoryRegistry:
    made = MemoryRegistry()
    promoted(made, "a")
    return made


def history(registry: MemoryRegistry) -> list[tuple[str, str]]:
    return [(event.action, event.reason) for event in registry.history(LINE)][::-1]


def test_a_trial_is_begun_and_stopped_with_a_reason(registry: MemoryRegistry) -> None:
    release = registered(registry, "b")
    begun = start_trial(registry, release, PLAN, Reason("ada", "a try"))
    assert trial_of(registry, LINE) == begun
    assert registry.aliases(LINE)[CHALLENGER] == release.id
    assert stop_trial(registry, LINE, Reason("grace", "enough")) == begun
    assert trial_of(registry, LINE) is None
    assert CHALLENGER not in registry.aliases(LINE)
    assert history(registry)[1:] == [("canary-started", "a try"), ("canary-ended", "enough")]
    last = registry.history(LINE)[0]
    assert (last.actor, last.release, last.detail["outcome"]) == ("grace", release.id, "stopped")
    with pytest.raises(NotFound, match="release canary start"):
        running_trial(registry, LINE)


def test_only_one_release_is_tried_at_a_time(registry: MemoryRegistry) -> None:
    first, second = registered(registry, "b"), registered(registry, "c")
    begun = start_trial(registry, first, PLAN, WHY)
    with pytest.raises(Conflict, match="is being tried"):
        start_trial(registry, second, PLAN, WHY)
    larger = start_trial(registry, first, replace(PLAN, share=0.5), WHY)
    assert larger.id != begun.id
    assert registry.history(LINE)[1].detail["outcome"] == "replaced"
    promote(registry, second, WHY, NoCarrier())
    # What it was compared with is champion no more, so it is in nobody's way.
    third = registered(registry, "d")
    assert start_trial(registry, third, PLAN, WHY).challenger == third.id


def test_a_trial_needs_a_champion_that_is_another_release(registry: MemoryRegistry) -> None:
    champion = registry.find(CHAMPION, LINE)
    with pytest.raises(Conflict, match="is the champion"):
        start_trial(registry, champion, PLAN, WHY)
    empty = MemoryRegistry()
    with pytest.raises(Conflict, match="no champion"):
        start_trial(empty, registered(empty, "a"), PLAN, WHY)


@given(
    st.builds(
        Plan,
        mode=st.sampled_from(["canary", "shadow"]),
        share=shares,
        limits=st.dictionaries(st.sampled_from(METRICS), st.floats(0, 10)),
    ),
    st.integers(0, 20),
)
def test_a_trial_survives_its_tag(plan: Plan, looks: int) -> None:
    import orjson

    there = replace(TRIAL, plan=plan, looks=looks)
    assert Trial.from_json(orjson.dumps(there.to_dict()).decode()) == there
