"""An answer on its way out: held back until no rail can change what goes.

The window keeps the text that a finding could still begin in, and sends the rest. Rails that reach as far as a match
hold back the unbroken run at the end (see `detect.patterns`) and what before it could be the beginning of a finding; rails that judge
sentences hold back the sentence, rails that judge the whole hold back everything, but only where their action could
change the text. What has been decided does not depend on how the text was cut, so the text sent and the verdicts are
those of the whole text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from groundwork.core.answers import RailVerdict
from groundwork.core.sentences import sentence_spans
from groundwork.guardrails.bind import Bound
from groundwork.guardrails.detect.patterns import LOOK_BACK, last_run
from groundwork.guardrails.rails.base import Context, Finding
from groundwork.guardrails.redact import Region, apply, regions
from groundwork.guardrails.run import Ran, Tally

# Text is looked at and sent in pieces of at least this many code points; looking at each word costs more.
_STRIDE = 24
_CHANGES = frozenset({"redact", "block"})
Run = Callable[[Bound, str, Context], Ran]


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that was attached to the text, now that the text before it has been sent.

    `covers` is how many code points of the text sent are what it was attached to.
    """

    item: Any
    covers: int


Sent = str | Passed


class OutputWindow:
    """One answer's window. `blocked` names the rail that ended the answer, None while none has."""

    def __init__(self, bound: Sequence[Bound], context: Context, run: Run, withheld: str) -> None:
        self._run = run
        self._context = replace(context, on="output", final=False)
        self._withheld = withheld
        self._tallies = [Tally(each) for each in bound]
        self._matches = [each for each in self._tallies if each.bound.rail.reach == "match"]
        changing = [
            each
            for each in self._tallies
            if each.bound.rail.reach != "match" and _can_change(each.bound)
        ]
        self._sentences = [each for each in changing if each.bound.rail.reach == "sentence"]
        self._texts = [each for each in changing if each.bound.rail.reach == "text"]
        self._later = [
            each for each in self._tallies if each not in changing and each not in self._matches
        ]
        self._openings = [
            (each.bound.rail.spaced, each.bound.rail.opening(context))
            for each in self._matches
            if each.bound.rail.spaced
        ]
        self._raw = ""
        self._sent = 0
        self._judged = 0
        self._pending: list[tuple[Tally, Finding]] = []
        self._regions: list[Region] = []
        self._attached: list[tuple[int, int, Any]] = []
        self.blocked: str | None = None

    def feed(self, text: str) -> str:
        """Take more of the answer in; returns what may be sent now."""
        return "".join(each for each in self.push(text) if isinstance(each, str))

    def finish(self) -> str:
        """The answer is complete; returns the rest of it."""
        return "".join(each for each in self.flush() if isinstance(each, str))

    def attach(self, item: Any, covers: int) -> None:
        """Attach something to the last `covers` code points taken in; it comes out as Passed behind them."""
        if self.blocked is None:
            self._attached.append((len(self._raw), covers, item))

    def push(self, text: str) -> list[Sent]:
        """Like `feed`, with what was attached, in order."""
        if self.blocked is not None:
            return []
        self._raw += text
        return self._advance(final=False)

    def flush(self) -> list[Sent]:
        """Like `finish`, with what was attached, in order."""
        if self.blocked is not None:
            return []
        sent = self._advance(final=True)
        if self.blocked is None:
            self._judge_later()
        return sent

    def verdicts(self) -> tuple[RailVerdict, ...]:
        """What each rail said, in the policy's order. Complete after `finish`."""
        return tuple(each.verdict("output") for each in self._tallies)

    def _advance(self, *, final: bool) -> list[Sent]:
        limit = self._limit(final=final)
        # The first words leave at once: somebody waits for them.
        stride = _STRIDE if self._sent and (self._matches or self._sentences) else 1
        if limit < self._sent + stride and not final:
            # What was attached to text that has gone already follows it at once.
            return self._emit(self._sent)
        found = [*self._pending, *self._scan(final=final)]
        redacted = regions(each for tally, each in found if tally.bound.rule.action == "redact")
        if not final:
            limit = _before_unfinished(limit, redacted, [each for _, each in found])
        cut = self._cut(found, redacted, limit)
        decided = limit if cut is None else cut[0] + 1
        for tally, finding in found:
            if finding.start < decided and not finding.open:
                tally.findings.append(finding)
        self._pending = [pair for pair in self._pending if pair[1].start >= decided]
        self._regions = [*self._regions, *(each for each in redacted if each.end <= limit)]
        if cut is None:
            return self._emit(limit)
        self.blocked = cut[2]
        out = self._emit(cut[1])
        separator = "\n\n" if self._sent else ""
        self._attached.clear()
        return [*out, f"{separator}{self._withheld}"]

    def _limit(self, *, final: bool) -> int:
        """Up to where nothing can change any more, as far as that shows without looking for anything."""
        if final:
            return len(self._raw)
        if self._texts:
            return 0
        if not self._matches and not self._sentences:
            return len(self._raw)
        limit = self._unopened()
        if self._sentences:
            spans = sentence_spans(self._raw[self._judged :])
            limit = min(limit, self._judged + (spans[-1][0] if spans else 0))
        return max(self._sent, limit)

    def _unopened(self) -> int:
        """Where the last unbroken run begins, or what before it could be the beginning of a finding."""
        run = limit = last_run(self._raw)
        for spaced, opening in self._openings:
            first = max(self._sent, run - spaced)
            found = opening.search(self._raw, first) if opening is not None else None
            if opening is None:
                limit = min(limit, run - spaced)
            elif found is not None:
                limit = min(limit, found.start())
        return limit

    def _scan(self, *, final: bool) -> Iterator[tuple[Tally, Finding]]:
        """What is found from where the text was sent up to its end."""
        start = last_run(self._raw, max(0, self._sent - LOOK_BACK))
        context = replace(self._context, final=final)
        view = self._raw[start:]
        for tally in self._matches:
            for finding in self._findings(tally, view, context):
                moved = replace(finding, start=finding.start + start, end=finding.end + start)
                if moved.start >= self._sent:
                    yield tally, moved
        if self._sentences:
            yield from self._judge_sentences(context)
        if final:
            for tally in self._texts:
                for finding in self._findings(tally, self._raw, context):
                    yield tally, finding

    def _judge_sentences(self, context: Context) -> Iterator[tuple[Tally, Finding]]:
        spans = [
            (start + self._judged, end + self._judged)
            for start, end in sentence_spans(self._raw[self._judged :])
        ]
        complete = spans if context.final else spans[:-1]
        for start, end in complete:
            for tally in self._sentences:
                for finding in self._findings(tally, self._raw[start:end], context):
                    moved = replace(finding, start=start, end=end)
                    self._pending.append((tally, moved))
                    yield tally, moved
            self._judged = end

    def _judge_later(self) -> None:
        """Rails that can change nothing any more look at the whole."""
        context = replace(self._context, final=True)
        for tally in self._later:
            tally.findings += self._findings(tally, self._raw, context)

    def _findings(self, tally: Tally, text: str, context: Context) -> Sequence[Finding]:
        ran = self._run(tally.bound, text, context)
        tally.add(ran)
        return ran.findings

    def _cut(
        self, found: Sequence[tuple[Tally, Finding]], redacted: Sequence[Region], limit: int
    ) -> tuple[int, int, str] | None:
        """Where a rail ends the answer: the finding's start, the last place that may be sent, the rail."""
        blocks = [
            (each.start, tally.bound.rule.name)
            for tally, each in found
            if tally.bound.rule.action == "block" and each.start < limit and not each.open
        ]
        failed = [
            (self._sent, each.bound.rule.name)
            for each in self._tallies
            if each.failure and each.action == "block"
        ]
        if not blocks and not failed:
            return None
        start, name = min([*failed, *blocks])
        inside = [each.start for each in redacted if each.start < start < each.end]
        return start, min([start, *inside]), name

    def _emit(self, end: int) -> list[Sent]:
        out: list[Sent] = []
        position = self._sent
        due = [each for each in self._attached if each[0] <= end]
        self._attached = self._attached[len(due) :]
        for place, covers, item in due:
            stop = max(position, self._behind(place))
            out.append(apply(self._raw, self._regions, position, stop))
            out.append(Passed(item, self._length(place - covers, stop)))
            position = stop
        out.append(apply(self._raw, self._regions, position, end))
        self._sent = end
        return [each for each in out if each != ""]

    def _behind(self, place: int) -> int:
        """The place, or the end of the region that it is in."""
        ends = [each.end for each in self._regions if each.start < place < each.end]
        return ends[0] if ends else place

    def _length(self, start: int, end: int) -> int:
        """How long the text from `start` to `end` is as it was sent."""
        ends = [each.end for each in self._regions if each.start < start < each.end]
        return len(apply(self._raw, self._regions, ends[0] if ends else start, end))


def _can_change(bound: Bound) -> bool:
    """Whether a rail can take text out of an answer: by what it finds, or by failing."""
    return bound.rule.action in _CHANGES or bound.rule.fail == "closed"


def _before_unfinished(limit: int, redacted: Sequence[Region], found: Sequence[Finding]) -> int:
    """The limit, or the start of what could still grow across it."""
    growing = [each.start for each in found if each.open]
    crossing = [each.start for each in redacted if each.start < limit < each.end]
    return min([limit, *growing, *crossing])
