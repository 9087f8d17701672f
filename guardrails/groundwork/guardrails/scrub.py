"""Text for traces and reports: without the personal data and secrets that have a form to go by."""

from __future__ import annotations

from functools import cache

from groundwork.guardrails.detect.patterns import Pattern, scan
from groundwork.guardrails.detect.pem import private_keys
from groundwork.guardrails.detect.personal import KINDS, personal_patterns
from groundwork.guardrails.detect.secrets import SECRETS
from groundwork.guardrails.rails.base import Finding
from groundwork.guardrails.redact import apply, regions

# Countries (ISO 3166) whose phone numbers are known without a plus sign, as the rail has them.
_REGIONS = ("US", "GB")


def scrub(text: str, most: int = 4000) -> str:
    """The text with `[kind removed]` where something was, cut to `most` characters afterwards."""
    found = [Finding(kind, start, end) for kind, start, end in scan(_patterns(), text)]
    found += [Finding("private key", key.start, key.end) for key in private_keys(text, final=True)]
    clean = apply(text, regions(found), 0, len(text))
    return clean if len(clean) <= most else clean[: most - 1] + "…"


@cache
def _patterns() -> tuple[Pattern, ...]:
    return (*personal_patterns(KINDS, _REGIONS), *SECRETS)
