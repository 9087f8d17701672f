"""Watching trials: what is decided is acted on once, and by whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sql

from groundwork.core.errors import Unavailable
from groundwork.core.metering.database import writing
from groundwork.core.metering.observations import LedgerObservations
from groundwork.core.registry.base import CHALLENGER, CHAMPION, Registered
from groundwork.core.registry.canary import LOAD_TRIES, CanaryWatch
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.observe import Arms, MemoryObservations, Role
from groundwork.core.registry.promotion import NoCarrier, promote
from groundwork.core.registry.trial import (
    running_trial,
    start_trial,
    trial_of,
)
from tests.core.toys import LINE, WHY, ToyLoader, promoted, registered
from tests.core.trials import PLAN, START, feed, saw


@pytest.fixture
def registry() -> MemoryRegistry:
    made = MemoryRegistry()
    promoted(made, "a")
    return made


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
        "promoted": lambda release: promote(registry, release, WHY, NoCarrier()),
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
