"""The first rail against injection: phrases that give the assistant orders whoever writes them, in any disguise.

Rules come before the classifier because they are exact, cost microseconds and can be read. They hold what is never
a question about documentation; everything less certain is the classifier's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundwork.core.disguise import views
from groundwork.guardrails.rails.base import Context, Finding, Rail, whole

_ORDERS = r"(?:instructions?|directions?|guidelines|directives|prompts?|orders|commands|rules|tasks?|training)"
_RULES: tuple[tuple[str, str], ...] = (
    (
        "order to drop instructions",
        (
            r"(?:^|[.!?:;,\n\"'(*]\s*|\b(?:please|now|and|then|must|should|you)\s+)"
            r"(?:ignore|disregard|forget|override|neglect|do\s+not\s+follow|stop\s+following)\s+"
            rf"(?:(?:all|any|every|each|of|about|the|these|those|your|my|its)\s+){{0,3}}"
            rf"(?:previous|prior|above|earlier|preceding|foregoing|original|initial|system)\s+(?:\w+\s+)?{_ORDERS}\b"
        ),
    ),
    (
        "forged role",
        (
            r"<\|(?:im_start|im_end|system|endoftext|start_header_id)\|>|\[/?INST\]|<<SYS>>"
            r"|(?:^|\n)\s*\[?system\]?\s*(?:message|prompt|override)?\s*:\s*(?:you|ignore|override|new)\b"
        ),
    ),
    (
        "order to show the prompt",
        (
            r"(?:^|[.!?:;,\n]\s*|\b(?:and|then|now|please)\s+)(?:print|show|reveal|repeat|output|display|leak|reproduce)\s+"
            r"(?:me\s+)?(?:all\s+|the\s+|your\s+|full\s+|whole\s+|entire\s+|exact\s+|hidden\s+|secret\s+){0,4}"
            r"(?:text\s+of\s+your\s+|your\s+)(?:full\s+|hidden\s+|secret\s+|initial\s+|original\s+)?(?:system\s+)?"
            r"(?:prompt|instructions|guidelines)\b(?!\s+(?:for|on|to|about|how|when|if|of)\b)"
        ),
    ),
    (
        "order to shed limits",
        (
            r"\byou\s+are\s+(?:now\s+)?(?:DAN\b|no\s+longer\s+bound\b|free\s+(?:of|from)\s+(?:all|any|your)\s+\w+)"
            r"|\b(?:developer|jailbreak|god|dan)\s+mode\s+(?:is\s+)?(?:now\s+)?(?:on|enabled|activated)\b"
        ),
    ),
)  # fmt: skip
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)


class InjectionRules(Rail):
    """Certain signs of an order to the assistant. What is found in a decoded reading is about the whole text."""

    name = "injection_rules"
    stages = frozenset({"input", "passages"})

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """Each match in the text, and one finding for those that only a decoding shows."""
        found: list[Finding] = []
        for number, view in enumerate(views(text)):
            for kind, pattern in _COMPILED:
                match = pattern.search(view)
                if match is None:
                    continue
                if view == text:
                    found.append(Finding(kind, match.start(), match.end()))
                else:
                    found += whole(text, f"{kind}, disguised" if number else kind)
        return found
