"""The citations rail: citations that do not hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundwork.core.answers import Citation
from groundwork.guardrails.rails.base import Context, Finding, Rail

_MARK = re.compile(r"(?<!\w)\[(\d{1,3})\](?![(\w])")


class Citations(Rail):
    """Checks a finished answer's citations once more: quotes stand in the passages, offsets in the text, marks lead
    to a citation.

    Says nothing while the citations are unknown.
    """

    name = "citations"
    stages = frozenset({"output"})
    needs_citations = True

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each citation or mark that does not hold."""
        if context.citations is None:
            return ()
        found = [
            Finding("citation that does not hold", max(0, each.start), min(len(text), each.end))
            for each in context.citations
            if not _holds(each, text, context)
        ]
        numbers = {each.n for each in context.citations}
        quotes = [each.quote for each in context.citations]
        for match in _MARK.finditer(text):
            # The documentation's own marks, as in "see [3]", are quoted with their sentence.
            quoted = any(match[0] in quote for quote in quotes)
            if int(match[1]) not in numbers and not quoted:
                found.append(Finding("mark without a citation", *match.span()))
        return found


def _holds(citation: Citation, text: str, context: Context) -> bool:
    inside = 0 <= citation.start < citation.end <= len(text)
    return inside and any(
        citation.quote in passage.chunk.text and citation.revision == passage.chunk.revision
        for passage in context.passages
    )
