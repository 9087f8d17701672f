"""The guard: built once from the policy; each request begins a session of its own."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from groundwork.core.answers import Citation, RailVerdict
from groundwork.guardrails.bind import Binder, Bound, RailSet
from groundwork.guardrails.policy import Action, Messages, Policy, strictest
from groundwork.guardrails.rails.base import Context, Finding, Parts, Stage, Vector
from groundwork.guardrails.redact import apply, regions
from groundwork.guardrails.run import Clock, Memo, Ran, Tally, Threads, run
from groundwork.guardrails.stream import OutputWindow
from groundwork.retrieval.passages import Passage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rails say about a text.

    `text` is what may go on, redacted where rails ask for it. Where `stopped`, `rail` names the rail that decided and
    `message` is what a person reads instead of an answer.
    """

    action: Action
    text: str
    verdicts: tuple[RailVerdict, ...] = ()
    rail: str | None = None
    message: str | None = None

    @property
    def stopped(self) -> bool:
        """Whether the question goes no further."""
        return self.action in {"block", "rephrase"}


@dataclass(frozen=True, slots=True)
class Kept:
    """The passages that may be used, and the ids of the chunks that may not."""

    passages: tuple[Passage, ...]
    dropped: tuple[str, ...]
    verdicts: tuple[RailVerdict, ...]


class Guard:
    """The rails of one policy. Serves any number of requests at once.

    `canary` is the string to put into system prompts, made anew for each guard unless given. Raises
    ConfigurationError, with the policy's line, where a rail cannot be made.
    """

    def __init__(
        self, policy: Policy, parts: Parts, *, clock: Clock | None = None, canary: str | None = None
    ) -> None:
        self.policy = policy
        self.canary = canary or secrets.token_hex(8)
        self._clock = clock or Clock()
        self._threads = Threads()
        self._memo = Memo()
        self._binder = Binder(policy, parts)
        self._sets: dict[tuple[str | None, str | None], RailSet] = {}
        self._making = threading.Lock()
        self._warm = False
        overrides = policy.file.overrides
        indexes = {None, *(each.index for each in overrides)}
        teams = {None, *(each.team for each in overrides)}
        # Every combination, so that a wrong option stops the start and not a question.
        for index, team in product(indexes, teams):
            self._set(index, team)

    @property
    def identity(self) -> str:
        """For the release."""
        return self.policy.digest

    def warm(self) -> None:
        """Import guardrails-ai and run the rails as its validators from now on. Takes seconds, once.

        Before that the rails' own checks run: they find the same, and a single question need not wait.
        """
        from groundwork.guardrails.validators import validator_check

        with self._making:
            if self._warm:
                return
            for rails in self._sets.values():
                for bound in rails.bound:
                    bound.rail.warm()
                    if bound.rule.rail is not None:
                        bound.check = validator_check(bound.rail)
            self._warm = True

    def begin(self, index: str, team: str | None = None) -> Session:
        """A session for one request."""
        rails = self._set(*self.policy.scope(index, team))
        return Session(self, rails, Context("input", index, team, canary=self.canary))

    def run(self, bound: Bound, text: str, context: Context) -> Ran:
        """One run of one rail."""
        return run(bound, text, context, self._clock, self._threads)

    def run_bare(self, bound: Bound, text: str, context: Context) -> Ran:
        """One run of one rail, by its own check: a validator's wrapping costs more than most rails do, and a stream
        runs them with every few words.
        """
        own = None if bound.rule.rail is None else bound.rail.check
        return run(bound, text, context, self._clock, self._threads, own)

    def run_on_passage(self, bound: Bound, text: str, context: Context) -> Ran:
        """One run of one rail on a passage, or what it said of the same text before."""
        begun = self._clock.wall()
        known = self._memo.get(bound, text)
        if known is not None:
            return Ran(known, "", (self._clock.wall() - begun) * 1000)
        ran = self.run(bound, text, context)
        self._memo.put(bound, text, ran)
        return ran

    @property
    def messages(self) -> Messages:
        """What people read."""
        return self.policy.file.messages

    def _set(self, index: str | None, team: str | None) -> RailSet:
        with self._making:
            if (index, team) not in self._sets:
                self._sets[index, team] = self._binder.bind(self.policy.rules(index, team))
            return self._sets[index, team]


class Session:
    """The rails of one request. Nothing of it is shared with another one."""

    def __init__(self, guard: Guard, rails: RailSet, context: Context) -> None:
        self._guard = guard
        self._rails = rails
        self._context = context

    @property
    def canary(self) -> str:
        """To stand in the system prompt, and nowhere else."""
        return self._context.canary

    def check_input(
        self,
        text: str,
        signals: Mapping[str, float] | None = None,
        vector: Vector | None = None,
    ) -> Outcome:
        """Check a question. Rails run in the policy's order until one stops it.

        Before retrieval there are no `signals`, and rails that go by them are left out; `check_signals` runs those.
        """
        context = replace(self._context, signals=signals or {}, vector=vector)
        bound = self._rails.on("input")
        if not signals:
            bound = tuple(each for each in bound if not each.rail.needs_signals)
        return self._outcome(bound, text, context)

    def check_signals(self, text: str, signals: Mapping[str, float]) -> Outcome:
        """Check a question by what retrieval found for it: only the rails that were left out before."""
        bound = tuple(each for each in self._rails.on("input") if each.rail.needs_signals)
        return self._outcome(bound, text, replace(self._context, signals=signals))

    def check_passages(self, passages: Sequence[Passage]) -> Kept:
        """Drop the passages that a rail blocks; the others keep their order."""
        context = replace(self._context, on="passages")
        tallies = [Tally(bound) for bound in self._rails.on("passages")]
        dropped = set()
        for passage in passages:
            chunk = passage.chunk
            text = f"{' > '.join(chunk.heading_path)}\n{chunk.text}"
            for tally in tallies:
                ran = self._guard.run_on_passage(tally.bound, text, context)
                tally.add(ran)
                tally.findings += ran.findings
                failed = bool(ran.failure) and tally.bound.rule.fail == "closed"
                if failed or (ran.findings and tally.bound.rule.action == "block"):
                    dropped.add(chunk.id)
        kept = tuple(each for each in passages if each.chunk.id not in dropped)
        verdicts = tuple(tally.verdict("passages") for tally in tallies)
        return Kept(kept, tuple(sorted(dropped)), verdicts)

    def check_passage(self, text: str) -> Outcome:
        """Check the text of one passage, as someone would who tries the rails."""
        return self._outcome(
            self._rails.on("passages"), text, replace(self._context, on="passages")
        )

    def output(self, passages: Sequence[Passage] = ()) -> OutputWindow:
        """The window that an answer resting on these passages goes through."""
        context = replace(self._context, on="output", passages=tuple(passages))
        bound = tuple(each for each in self._rails.on("output") if not each.rail.needs_citations)
        return OutputWindow(bound, context, self._guard.run_bare, self._guard.messages.withheld)

    def check_output(self, text: str, passages: Sequence[Passage] = ()) -> Outcome:
        """Check a whole answer at once: what the window would send of it, and say."""
        window = self.output(passages)
        sent = window.feed(text) + window.finish()
        verdicts = window.verdicts()
        action = strictest([each.verdict for each in verdicts])  # type: ignore[misc]
        return Outcome(action, sent, verdicts, window.blocked)

    def may_quote(self, quote: str, passages: Sequence[Passage] = ()) -> bool:
        """Whether a citation's quote holds nothing that would be taken out of an answer."""
        context = replace(self._context, on="output", passages=tuple(passages))
        matching = (each for each in self._rails.on("output") if each.rail.reach == "match")
        removing = (each for each in matching if each.rule.action in {"redact", "block"})
        return not any(self._guard.run_bare(each, quote, context).findings for each in removing)

    def check_citations(
        self, text: str, citations: Sequence[Citation], passages: Sequence[Passage]
    ) -> Outcome:
        """Check a finished answer's citations: only the rails that need them."""
        bound = tuple(each for each in self._rails.on("output") if each.rail.needs_citations)
        context = replace(
            self._context, on="output", passages=tuple(passages), citations=tuple(citations)
        )
        return self._outcome(bound, text, context)

    def _outcome(self, bound: Sequence[Bound], text: str, context: Context) -> Outcome:
        tallies: list[Tally] = []
        redactions: list[Finding] = []
        stopped: Tally | None = None
        for each in bound:
            tally = Tally(each)
            ran = self._guard.run(each, text, context)
            tally.add(ran)
            tally.findings += ran.findings
            tallies.append(tally)
            if tally.action in {"block", "rephrase"}:
                stopped = tally
                break
            if tally.action == "redact":
                redactions += tally.findings
        stage: Stage = context.on
        verdicts = tuple(tally.verdict(stage) for tally in tallies)
        action = strictest([tally.action for tally in tallies])
        clean = apply(text, regions(redactions), 0, len(text))
        if stopped is None:
            return Outcome(action, clean, verdicts)
        messages = self._guard.messages
        message = messages.rephrase if stopped.action == "rephrase" else messages.block
        return Outcome(stopped.action, clean, verdicts, stopped.bound.rule.name, message)
