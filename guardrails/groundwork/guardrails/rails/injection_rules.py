"""The first rail against injection: phrases that give the assistant orders whoever writes them, in any disguise.

Rules come before the classifier because they are exact, cost microseconds and can be read. They hold what is never
a question about documentation; everything less certain is the classifier's.
"""

from __future__ import annotations

from collections.abc import Sequence

from groundwork.core.disguise import views
from groundwork.core.orders import ORDERS
from groundwork.guardrails.rails.base import Context, Finding, Rail, whole


class InjectionRules(Rail):
    """Certain signs of an order to the assistant. What is found in a decoded reading is about the whole text."""

    name = "injection_rules"
    stages = frozenset({"input", "passages"})

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """Each match in the text, and one finding for those that only a decoding shows."""
        found: list[Finding] = []
        for number, view in enumerate(views(text)):
            for kind, pattern in ORDERS:
                match = pattern.search(view)
                if match is None:
                    continue
                if view == text:
                    found.append(Finding(kind, match.start(), match.end()))
                else:
                    found += whole(text, f"{kind}, disguised" if number else kind)
        return found
