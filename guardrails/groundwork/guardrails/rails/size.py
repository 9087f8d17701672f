"""The size rail: questions that are too long to be one."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from groundwork.guardrails.rails.base import Context, Finding, Options, Rail, whole


class SizeOptions(Options):
    """Limits of a question."""

    max_chars: int = Field(8000, gt=0, description="Code points.")
    max_lines: int = Field(400, gt=0, description="Lines.")
    max_run: int = Field(
        2000, gt=0, description="Code points without any white space between them."
    )


class Size(Rail):
    """Finds texts that are longer than the limits."""

    name = "size"
    stages = frozenset({"input"})
    Options = SizeOptions

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for the first limit that is passed."""
        options = self.options
        if len(text) > options.max_chars:
            return whole(text, f"longer than {options.max_chars} characters")
        if text.count("\n") >= options.max_lines:
            return whole(text, f"more than {options.max_lines} lines")
        if max(map(len, text.split()), default=0) > options.max_run:
            return whole(text, f"more than {options.max_run} characters without a space")
        return ()
