"""What every kind of release must live through: the gate, promotion, a canary, rollback, and a release that does not load.

A kind plugs in by a subclass whose fixture `kind` returns a `Kind`:

    class TestOcr(Lifecycle):
        @pytest.fixture
        def kind(self) -> Kind[Any]:
            return Kind(Line("ocr", "cards"), make, OcrLoader(), ask)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import pytest

from groundwork.core.registry.base import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Candidate,
    Line,
    Registered,
    Registry,
)
from groundwork.core.registry.canary import LOAD_TRIES, CanaryWatch
from groundwork.core.registry.follow import Follower, Loader
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.gate import GateSettings, Measured
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.observe import MemoryObservations
from groundwork.core.registry.promotion import (
    NoCarrier,
    Reason,
    Submitted,
    previous,
    promote,
    rollback,
    submit,
)
from groundwork.core.registry.trial import Plan, start_trial, trial_of
from groundwork.core.settings import CanarySettings

T = TypeVar("T")

# `first` is what is there, `better` and `worse` are measured so on the same examples, `broken` is measured as well as `better`
# and cannot be loaded.
Which = Literal["first", "better", "worse", "broken"]
WHY = Reason("ada", "the suite")
PLAN = Plan(share=0.5, min_requests=20, max_requests=60, limits=CanarySettings().limits)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of release. `ask` puts a request to what was loaded and returns its answer; it may not raise."""

    line: Line
    make: Callable[[Which], tuple[Candidate, Measured]]
    loader: Loader[T]
    ask: Callable[[T], Any]

    @property
    def gate(self) -> GateSettings:
        """The rules that ship for this kind."""
        return GateSettings.read(kind=self.line.kind)


class LoadingCarrier(NoCarrier, Generic[T]):
    """Nothing is promoted that does not load."""

    def __init__(self, registry: Registry, loader: Loader[T], folder: Path) -> None:
        self._registry, self._loader, self._folder = registry, loader, folder

    def check(self, release: Registered) -> None:
        folder = self._registry.files(release, self._folder / release.id)
        self._loader.close(self._loader.load(release, folder))


class Service(Generic[T]):
    """A service that follows the line, without its thread."""

    def __init__(self, kind: Kind[T], registry: Registry, folder: Path) -> None:
        self.kind = kind
        self.seen = MemoryObservations()
        self.watch = CanaryWatch(self.seen, promote_passed=True, look_seconds=1e-9)
        self.now = 0.0
        self.followers = Followers(
            lambda: registry,
            folder,
            1.0,
            add=self.seen.add,
            beside=self.watch.beside,
            clock=lambda: self.now,
        )
        self.follower: Follower[T] = self.followers.follow(kind.line, kind.loader)

    def answers(self, key: str | None = None) -> str:
        """The id of the release that answers now, after it was asked."""
        self.followers.look()
        with self.follower.lease(key) as held:
            self.kind.ask(held.value)
            return held.release

    def traffic(self, requests: int, challenger: str = "answered") -> None:
        """Requests of as many conversations; those of the challenger end so."""
        for n in range(requests):
            with self.follower.lease(f"conv-{n}", f"req-{n}") as held:
                ended = challenger if held.role == "challenger" else "answered"
                held.note(ended, latency_ms=5.0 + n % 7, picodollars=100 + n % 5)
        self.followers.look()


class Lifecycle:
    """The suite."""

    @pytest.fixture
    def registry(self) -> Registry:
        return MemoryRegistry()

    @pytest.fixture
    def service(
        self, kind: Kind[Any], registry: Registry, tmp_path: Path
    ) -> Iterator[Service[Any]]:
        made = Service(kind, registry, tmp_path / "served")
        yield made
        made.followers.close()

    @pytest.fixture
    def first(self, kind: Kind[Any], registry: Registry, tmp_path: Path) -> Registered:
        """The champion that is there already."""
        return put(kind, registry, "first", tmp_path).release

    def test_a_better_one_is_promoted_and_rolled_back_again(
        self,
        kind: Kind[Any],
        registry: Registry,
        service: Service[Any],
        first: Registered,
        tmp_path: Path,
    ) -> None:
        assert service.answers() == first.id
        better = put(kind, registry, "better", tmp_path)
        assert better.promoted, better.verdict.reasons
        assert service.answers() == better.release.id
        assert registry.aliases(kind.line) == {CHAMPION: better.release.id, PREVIOUS: first.id}
        back = previous(registry, better.release)
        rollback(registry, back, WHY, LoadingCarrier(registry, kind.loader, tmp_path))
        assert service.answers() == first.id
        actions = [event.action for event in registry.history(kind.line)]
        assert actions[:3] == ["rolled-back", "promoted", "promoted"]

    def test_a_worse_one_is_refused_and_kept_with_the_reason(
        self,
        kind: Kind[Any],
        registry: Registry,
        service: Service[Any],
        first: Registered,
        tmp_path: Path,
    ) -> None:
        worse = put(kind, registry, "worse", tmp_path)
        assert not worse.promoted
        assert service.answers() == first.id
        last = registry.history(kind.line)[0]
        assert (last.action, last.release) == ("refused", worse.release.id)
        assert last.reason
        assert registry.find(worse.release.id, kind.line).id == worse.release.id

    def test_one_that_does_not_load_is_not_promoted_and_leaves_the_old_one_serving(
        self,
        kind: Kind[Any],
        registry: Registry,
        service: Service[Any],
        first: Registered,
        tmp_path: Path,
    ) -> None:
        candidate, _ = kind.make("broken")
        broken = registry.register(candidate)
        with pytest.raises(Exception):  # noqa: B017, PT011 -- whatever the loader raises
            promote(registry, broken, WHY, LoadingCarrier(registry, kind.loader, tmp_path))
        assert registry.aliases(kind.line) == {CHAMPION: first.id}
        assert service.answers() == first.id
        # Promoted all the same, on a machine where it loads.
        promote(registry, broken, WHY, NoCarrier())
        assert service.answers() == first.id
        assert broken.id in service.follower.status().failed

    def test_a_canary_that_does_as_well_is_promoted(
        self, kind: Kind[Any], registry: Registry, service: Service[Any], first: Registered
    ) -> None:
        release = tried(kind, registry, "better")
        answered = {service.answers(f"conv-{n}") for n in range(40)}
        assert answered == {first.id, release.id}
        service.traffic(200)
        assert service.answers("conv-1") == release.id
        assert registry.aliases(kind.line) == {CHAMPION: release.id, PREVIOUS: first.id}

    def test_a_canary_with_a_planted_fault_is_taken_out_by_itself(
        self, kind: Kind[Any], registry: Registry, service: Service[Any], first: Registered
    ) -> None:
        release = tried(kind, registry, "better")
        service.answers()
        service.traffic(100, challenger="failed")
        assert trial_of(registry, kind.line) is None
        assert registry.aliases(kind.line) == {CHAMPION: first.id}
        assert {service.answers(f"conv-{n}") for n in range(40)} == {first.id}
        last = registry.history(kind.line)[0]
        assert (last.action, last.release) == ("canary-ended", release.id)
        assert last.reason.startswith("failed ")

    def test_a_canary_that_does_not_load_is_taken_out_by_itself(
        self, kind: Kind[Any], registry: Registry, service: Service[Any], first: Registered
    ) -> None:
        tried(kind, registry, "broken")
        for _ in range(LOAD_TRIES):
            assert trial_of(registry, kind.line) is not None
            assert {service.answers(f"conv-{n}") for n in range(20)} == {first.id}
            service.now += 60.0
        assert CHALLENGER not in registry.aliases(kind.line)
        assert "cannot be loaded" in registry.history(kind.line)[0].reason


def put(kind: Kind[Any], registry: Registry, which: Which, folder: Path) -> Submitted:
    """Registered, put before the gate beside the champion, promoted where it passes."""
    candidate, measured = kind.make(which)
    champion = None if which == "first" else kind.make("first")[1]
    carrier = LoadingCarrier(registry, kind.loader, folder / "checked")
    return submit(registry, candidate, measured, champion, kind.gate, actor="ada", carrier=carrier)


def tried(kind: Kind[Any], registry: Registry, which: Which) -> Registered:
    """Registered and given half of the traffic."""
    release = registry.register(kind.make(which)[0])
    start_trial(registry, release, PLAN, WHY)
    return release
