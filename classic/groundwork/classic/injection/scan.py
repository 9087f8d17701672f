"""The scanner of pages: the classifier at the point of quarantine, stricter where a page hides what it says."""

from __future__ import annotations

from groundwork.classic.injection.predict import InjectionClassifier, Scored, log_odds
from groundwork.classic.injection.windows import sentences
from groundwork.core.disguise import blobs, undisguised
from groundwork.core.documents import Document
from groundwork.core.orders import ORDERS
from groundwork.core.scan import HIDDEN_TEXT, ScanFinding, prose

# Log-odds: what a sentence of a page must have by one head, and by both, where one does not suffice. Measured on clean
# pages (docs/decisions/injection.md).
_SUSPECT = 1.0
_TOGETHER = 4.0
_HIDDEN_TOGETHER = 1.0
# Raise when the same weights judge the same page otherwise.
_RULES = "2"
# Of one encoded text, and the score that it must reach.
_LONGEST_READING = 4000
_BEYOND_DOUBT = 0.9


class InjectionScanner:
    """Judges every sentence of a page.

    What the page shows is condemned at the head's strict point, because documentation is full of imperatives. What it
    hides is condemned sooner, by both heads together: authors leave each other notes in comments, and no orders.
    """

    def __init__(self, classifier: InjectionClassifier) -> None:
        self._classifier = classifier
        self.version = f"{_RULES}:{classifier.digest[:12]}"

    def scan(self, document: Document) -> ScanFinding | None:
        """The worst finding of a page."""
        return self.finding(prose(document), document.metadata.get(HIDDEN_TEXT, ""), document.text)

    def finding(self, shown: str, hidden: str = "", source: str = "") -> ScanFinding | None:
        """The worst finding of what a page shows, hides and encodes."""
        found = [
            *self._found("planted-instructions", [*_ruled(shown), *self._shown(shown)]),
            *self._found("hidden-instructions", self._secret(hidden)),
            *self._found("disguised-instructions", self._disguised(source)),
        ]
        return max(found, key=lambda each: each.score, default=None)

    def _shown(self, text: str) -> list[Scored]:
        return [one for one in self._classifier.page(text) if self._condemns(one)]

    def _condemns(self, one: Scored) -> bool:
        """Beyond doubt by the head for passages, or by both heads together."""
        if one.score >= self._classifier.weights.passage.strict:
            return True
        return log_odds(one.score) > _SUSPECT and self._together(one) >= _TOGETHER

    def _together(self, one: Scored) -> float:
        return log_odds(one.score) + log_odds(self._classifier.alone(one.text))

    def _secret(self, text: str) -> list[Scored]:
        if not text.strip():
            return []
        told = self._classifier.sentences(sentences(undisguised(text)))
        return _ruled(text) + [one for one in told if self._together(one) >= _HIDDEN_TOGETHER]

    def _disguised(self, text: str) -> list[Scored]:
        # A page about encodings is no attack; what it decodes to must be one beyond doubt.
        parts = [one for reading in blobs(text) for one in _ruled(reading)]
        parts += [
            one
            for reading in blobs(text)
            for one in self._classifier.parts(reading[:_LONGEST_READING], kind="question")
        ]
        return [one for one in parts if one.score >= _BEYOND_DOUBT]

    def _found(self, reason: str, parts: list[Scored]) -> list[ScanFinding]:
        return [ScanFinding(reason, one.text, round(one.score, 4)) for one in parts]


def _ruled(text: str) -> list[Scored]:
    """Sentences with a phrase that is an order whoever writes it."""
    return [
        Scored(sentence, 1.0)
        for sentence in sentences(undisguised(text))
        if any(pattern.search(sentence) for _, pattern in ORDERS)
    ]
