"""Phrases that give a language model orders, whoever writes them: exact, and readable.

The rail on questions and passages and the scan of pages share them. They hold what is never a question about
documentation; everything less certain is the classifier's.
"""

from __future__ import annotations

import re

_ORDERS = r"(?:instructions?|directions?|guidelines|directives|prompts?|orders|commands|rules|tasks?|training)"
_RULES: tuple[tuple[str, str], ...] = (
    (
        "address to the model",
        (
            r"\b(?:note|message|attention|hint|dear|hey|listen|instructions?|reminder)\s*[:,]?\s+"
            r"(?:(?:to|for|all|any|every|the)\s+){0,3}"
            r"(?:(?:large\s+)?language\s+models?|llms?|ai(?:\s+(?:assistants?|models?|agents?|systems?))?"
            r"|chat\s?bots?|assistants?)\b\s*(?:[:,;–—-]|that\b|reading\b)"
        ),
    ),
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
            r"|\b(?:jailbreak|god|dan)\s+mode\s+(?:is\s+)?(?:now\s+)?(?:on|enabled|activated)\b"
        ),
    ),
)  # fmt: skip
ORDERS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)
