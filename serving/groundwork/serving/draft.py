"""An answer while it is being written: text, marks and verified citations."""

from __future__ import annotations

from groundwork.core.answers import Citation
from groundwork.retrieval.passages import Passage
from groundwork.serving.generate.base import Evidence, Mark, Piece


class Draft:
    """Accumulates pieces. Only citations that hold get in; the others are counted in `dropped`."""

    def __init__(self, passages: tuple[Passage, ...]) -> None:
        self._retrieved = {passage.chunk.id: passage for passage in passages}
        self._text: list[str] = []
        self._length = 0
        self.citations: list[Citation] = []
        self.dropped = 0

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._text)

    def add(self, piece: Piece) -> tuple[str, Citation | None]:
        """Take a piece in; returns what to send now: its text with its mark, and its citation."""
        citation = None
        text = piece.text
        if piece.evidence is not None:
            start = self._length + len(text) - len(text.lstrip())
            citation = self._cite(piece.evidence, start, self._length + len(text.rstrip()))
        if citation is not None:
            text = _marked(piece.text, citation.n)
        self._append(text)
        return text, citation

    def mark(self, mark: Mark) -> tuple[str, Citation | None]:
        """Cite text that was taken in before; returns the mark to send now, and its citation."""
        end = len(self.text.rstrip())
        citation = self._cite(mark.evidence, max(0, self._length - mark.covers), end)
        if citation is None:
            return "", None
        text = f" [{citation.n}]"
        self._append(text)
        return text, citation

    def _append(self, text: str) -> None:
        self._text.append(text)
        self._length += len(text)

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


def _marked(text: str, n: int) -> str:
    """Put the mark behind the text, on its own line behind a code fence, which it would break."""
    body = text.rstrip()
    tail = text[len(body) :]
    separator = "\n" if body.endswith("```") else " "
    return f"{body}{separator}[{n}]{tail}"
