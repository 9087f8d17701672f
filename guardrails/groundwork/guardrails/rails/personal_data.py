"""The personal data rail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import field_validator

from groundwork.guardrails.detect.patterns import scan
from groundwork.guardrails.detect.personal import KINDS, OPENING, personal_patterns
from groundwork.guardrails.rails.base import Context, Finding, Options, Parts, Rail


class PersonalDataOptions(Options):
    """What counts, and what is let through."""

    kinds: tuple[str, ...] = KINDS
    # Countries (ISO 3166) whose phone numbers are known without a plus sign.
    regions: tuple[str, ...] = ("US", "GB")
    # Let through what the passages of the answer say: a published address is the documentation's own.
    allow_from_passages: bool = True
    allow: tuple[str, ...] = ()

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"no such kind: {', '.join(sorted(unknown))}; there are {KINDS}")
        return kinds


class PersonalData(Rail):
    """Finds mail and IP addresses, card numbers, IBANs, SSNs and phone numbers. Names have no form to go by."""

    name = "personal_data"
    stages = frozenset({"input", "passages", "output"})
    reach = "match"
    Options = PersonalDataOptions

    def __init__(self, options: Any, parts: Parts) -> None:
        super().__init__(options, parts)
        self._patterns = personal_patterns(options.kinds, options.regions)
        self._allowed = frozenset(options.allow)
        self.spaced = max(pattern.spaced for pattern in self._patterns)

    def opening(self, context: Context) -> re.Pattern[str] | None:
        """Digits in groups, or letters and digits in groups."""
        del context
        return OPENING

    def warm(self) -> None:
        """Import phonenumbers."""
        self.check("call me on +1 415 555 2671", Context("input"))

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each."""
        return [
            Finding(kind, start, end)
            for kind, start, end in scan(self._patterns, text)
            if not self._is_allowed(text[start:end], context)
        ]

    def _is_allowed(self, value: str, context: Context) -> bool:
        if value in self._allowed:
            return True
        published = context.on == "output" and self.options.allow_from_passages
        return published and any(value in passage.chunk.text for passage in context.passages)
