"""A service follows the champion: no request is dropped, nothing is used after it was closed, and what fails leaves the old."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from groundwork.core.errors import InvalidInput, NotFound, Unavailable
from groundwork.core.registry.base import CHALLENGER, OCR, Line
from groundwork.core.registry.follow import Follower
from groundwork.core.registry.follow_metrics import FollowMetrics
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.observe import MemoryObservations
from groundwork.core.registry.open import mark_of
from groundwork.core.registry.promotion import NoCarrier, promote, rollback
from groundwork.core.registry.trial import Plan, start_trial, stop_trial
from groundwork.core.settings import RegistrySettings, Settings
from tests.core.toys import LINE, WHY, Flaky, Toy, ToyLoader, promoted, registered, running

OTHER = Line(OCR, "receipts")


class World:
    """A registry, a loader and a service without its thread: `look` is one round."""

    def __init__(self, folder: Path) -> None:
        self.registry = Flaky()
        self.loader = ToyLoader()
        self.now = 0.0
        self.opened = 0
        self.seen = MemoryObservations()
        self.followers = Followers(
            self.open, folder, 0.01, add=self.seen.add, clock=lambda: self.now
        )

    def open(self) -> Flaky:
        self.opened += 1
        return self.registry

    def follow(self, fallback: Toy | None = None) -> Follower[Toy]:
        return self.followers.follow(LINE, self.loader, fallback)

    def look(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.followers.look()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.followers.close()


def asked(follower: Follower[Toy], key: str | None = None) -> tuple[str, str]:
    with follower.lease(key) as held:
        return held.value.ask(), held.role


def eventually(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


def test_the_champion_is_loaded_followed_and_closed_after_its_last_lease(world: World) -> None:
    first = promoted(world.registry, "a")
    follower = world.follow()
    world.look()
    with follower.lease() as held:
        assert (held.release, held.value.ask()) == (first.id, "a")
        promoted(world.registry, "b")
        world.look()
        assert asked(follower) == ("b", "champion")
        # It keeps what it began with.
        assert held.value.ask() == "a"
        assert world.loader.closed == []
    world.look()
    assert world.loader.closed == ["a"]
    assert world.loader.loads == [first.id, world.registry.aliases(LINE)["champion"]]


def test_a_rollback_is_followed(world: World) -> None:
    first = promoted(world.registry, "a")
    promoted(world.registry, "b")
    follower = world.follow()
    world.look()
    rollback(world.registry, first, WHY, NoCarrier())
    world.look()
    assert asked(follower) == ("a", "champion")
    assert world.loader.closed == []  # closed by the round that comes
    world.look()
    assert world.loader.closed == ["b"]


def test_before_anything_is_loaded_the_fallback_answers_and_nobody_closes_it(world: World) -> None:
    mine = Toy("mine")
    follower = world.follow(mine)
    assert asked(follower) == ("mine", "champion")
    world.look()
    with follower.lease() as held:
        assert held.release == ""
    promoted(world.registry, "a")
    world.look()
    world.look()
    assert asked(follower) == ("a", "champion")
    assert not mine.closed


def test_without_a_fallback_a_request_is_told_to_come_again(world: World) -> None:
    follower = world.follow()
    with pytest.raises(Unavailable, match="no release of ocr/cards is loaded"), follower.lease():
        pass
    world.loader.broken = {"a"}
    promoted(world.registry, "a")
    world.look()
    with pytest.raises(Unavailable, match="a has no weights"), follower.lease():
        pass


def test_a_release_that_does_not_load_leaves_the_old_one_and_is_not_tried_again_at_once(
    world: World,
) -> None:
    old = promoted(world.registry, "a")
    follower = world.follow()
    world.look()
    world.loader.broken = {"b"}
    new = promoted(world.registry, "b")
    for _ in range(50):
        world.look(seconds=0.01)
    assert world.loader.loads.count(new.id) == 1
    status = follower.status()
    assert (status.champion, status.wanted, status.failures) == (old.id, new.id, 1)
    assert "b has no weights" in status.failed[new.id]
    assert asked(follower) == ("a", "champion")
    # After 5 seconds, then after 10.
    world.look(seconds=5)
    assert world.loader.loads.count(new.id) == 2
    world.look(seconds=6)
    assert world.loader.loads.count(new.id) == 2
    world.loader.broken = set()
    world.look(seconds=5)
    assert asked(follower) == ("b", "champion")
    assert not follower.status().failed


def test_after_a_restart_the_previous_champion_serves_where_the_new_one_does_not_load(
    world: World,
) -> None:
    old = promoted(world.registry, "a")
    new = promoted(world.registry, "b")
    world.loader.broken = {"b"}
    follower = world.follow(Toy("mine"))
    world.look()
    assert asked(follower) == ("a", "champion")
    assert (follower.status().champion, follower.status().wanted) == (old.id, new.id)
    world.loader.broken = set()
    world.look(seconds=5)
    assert asked(follower) == ("b", "champion")
    # With both loading, the one before is not loaded at all.
    assert world.loader.loads == [new.id, old.id, new.id]


def test_a_failure_is_forgotten_once_nobody_wants_the_release(world: World) -> None:
    old = promoted(world.registry, "a")
    follower = world.follow()
    world.look()
    world.loader.broken = {"b"}
    new = promoted(world.registry, "b")
    world.look()
    rollback(world.registry, old, WHY, NoCarrier())
    world.look()
    assert not follower.status().failed
    world.loader.broken = set()
    promote(world.registry, new, WHY, NoCarrier())
    world.look()
    assert asked(follower) == ("b", "champion")


def test_a_registry_that_does_not_answer_leaves_what_there_is(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    world.look()
    promoted(world.registry, "b")
    world.registry.dead = True
    world.look()
    assert world.followers.error == "nobody there"
    assert asked(follower) == ("a", "champion")
    world.registry.dead = False
    world.look()
    assert world.followers.error == ""
    assert asked(follower) == ("b", "champion")


def test_a_registry_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    registry = Flaky()
    promoted(registry, "a")
    answers: Iterator[Flaky | RuntimeError] = iter([RuntimeError("no driver"), registry])

    def opener() -> Flaky:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    followers = Followers(opener, tmp_path, 0.01)
    follower = followers.follow(LINE, ToyLoader(), Toy("mine"))
    followers.look()
    assert "no driver" in followers.error
    assert asked(follower) == ("mine", "champion")
    followers.look()
    assert asked(follower) == ("a", "champion")
    followers.close()


def test_lines_may_come_later_and_share_one_thread_that_alone_knows_the_registry(
    world: World,
) -> None:
    world.registry.asked_by.clear()
    with running(world.followers):
        follower = world.follow()
        assert follower.wait(20)
        promoted(world.registry, "r", OTHER)
        world.registry.asked_by.clear()
        later = world.followers.follow(OTHER, world.loader)
        assert later.wait(20)
        assert asked(later) == ("r", "champion")
        assert world.followers.follow(OTHER, world.loader) is later
    assert world.opened == 1
    assert world.registry.asked_by == {"releases"}
    assert world.loader.threads <= {"releases", "MainThread"}
    assert [str(status.line) for status in world.followers.status()] == [
        "ocr/cards",
        "ocr/receipts",
    ]


def test_many_threads_lease_while_releases_change_and_nothing_breaks(world: World) -> None:
    """Promotions, rollbacks and trials under load: no error, no use after close, and in the end all is closed but one."""
    promoted(world.registry, "r0")
    errors: list[BaseException] = []
    served: set[str] = set()
    stop = threading.Event()

    def caller(n: int) -> None:
        asks = 0
        try:
            while not stop.is_set():
                asks += 1
                with follower.lease(f"conv-{n}-{asks % 50}") as held:
                    served.add(held.value.ask())
                    time.sleep(0.0002)
                    held.value.ask()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is what the test looks for
            errors.append(error)

    def answers(name: str) -> bool:
        return name in served

    with running(world.followers):
        follower = world.follow()
        assert follower.wait(20)
        threads = [threading.Thread(target=caller, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for n in range(1, 12):
            release = registered(world.registry, f"r{n}")
            if n % 3 == 0:
                start_trial(world.registry, release, Plan(share=0.5), WHY)
                eventually(partial(answers, f"r{n}"))
                if n % 2:
                    stop_trial(world.registry, LINE, WHY)
            promote(world.registry, release, WHY, NoCarrier())
            eventually(partial(answers, f"r{n}"))
        stop.set()
        for thread in threads:
            thread.join()
        eventually(lambda: len(world.loader.closed) == len(world.loader.loads) - 1)
        assert world.loader.closed.count("r11") == 0
    assert errors == []
    assert "r11" in world.loader.closed


def test_what_is_leased_at_the_end_closes_with_its_lease(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    world.look()
    with follower.lease() as held:
        world.followers.close()
        assert held.value.ask() == "a"
    assert world.loader.closed == ["a"]


def test_a_trial_sends_its_share_of_the_keys_and_all_else_to_the_champion(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    trial = start_trial(world.registry, registered(world.registry, "b"), Plan(share=0.3), WHY)
    world.look()
    keys = [f"conv-{n}" for n in range(300)]
    roles = {key: asked(follower, key) for key in keys}
    assert {key for key, (name, _) in roles.items() if name == "b"} == set(
        filter(trial.takes, keys)
    )
    assert asked(follower) == ("a", "champion")
    # It stays so.
    assert roles == {key: asked(follower, key) for key in keys}
    stop_trial(world.registry, LINE, WHY)
    world.look()
    assert {asked(follower, key) for key in keys} == {("a", "champion")}
    world.look()
    assert world.loader.closed == ["b"]


def test_a_challenger_that_is_promoted_is_not_loaded_again(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    release = registered(world.registry, "b")
    start_trial(world.registry, release, Plan(), WHY)
    world.look()
    promote(world.registry, release, WHY, NoCarrier())
    world.look()
    world.look()
    assert asked(follower) == ("b", "champion")
    assert world.loader.loads.count(release.id) == 1
    assert world.loader.closed == ["a"]
    assert follower.status().trial is None


def test_a_challenger_that_does_not_load_leaves_all_to_the_champion_unnoted(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    world.loader.broken = {"b"}
    release = registered(world.registry, "b")
    trial = start_trial(world.registry, release, Plan(share=0.9), WHY)
    world.look()
    assert {asked(follower, f"conv-{n}") for n in range(40)} == {("a", "champion")}
    assert "no weights" in follower.status().failed[release.id]
    assert world.seen.counts(trial.id) == {"champion": 0, "challenger": 0}


def test_a_trial_whose_time_is_up_gets_no_traffic_even_where_nobody_ends_it(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    plan = Plan(share=0.9, max_hours=1e-9)
    start_trial(world.registry, registered(world.registry, "b"), plan, WHY)
    world.look()
    assert {asked(follower, f"conv-{n}") for n in range(40)} == {("a", "champion")}


def test_a_tag_that_is_no_trial_is_left_alone(world: World) -> None:
    promoted(world.registry, "a")
    registered(world.registry, "b")
    world.registry.point(LINE, CHALLENGER, registered(world.registry, "b").id)
    world.registry.tag(LINE, "trial", '{"id": 7}')
    follower = world.follow()
    world.look()
    assert asked(follower, "conv-1") == ("a", "champion")


def test_requests_of_a_trial_are_noted_as_they_end(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    trial = start_trial(world.registry, registered(world.registry, "b"), Plan(share=0.5), WHY)
    world.look()
    ends: dict[str, BaseException | None] = {
        "answered": None,
        "failed": OSError("broke"),
        "cancelled": asyncio.CancelledError(),
        "lost": NotFound("its index is gone"),
        "not noted": InvalidInput("the caller's own fault"),
    }
    for key, error in ends.items():
        caught = suppress(OSError, asyncio.CancelledError, NotFound, InvalidInput)
        with caught, follower.lease(key, f"ans-{key}") as held:
            held.value.ask()
            if error is not None:
                raise error
    with follower.lease("said", "ans-said") as held:
        held.note("abstained", latency_ms=12.0, picodollars=7, confidence=0.4)
        held.note("answered")
    arms = world.seen.read(trial.id)
    found = {one.request: one for one in [*arms.champion, *arms.challenger]}
    outcomes = {name.removeprefix("ans-"): one.outcome for name, one in found.items()}
    assert outcomes == {
        "answered": "answered",
        "failed": "failed",
        "cancelled": "cancelled",
        "lost": "failed",
        "said": "abstained",
    }
    said = found["ans-said"]
    assert (said.latency_ms, said.picodollars, said.confidence) == (12.0, 7, 0.4)
    assert all((one.role == "challenger") == trial.takes(one.request[4:]) for one in found.values())
    assert not any("said" in one.unit for one in found.values())


def test_outside_a_trial_nothing_is_noted(world: World) -> None:
    noted: list[object] = []
    promoted(world.registry, "a")
    follower = Follower(LINE, world.loader, add=noted.append)
    follower.look(world.registry, world.followers._folder)
    with follower.lease("conv-1") as held:
        held.note("failed")
    assert noted == []


def test_in_a_shadow_the_champion_answers_and_copies_find_their_original(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    plan = Plan(mode="shadow", share=0.5)
    trial = start_trial(world.registry, registered(world.registry, "b"), plan, WHY)
    world.look()
    for n in range(60):
        key, request = f"conv-{n % 20}", f"ans-{n}"
        with follower.lease(key, request) as held:
            assert held.value.ask() == "a"
        with follower.shadow(key, request) as copy:
            assert (copy is not None) == trial.takes(key)
            assert copy is None or copy.value.ask() == "b"
    arms = world.seen.read(trial.id)
    assert {one.request for one in arms.champion} == {one.request for one in arms.challenger}
    assert 0 < len(arms.champion) < 60


def test_no_copy_is_made_in_a_canary(world: World) -> None:
    promoted(world.registry, "a")
    follower = world.follow()
    start_trial(world.registry, registered(world.registry, "b"), Plan(share=0.9), WHY)
    world.look()
    with follower.shadow("conv-1") as copy:
        assert copy is None


def test_metrics_say_what_answers_and_what_does_not_load(world: World) -> None:
    first = promoted(world.registry, "a")
    follower = world.follow()
    registry = CollectorRegistry()
    registry.register(FollowMetrics(world.followers))
    world.look()
    asked(follower)
    world.loader.broken = {"b"}
    promoted(world.registry, "b")
    world.look(seconds=3)
    page = generate_latest(registry).decode()
    line = 'line="ocr/cards"'
    for row in (
        f'groundwork_release_info{{{line},release="{first.id}",role="champion"}} 1.0',
        f"groundwork_release_behind{{{line}}} 1.0",
        f"groundwork_release_load_failures_total{{{line}}} 1.0",
        f'groundwork_release_requests_total{{{line},role="champion"}} 1.0',
        "groundwork_registry_up 1.0",
        "groundwork_registry_age_seconds 0.0",
    ):
        assert row in page


def test_a_registry_that_says_when_it_was_written_to_is_looked_at_at_once(tmp_path: Path) -> None:
    registry, written = Flaky(), [0]
    promoted(registry, "a")
    # An hour between two looks.
    followers = Followers(lambda: registry, tmp_path, 3600.0, mark=lambda: written[0])
    follower = followers.follow(LINE, ToyLoader())
    with running(followers):
        assert follower.wait(20)
        eventually(lambda: asked(follower)[0] == "a")
        promoted(registry, "b")
        written[0] += 1
        eventually(lambda: asked(follower)[0] == "b")


def test_a_registry_in_a_file_says_when_it_was_written_to(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    mark = mark_of(settings)
    assert mark is not None
    before = mark()
    database = tmp_path / "mlflow" / "mlflow.db"
    database.write_bytes(b"one")
    first = mark()
    assert before != first == mark()
    database.with_name("mlflow.db-wal").write_bytes(b"two")
    assert mark() != first
    elsewhere = Settings(home=tmp_path, registry=RegistrySettings(url="http://127.0.0.1:5000"))
    assert mark_of(elsewhere) is None
