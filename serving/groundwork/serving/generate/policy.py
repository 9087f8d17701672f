"""What becomes of each claim: what is sent, cited, left out or flagged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, Literal, Protocol

from groundwork.core.metering.prices import EMBED
from groundwork.core.metering.tally import INPUT, Tally
from groundwork.serving.generate.base import Evidence, Mark, Piece
from groundwork.serving.generate.marks import Claim, Kind
from groundwork.serving.generate.verify import Verdict, Verifier

Policy = Literal["remove", "flag"]
_STRUCTURE = frozenset({Kind.HEADING, Kind.LEAD_IN, Kind.RULE})
# A mark behind a table's last row would be a cell of it. Behind ``` the draft breaks the line itself.
_GAP_BEFORE_MARK = {Kind.TABLE: "\n\n"}


class Editor(Protocol):
    """Turns claims into pieces and marks, and counts. `previews`: it wants claims before they are complete."""

    previews: bool

    def take(self, claim: Claim) -> AsyncIterator[Piece | Mark]:
        """A complete claim."""
        ...

    def preview(self, text: str) -> Iterator[Piece]:
        """The certain beginning of the next claim."""
        ...

    def record(self) -> dict[str, Any]:
        """The counts so far."""
        ...


class _Checked:
    """Verifies in a thread, charges what is embedded, counts."""

    def __init__(self, verifier: Verifier, tally: Tally, embedder: str) -> None:
        self._verifier = verifier
        self._tally = tally
        self._embedder = embedder
        self._counts = Counter[str]()
        self._reasons = Counter[str]()
        self._length = 0
        self._cited = 0

    async def _check(self, claim: Claim) -> Verdict:
        verdict = await asyncio.to_thread(self._verifier.check, claim)
        if verdict.read:
            self._tally.add(EMBED, self._embedder, INPUT, verdict.read)
        self._counts["sentences"] += 1
        self._counts["cited"] += bool(verdict.evidence)
        self._counts["unsupported"] += not verdict.evidence
        self._counts["reattributed"] += verdict.reattributed
        self._counts["invented_marks"] += verdict.invented
        if not verdict.evidence:
            self._reasons[verdict.reason] += 1
        return verdict

    def record(self) -> dict[str, Any]:
        """Sentences, and what became of them. `reasons` says what the unsupported ones lacked."""
        names = ("sentences", "cited", "unsupported", "reattributed", "invented_marks")
        return {**{name: self._counts[name] for name in names}, "reasons": dict(self._reasons)}

    def _text(self, text: str) -> Piece:
        self._length += len(text)
        return Piece(text)

    def _cite(self, claim: Claim, evidence: tuple[Evidence, ...]) -> Iterator[Piece | Mark]:
        """Marks behind the claim's text, which was sent."""
        start = self._length - len(claim.text)
        gap = "\n" if claim.text.endswith("~~~") else _GAP_BEFORE_MARK.get(claim.kind)
        if gap is not None:
            yield self._text(gap)
        covers = self._length - start
        for each in evidence:
            yield Mark(each, covers)
            self._cited += 1
            self._length += len(f" [{self._cited}]")


class Remover(_Checked):
    """Sends a claim once it is verified; leaves out what no passage supports.

    Headings and sentences that end in a colon wait for something to stand under them.
    """

    previews = False

    def __init__(self, verifier: Verifier, tally: Tally, embedder: str) -> None:
        super().__init__(verifier, tally, embedder)
        self._waiting: list[Claim] = []
        self._carried = ""
        self._lost = False

    async def take(self, claim: Claim) -> AsyncIterator[Piece | Mark]:
        """A complete claim."""
        if claim.kind in _STRUCTURE:
            self._wait(claim)
            return
        if not any(char.isalnum() for char in claim.text):
            return
        verdict = await self._check(claim)
        if not verdict.evidence:
            self._carried = _lead(self._carried, claim.lead)
            self._lost = True
            return
        lead = _lead(self._carried, claim.lead)
        for each in self._above(lead):
            yield self._text(self._begin(each.lead) + each.text)
        yield self._text(self._begin(lead) + claim.text)
        for sent in self._cite(claim, verdict.evidence):
            yield sent

    def _wait(self, claim: Claim) -> None:
        self._waiting = [each for each in self._waiting if each.level < claim.level]
        self._waiting.append(replace(claim, lead=_lead(self._carried, claim.lead)))
        self._carried = ""
        self._lost = False

    def _above(self, lead: str) -> list[Claim]:
        """What waited for this claim. A lead-in whose code or list was left out does not lead to a later paragraph."""
        waited = self._waiting
        self._waiting = []
        if self._lost and not lead.strip() and waited and waited[-1].kind is Kind.LEAD_IN:
            waited.pop()
        self._carried = ""
        self._lost = False
        return waited

    def preview(self, text: str) -> Iterator[Piece]:
        """Nothing: it is not verified."""
        del text
        return iter(())

    def _begin(self, lead: str) -> str:
        return lead if self._length else lead.lstrip()


class Flagger(_Checked):
    """Sends text as it comes and marks when they are verified; says where unsupported sentences stand."""

    previews = True

    def __init__(self, verifier: Verifier, tally: Tally, embedder: str) -> None:
        super().__init__(verifier, tally, embedder)
        self._sent = 0
        self._flagged: list[dict[str, Any]] = []

    async def take(self, claim: Claim) -> AsyncIterator[Piece | Mark]:
        """A complete claim."""
        for piece in self.preview(claim.lead + claim.text):
            yield piece
        self._sent = 0
        if claim.kind in _STRUCTURE or not any(char.isalnum() for char in claim.text):
            return
        verdict = await self._check(claim)
        if verdict.evidence:
            for sent in self._cite(claim, verdict.evidence):
                yield sent
        else:
            start = self._length - len(claim.text)
            self._flagged.append({"start": start, "end": self._length, "reason": verdict.reason})

    def preview(self, text: str) -> Iterator[Piece]:
        """What was not sent yet."""
        if len(text) > self._sent:
            yield self._text(text[self._sent :])
            self._sent = len(text)

    def record(self) -> dict[str, Any]:
        """`flagged`: offsets into the answer's text, marks included."""
        return {**super().record(), "flagged": list(self._flagged)}


def _lead(carried: str, own: str) -> str:
    """What stands before a claim when claims before it were left out.

    A sentence inherits the list marker of the one that went before it; a line keeps its own, and the wider gap.
    """
    if "\n" not in own:
        return carried or own
    gap = max(_newlines(carried), _newlines(own))
    return "\n" * gap + own.lstrip("\n")


def _newlines(lead: str) -> int:
    return len(lead) - len(lead.lstrip("\n"))
