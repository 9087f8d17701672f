"""Running one rail: its findings, or what the policy says where it raises or overruns its time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from groundwork.core.answers import RailVerdict
from groundwork.guardrails.bind import Bound, Check
from groundwork.guardrails.policy import Action
from groundwork.guardrails.rails.base import Context, Finding, Stage

# Threads that hang in somebody's validator cannot be ended; beyond this many no further one is started.
_MOST_THREADS = 32


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time for isolated rails and for the record; CPU time of the thread too for the others, so that a busy
    machine does not make a rail late. Both in seconds.
    """

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.thread_time


class Overran(Exception):
    """An isolated rail did not answer in time."""


class Threads:
    """Runs functions with a time limit, each in a daemon thread."""

    def __init__(self, most: int = _MOST_THREADS) -> None:
        self._free = threading.BoundedSemaphore(most)

    def call(self, function: Callable[[], Sequence[Finding]], seconds: float) -> Sequence[Finding]:
        """The function's result or exception. Raises Overran after `seconds`, or where all threads hang."""
        if not self._free.acquire(timeout=seconds):
            raise Overran
        done = threading.Event()
        results: list[Sequence[Finding]] = []
        errors: list[Exception] = []

        def work() -> None:
            try:
                results.append(function())
            except Exception as error:  # noqa: BLE001 -- handed to the caller, who raises it
                errors.append(error)
            finally:
                self._free.release()
                done.set()

        threading.Thread(target=work, name="rail", daemon=True).start()
        if not done.wait(seconds):
            raise Overran
        if errors:
            raise errors[0]
        return results[0]


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of one rail. `failure` says what went wrong, "" for nothing."""

    findings: tuple[Finding, ...]
    failure: str
    ms: float


def run(
    bound: Bound,
    text: str,
    context: Context,
    clock: Clock,
    threads: Threads,
    check: Check | None = None,
) -> Ran:
    """Run a rail on a text; its findings at or above the rule's threshold. Open findings are kept in any case.

    `check` runs instead of the rule's, to the same effect.
    """
    check = check or bound.check
    limit = bound.rule.time_limit_ms / 1000
    wall = clock.wall()
    found: Sequence[Finding] = ()
    failure = ""
    try:
        if bound.rail.isolated:
            found = threads.call(lambda: check(text, context), limit)
        else:
            found = check(text, context)
            if clock.wall() - wall > limit:
                # Late by the wall's clock: by its own fault? Asking for CPU time costs as much as a rail, so it is
                # asked where it matters, and a rail says the same again.
                cpu = clock.cpu()
                found = check(text, context)
                if clock.cpu() - cpu > limit:
                    failure = f"took more than {bound.rule.time_limit_ms:g} ms"
    except Overran:
        failure = f"took more than {bound.rule.time_limit_ms:g} ms"
    except Exception as error:  # noqa: BLE001 -- whatever a rail raises, its policy says what follows
        failure = f"raised {type(error).__name__}"
    kept = tuple(each for each in found if each.score >= bound.rule.threshold or each.open)
    return Ran(kept, failure, (clock.wall() - wall) * 1000)


class Memo:
    """What rails found in passages. The same passages come up again and again, and a rail says the same of them.

    Only runs that did not fail are remembered, and only of rails that go by nothing but the text and where it stands.
    """

    def __init__(self, most: int = 65_536) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[int, str], tuple[Finding, ...]] = OrderedDict()

    def get(self, bound: Bound, text: str) -> tuple[Finding, ...] | None:
        """What was found before, None where that is not known."""
        with self._lock:
            found = self._known.get((id(bound), text))
            if found is not None:
                self._known.move_to_end((id(bound), text))
            return found

    def put(self, bound: Bound, text: str, ran: Ran) -> None:
        """Remember a run; the ones not asked for the longest time go."""
        if ran.failure or not bound.rail.repeatable:
            return
        with self._lock:
            self._known[id(bound), text] = ran.findings
            while len(self._known) > self._most:
                self._known.popitem(last=False)


@dataclass(slots=True)
class Tally:
    """What one rail said about one stage, over all its runs. Used by one request only."""

    bound: Bound
    findings: list[Finding] = field(default_factory=list)
    failure: str = ""
    ms: float = 0.0

    def add(self, ran: Ran) -> None:
        """Take a run in. Findings are counted by the caller, who knows which ones are decided."""
        self.failure = self.failure or ran.failure
        self.ms += ran.ms

    @property
    def action(self) -> Action:
        """What follows: the rule's action where something was found, more where it failed and fails closed."""
        rule = self.bound.rule
        if self.failure and rule.fail == "closed":
            return "rephrase" if rule.action == "rephrase" else "block"
        return rule.action if self.findings else "allow"

    def verdict(self, on: Stage) -> RailVerdict:
        """For the record."""
        reasons = []
        if self.findings:
            reasons.append(self.bound.rail.explain(self.findings))
        if self.failure:
            reasons.append(f"{self.failure}, fails {self.bound.rule.fail}")
        return RailVerdict(
            self.bound.rule.name, on, self.action, "; ".join(reasons) or None, round(self.ms, 3)
        )
