"""Trials: who is sent where, how a challenger is compared, and that a worse one is taken out by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sql
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from groundwork.core.metering.database import writing
from groundwork.core.metering.observations import LedgerObservations
from groundwork.core.registry.base import CHALLENGER, CHAMPION, Registered
from groundwork.core.registry.canary import LOAD_TRIES, CanaryWatch
from groundwork.core.registry.compare import Decision, compare, due, judged, schedule
from groundwork.core.registry.figures import METRICS
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.observe import Arms, MemoryObservations, Observation, Role
from groundwork.core.registry.promotion import Reason, promote
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
from tests.core.toys import LINE, WHY, ToyLoader, promoted, registered

LIMITS = CanarySettings().limits
PLAN = Plan(share=0.2, min_requests=20, max_requests=200, limits=LIMITS)
START, END = "2026-11-25T00:00:00.000Z", "2999-11-25T00:00:00.000Z"
TRIAL = Trial("trial-1", LINE, "rel-a", "rel-b", PLAN, START, END, "ada")

keys = st.text(min_size=1, max_size=30)
shares = st.floats(0.01, 0.9)


def trial(plan: Plan = PLAN, challenger: str = "rel-b") -> Trial:
    return replace(TRIAL, plan=plan, challenger=challenger)


def saw(role: Role, n: int, outcome: str = "answered", **more: Any) -> Observation:
    unit = more.pop("unit", f"{role}-{n}")
    request = more.pop("request", f"{role}-{n}")
    known = {"latency_ms": 100.0 + n % 17, "picodollars": 1000 + n % 13, "confidence": 0.7, **more}
    return Observation("trial-1", role, request, unit, n, outcome, **known)


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
    promote(registry, second, WHY, _NoCarrier())
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


# Watching.


class _NoCarrier:
    def check(self, release: object) -> None: ...

    def carry(self, release: object) -> None: ...


def feed(observations: MemoryObservations, begun: Trial, count: int, **worse: Any) -> None:
    """So many requests, sent as the trial sends them."""
    for n in range(count):
        role: Role = "challenger" if begun.takes(f"key-{n}") else "champion"
        differs = worse if role == "challenger" else {}
        observations.add(replace(saw(role, n, **differs), trial=begun.id))


def test_a_planted_fault_is_taken_out_by_itself_with_the_reason(registry: MemoryRegistry) -> None:
    observations = MemoryObservations()
    watch = CanaryWatch(observations)
    champion = registry.aliases(LINE)[CHAMPION]
    begun = start_trial(registry, registered(registry, "b"), PLAN, WHY)
    feed(observations, begun, 130, outcome="failed")
    look = watch.look(registry, LINE)
    assert look is not None
    assert look.ending is not None
    assert look.ending.outcome == "breach"
    assert registry.aliases(LINE) == {CHAMPION: champion}
    assert trial_of(registry, LINE) is None
    last = registry.history(LINE)[0]
    assert (last.action, last.actor, last.release) == ("canary-ended", "canary", begun.challenger)
    assert last.reason.startswith("failed 100.0 % against 0.0 % of the champion")
    assert last.detail["outcome"] == "breach"
    assert last.detail["decision"]["verdict"] == "breach"
    assert watch.look(registry, LINE) is None


@pytest.mark.parametrize("promotes", [False, True])
def test_a_challenger_that_passed_waits_or_is_promoted(
    registry: MemoryRegistry, promotes: bool
) -> None:
    observations = MemoryObservations()
    watch = CanaryWatch(observations, promote_passed=promotes)
    begun = start_trial(registry, registered(registry, "b"), PLAN, WHY)
    feed(observations, begun, 1100)
    look = watch.look(registry, LINE)
    assert look is not None
    assert look.ending is not None
    assert look.ending.outcome == "passed"
    assert trial_of(registry, LINE) is None
    aliases = registry.aliases(LINE)
    assert aliases[CHAMPION if promotes else CHALLENGER] == begun.challenger
    assert (CHALLENGER in aliases) is not promotes
    assert ("promoted" in {event.action for event in registry.history(LINE)[:1]}) is promotes


def test_a_look_is_counted_once_and_not_repeated(registry: MemoryRegistry) -> None:
    observations = MemoryObservations()
    watch = CanaryWatch(observations)
    begun = start_trial(registry, registered(registry, "b"), PLAN, WHY)
    feed(observations, begun, 130)
    first = watch.look(registry, LINE)
    assert first is not None
    assert first.decision is not None
    running = running_trial(registry, LINE)
    assert running.looks == first.decision.looks > 0
    again = watch.look(registry, LINE)
    assert again is not None
    assert again.decision is None
    assert running_trial(registry, LINE) == running


class Replica:
    """A service that shares registry and observations with others; `look` is one round."""

    def __init__(
        self, registry: MemoryRegistry, seen: MemoryObservations, folder: Path, broken: str = ""
    ) -> None:
        self.now = 0.0
        self.loader = ToyLoader(broken={broken})
        watch = CanaryWatch(seen, look_seconds=5.0, clock=lambda: self.now)
        self.followers = Followers(
            lambda: registry,
            folder,
            0.01,
            add=seen.add,
            beside=watch.beside,
            clock=lambda: self.now,
        )
        self.follower = self.followers.follow(LINE, self.loader)

    def look(self, seconds: float = 6.0) -> None:
        self.now += seconds
        self.followers.look()


def test_a_challenger_that_loads_nowhere_ends_its_trial_after_four_tries(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    replica = Replica(registry, MemoryObservations(), tmp_path, broken="b")
    replica.look()
    release = start_trial(registry, registered(registry, "b"), PLAN, WHY).challenger
    began = replica.now
    while trial_of(registry, LINE) is not None:
        replica.look()
        assert replica.now < began + 60
    assert replica.loader.loads.count(release) == LOAD_TRIES == 4
    last = registry.history(LINE)[0]
    assert last.reason == "it cannot be loaded: OSError('b has no weights')"
    assert last.detail["outcome"] == "breach"
    replica.followers.close()


def test_a_fault_of_one_replica_does_not_end_the_trial_of_all(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    seen = MemoryObservations()
    sound = Replica(registry, seen, tmp_path / "sound")
    broken = Replica(registry, seen, tmp_path / "broken", broken="b")
    sound.look()
    begun = start_trial(registry, registered(registry, "b"), PLAN, WHY)
    sound.look()
    for n in range(12):
        with sound.follower.lease(f"key-{n}", f"req-{n}") as held:
            held.note("answered")
    assert seen.counts(begun.id)["challenger"]
    for _ in range(20):
        broken.look()
    assert broken.follower.status().tries[begun.challenger] >= LOAD_TRIES
    assert trial_of(registry, LINE) == begun
    # Nothing that the broken one answers tells against the challenger, or for it.
    before = dict(seen.counts(begun.id))
    with broken.follower.lease("key-1", "req-100") as held:
        assert held.role == "champion"
    assert dict(seen.counts(begun.id)) == before
    # What was a passing fault is over with the next try.
    broken.loader.broken.clear()
    broken.look(600.0)
    assert broken.follower.status().challenger == begun.challenger
    for replica in (sound, broken):
        replica.followers.close()


def test_a_trial_that_was_overtaken_or_ran_out_ends_without_a_verdict(
    registry: MemoryRegistry,
) -> None:
    watch = CanaryWatch(MemoryObservations())
    cases: dict[str, Callable[[Registered], object]] = {
        "promoted": lambda release: promote(registry, release, WHY, _NoCarrier()),
        "void": lambda _: promoted(registry, "other"),
        "expired": lambda _: None,
    }
    for outcome, happens in cases.items():
        release = registered(registry, f"try-{outcome}")
        plan = replace(PLAN, max_hours=1e-9) if outcome == "expired" else PLAN
        start_trial(registry, release, plan, WHY)
        happens(release)
        look = watch.look(registry, LINE)
        assert look is not None
        assert look.ending is not None
        assert look.ending.outcome == outcome
        assert trial_of(registry, LINE) is None
        assert registry.history(LINE)[0].detail["outcome"] == outcome


class Together(MemoryObservations):
    """Nobody goes on before all have read."""

    def __init__(self, readers: int) -> None:
        super().__init__()
        self._all = threading.Barrier(readers, timeout=20)

    def read(self, trial: str) -> Arms:
        found = super().read(trial)
        if threading.current_thread() is not threading.main_thread():
            self._all.wait()
        return found

    def counts(self, trial: str) -> dict[Role, int]:
        return {"champion": 1000, "challenger": 1000}


def test_of_many_replicas_one_acts(registry: MemoryRegistry) -> None:
    observations = Together(8)
    begun = start_trial(registry, registered(registry, "b"), PLAN, WHY)
    feed(observations, begun, 130, outcome="failed")
    ended: list[bool] = []

    def replica() -> None:
        look = CanaryWatch(observations).look(registry, LINE)
        ended.append(look is not None and look.ending is not None)

    threads = [threading.Thread(target=replica) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == [False] * 7 + [True]
    assert [event.action for event in registry.history(LINE)].count("canary-ended") == 1


# Observations in the ledger's database.


def test_replicas_share_observations_by_the_ledger(database_url: str) -> None:
    one, other = LedgerObservations(database_url), LedgerObservations(database_url)
    seen = [
        saw("champion", 1, picodollars=2**62, latency_ms=None),
        saw("challenger", 2, "failed", confidence=None, picodollars=None),
        replace(saw("challenger", 3), trial="trial-2"),
    ]
    for each in seen:
        one.add(each)
        # A second note of the same request changes nothing.
        one.add(replace(each, outcome="cancelled"))
    one.flush()
    assert other.counts("trial-1") == {"champion": 1, "challenger": 1}
    arms = other.read("trial-1")
    assert arms.champion == [replace(seen[0], picodollars=10**18)]
    assert arms.challenger == [seen[1]]
    assert other.counts("trial-9") == {"champion": 0, "challenger": 0}
    assert other.forget(before=3) == 2
    assert other.read("trial-1") == Arms([], [])
    one.close()
    other.close()


def test_judgements_come_from_the_answers_store(database_url: str) -> None:
    from groundwork.serving.store import AnswerStore

    observations = LedgerObservations(database_url)
    for n in range(3):
        observations.add(saw("challenger", n))
    observations.flush()
    assert [one.rating for one in observations.read("trial-1").challenger] == [None] * 3
    store = AnswerStore(database_url)
    feedback = sql.table(
        "feedback", *map(sql.column, ("answer_id", "created_at", "rating", "comment"))
    )
    with writing(store._engine) as connection:
        for answer, rating in (
            ("challenger-0", "up"),
            ("challenger-0", "down"),
            ("challenger-2", "up"),
        ):
            row = {"answer_id": answer, "created_at": START, "rating": rating, "comment": ""}
            connection.execute(sql.insert(feedback).values(row))
    found = {one.request: one.rating for one in observations.read("trial-1").challenger}
    assert found == {"challenger-0": "down", "challenger-1": None, "challenger-2": "up"}
    store.close()
    observations.close()


def test_observations_wait_while_the_database_is_away(tmp_path: Path) -> None:
    away = tmp_path / "later"
    away.write_text("no folder yet")
    observations = LedgerObservations(f"sqlite:///{away / 'ledger.sqlite'}")
    observations.add(saw("champion", 1))
    with pytest.raises((Unavailable, OSError)):
        observations.flush()
    away.unlink()
    # The thread that writes by itself would come in some seconds; closing writes what waits.
    observations.close()
    reader = LedgerObservations(f"sqlite:///{away / 'ledger.sqlite'}")
    assert reader.counts("trial-1")["champion"] == 1
    reader.close()


def test_observations_are_written_without_being_asked_to(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    observations, reader = LedgerObservations(url), LedgerObservations(url)
    observations.add(saw("champion", 1))
    until = time.monotonic() + 20
    while reader.counts("trial-1")["champion"] == 0:
        assert time.monotonic() < until
        time.sleep(0.01)
    observations.close()
    reader.close()
