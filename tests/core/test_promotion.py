"""One path moves releases: a mover that dies in it leaves a whole line behind, and nothing moves past what it was judged against."""

from __future__ import annotations

import pytest

from groundwork.core.errors import Conflict, GateRefused, Unavailable
from groundwork.core.registry.base import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Candidate,
    Event,
    Line,
    Registered,
)
from groundwork.core.registry.gate import GateSettings, Measured, Rule
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import (
    MOVING,
    NoCarrier,
    Reason,
    previous,
    promote,
    refuse,
    require,
    rollback,
    submit,
)

LINE = Line("ocr", "cards")
WHY = Reason("ada", "because", {"seen": 1})
# What a promotion over a challenger writes: the note, three aliases, the history, and the note's end.
WRITES = 6


class Killed(BaseException):
    """The process is gone: nothing of it goes on."""


class Mortal(MemoryRegistry):
    """Dies before the write that is `lives` writes away."""

    def __init__(self) -> None:
        super().__init__()
        self.lives = 1_000

    def _write(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise Killed

    def point(self, line: Line, alias: str, release: str | None) -> None:
        self._write()
        super().point(line, alias, release)

    def tag(self, line: Line, key: str, value: str | None) -> None:
        self._write()
        super().tag(line, key, value)

    def record(self, line: Line, event: Event) -> None:
        self._write()
        super().record(line, event)


class Watched(NoCarrier):
    """Knows what was carried."""

    def __init__(self) -> None:
        self.carried: list[str] = []

    def carry(self, release: Registered) -> None:
        self.carried.append(release.id)


def release(registry: MemoryRegistry, number: int) -> Registered:
    return registry.register(Candidate(LINE, {"number": number}))


def told(registry: MemoryRegistry) -> list[tuple[str, str, str | None]]:
    return [(one.action, one.release, one.former) for one in registry.history(LINE)]


def about_to_promote() -> tuple[Mortal, Registered, Registered]:
    """A registry with a champion and a challenger."""
    registry = Mortal()
    first, second = release(registry, 1), release(registry, 2)
    promote(registry, first, WHY, NoCarrier())
    registry.point(LINE, CHALLENGER, second.id)
    return registry, first, second


def died_after(writes: int) -> tuple[Mortal, Registered, Registered]:
    """The same, whose mover died while it promoted the challenger."""
    registry, first, second = about_to_promote()
    registry.lives = writes
    with pytest.raises(Killed):
        promote(registry, second, WHY, NoCarrier())
    registry.lives = 1_000
    return registry, first, second


def test_a_whole_promotion_takes_so_many_writes() -> None:
    registry, _, second = about_to_promote()
    registry.lives = WRITES
    promote(registry, second, WHY, NoCarrier())
    assert registry.lives == 0


@pytest.mark.parametrize("writes", range(WRITES))
def test_a_line_is_whole_wherever_its_mover_died(writes: int) -> None:
    registry, first, second = died_after(writes)
    champion = registry.aliases(LINE)[CHAMPION]
    # The note alone moves nothing.
    assert champion == (first.id if writes < 2 else second.id)
    # Whoever comes next finishes it, or takes it as not begun: here with the same promotion again.
    promote(registry, second, WHY, NoCarrier())
    assert registry.aliases(LINE) == {CHAMPION: second.id, PREVIOUS: first.id}
    assert told(registry) == [("promoted", second.id, first.id), ("promoted", first.id, None)]
    assert MOVING not in registry.tags(LINE)
    newest = registry.history(LINE)[0]
    assert (newest.actor, newest.reason) == ("ada", "because")


@pytest.mark.parametrize("writes", range(2, WRITES))
def test_a_rollback_after_a_mover_died_goes_back_to_its_champion_s_predecessor(writes: int) -> None:
    registry, first, second = died_after(writes)
    back = rollback(registry, previous(registry, second), WHY, NoCarrier())
    assert back.id == first.id
    assert registry.aliases(LINE) == {CHAMPION: first.id, PREVIOUS: second.id}
    assert told(registry)[:2] == [
        ("rolled-back", first.id, second.id),
        ("promoted", second.id, first.id),
    ]


def test_another_release_may_be_promoted_after_a_mover_died() -> None:
    registry, _, second = died_after(2)
    third = release(registry, 3)
    promote(registry, third, WHY, NoCarrier())
    assert registry.aliases(LINE) == {CHAMPION: third.id, PREVIOUS: second.id}
    assert told(registry)[:2] == [
        ("promoted", third.id, second.id),
        ("promoted", second.id, told(registry)[2][1]),
    ]


def test_nothing_is_promoted_over_a_champion_that_it_was_not_compared_with() -> None:
    registry, carrier = MemoryRegistry(), Watched()
    first, second, third = (release(registry, n) for n in (1, 2, 3))
    promote(registry, first, WHY, carrier, over=None)
    promote(registry, second, WHY, carrier, over=first.id)
    with pytest.raises(Conflict, match=f"{second.id} became the champion"):
        promote(registry, third, WHY, carrier, over=first.id)
    assert registry.aliases(LINE) == {CHAMPION: second.id, PREVIOUS: first.id}
    assert carrier.carried == [first.id, second.id]


def test_what_goes_live_along_with_a_release_does_so_before_it_and_again_with_it() -> None:
    registry, carrier = MemoryRegistry(), Watched()
    first = release(registry, 1)
    promote(registry, first, WHY, carrier)
    promote(registry, first, WHY, carrier)
    assert carrier.carried == [first.id, first.id]
    assert len(registry.history(LINE)) == 1

    class Failing(NoCarrier):
        def carry(self, release: Registered) -> None:
            raise Unavailable("the index does not answer")

    with pytest.raises(Unavailable):
        promote(registry, release(registry, 2), WHY, Failing())
    assert registry.aliases(LINE) == {CHAMPION: first.id}
    assert registry.tags(LINE) == {}


def measured(name: str, value: float) -> Measured:
    examples = {f"q{n}": {"read": value} for n in range(50)}
    return Measured(name, examples, {one: one for one in examples})


def test_a_candidate_may_pass_without_being_promoted() -> None:
    registry = MemoryRegistry()
    gate = GateSettings((Rule("read", floor=0.5, alpha=0.05),), draws=200)
    candidate = Candidate(LINE, {"number": 1})
    passed = submit(
        registry, candidate, measured("m", 0.9), None, gate, actor="ada", promote_passed=False
    )
    assert passed.verdict.passed
    assert not passed.promoted
    assert registry.aliases(LINE) == {}
    require(passed.verdict)


def test_a_refusal_is_told_with_the_champion_that_stays() -> None:
    registry = MemoryRegistry()
    gate = GateSettings((Rule("read", floor=0.5, alpha=0.05),), draws=200)
    first = release(registry, 1)
    promote(registry, first, WHY, NoCarrier())
    tried = submit(
        registry, Candidate(LINE, {"number": 2}), measured("m", 0.1), None, gate, actor="ada"
    )
    with pytest.raises(GateRefused, match="read"):
        require(tried.verdict)
    refuse(registry, tried.release, tried.verdict, "ben")
    assert [one.actor for one in registry.history(LINE)] == ["ben", "ada", "ada"]
    assert registry.history(LINE)[0].former == first.id


def test_there_may_be_nothing_to_go_back_to() -> None:
    registry = MemoryRegistry()
    first = release(registry, 1)
    promote(registry, first, WHY, NoCarrier())
    with pytest.raises(Conflict, match="no previous champion"):
        previous(registry, first)
