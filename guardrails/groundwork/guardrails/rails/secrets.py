"""The secrets rail: keys, tokens and passwords."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundwork.guardrails.detect.patterns import scan
from groundwork.guardrails.detect.pem import OPENING, SPACED, private_keys
from groundwork.guardrails.detect.secrets import SECRETS
from groundwork.guardrails.rails.base import Context, Finding, Rail


class Secrets(Rail):
    """Finds secrets by the forms that issuers give them, private keys, and random values behind a telling name."""

    name = "secrets"
    stages = frozenset({"input", "passages", "output"})
    reach = "match"
    spaced = SPACED

    def opening(self, context: Context) -> re.Pattern[str] | None:
        """The BEGIN line of a private key; all other secrets are unbroken."""
        del context
        return OPENING

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each secret."""
        found = [Finding(kind, start, end) for kind, start, end in scan(SECRETS, text)]
        found += [
            Finding("private key", key.start, key.end, open=key.open)
            for key in private_keys(text, final=context.final)
        ]
        return found
