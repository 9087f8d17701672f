"""An answer while it is being written: text, marks and verified citations."""

from __future__ import annotations

from collections.abc import Sequence

from groundwork.core.answers import Citation
from groundwork.retrieval.passages import Passage
from groundwork.serving.generate.base import Evidence, Mark, Piece


class Draft:
    """Accumulates pieces. Only citations that hold get in; the others are counted in `dropped`."""

    def __init__(self, passages: tuple[Passage, ...]) -> None:
        self._retrieved = {passage.chunk.id: passage for passage in passages}
        self._text: list[str] = []
        self._marks = 0
        self.citations: list[Citation] = []
        self.dropped = 0

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._text)

    @classmethod
    def of(cls, text: str, citations: Sequence[Citation]) -> Draft:
        """One that was written before."""
        draft = cls(())
        draft.write(text)
        draft.citations = list(citations)
        return draft

    def write(self, text: str) -> str:
        """Take text in as it is; returns it."""
        if text:
            self._text.append(text)
            self._marks = 0
        return text

    def add(self, piece: Piece) -> tuple[str, Citation | None]:
        """Take a piece in; returns what to send now: its text with its mark, and its citation."""
        if piece.evidence is None:
            return self.write(piece.text), None
        body = piece.text.rstrip()
        self.write(body)
        mark, citation = self.mark(Mark(piece.evidence, len(body.lstrip())))
        return body + mark + self.write(piece.text[len(body) :]), citation

    def mark(self, mark: Mark) -> tuple[str, Citation | None]:
        """Cite text that was taken in before; returns the mark to send now, and its citation.

        Marks that stand at its end already count neither into what it covers nor into the citation's span.
        """
        text = self.text
        end = len(text) - self._marks
        citation = self._cite(mark.evidence, max(0, end - mark.covers), len(text[:end].rstrip()))
        if citation is None:
            return "", None
        # On its own line behind a code fence, which it would break.
        written = ("\n" if text.endswith("```") else " ") + f"[{citation.n}]"
        self._text.append(written)
        self._marks += len(written)
        return written, citation

    def _cite(self, evidence: Evidence, start: int, end: int) -> Citation | None:
        if not self._holds(evidence) or start >= end:
            self.dropped += 1
            return None
        chunk = evidence.passage.chunk
        citation = Citation(
            n=len(self.citations) + 1,
            title=chunk.title,
            url=chunk.url or chunk.page,
            anchor=chunk.anchor,
            heading_path=chunk.heading_path,
            quote=evidence.quote,
            start=start,
            end=end,
            revision=chunk.revision,
        )
        self.citations.append(citation)
        return citation

    def _holds(self, evidence: Evidence) -> bool:
        """The passage was retrieved for this question, and the quote stands in it verbatim."""
        retrieved = self._retrieved.get(evidence.passage.chunk.id)
        if retrieved is None:
            return False
        chunk = retrieved.chunk
        inside = chunk.start <= evidence.start < evidence.end <= chunk.end
        quote = evidence.quote
        return inside and bool(quote.strip()) and quote in chunk.text
