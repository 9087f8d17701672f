"""The invisible rail: passages that carry text which no reader sees."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from groundwork.guardrails.detect.characters import INVISIBLE, TAGS
from groundwork.guardrails.rails.base import Context, Finding, Options, Rail


class InvisibleOptions(Options):
    """How much is borne."""

    max_chars: int = Field(
        16, ge=0, description="Invisible characters that a passage may have from careless pasting."
    )


class Invisible(Rail):
    """Finds passages with tag characters, or with more invisible characters than pasting leaves behind."""

    name = "invisible"
    stages = frozenset({"input", "passages"})
    Options = InvisibleOptions

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each stretch, if there is too much of it."""
        if text.isascii():
            return ()
        spans = [match.span() for match in INVISIBLE.finditer(text)]
        if TAGS.search(text) or sum(end - start for start, end in spans) > self.options.max_chars:
            return [Finding("invisible text", start, end, 1.0, "") for start, end in spans]
        return ()
