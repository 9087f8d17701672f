"""The scanner of pages: the classifier at the point of quarantine, stricter where a page hides what it says."""

from __future__ import annotations

from groundwork.classic.injection.predict import InjectionClassifier, Scored
from groundwork.core.disguise import blobs
from groundwork.core.documents import Document
from groundwork.core.scan import HIDDEN_TEXT, ScanFinding, prose

# Raise when the same weights judge the same page otherwise.
_RULES = "1"
# Of one encoded text, and the score that it must reach.
_LONGEST_READING = 4000
_BEYOND_DOUBT = 0.9


class InjectionScanner:
    """Judges every sentence of a page.

    What the page shows is condemned at the head's strict point, because documentation is full of imperatives. What it
    hides, or says in tag characters or base64, is condemned at the operating point: nobody hides a step of a guide.
    """

    def __init__(self, classifier: InjectionClassifier) -> None:
        self._classifier = classifier
        self.version = f"{_RULES}:{classifier.digest[:12]}"

    def scan(self, document: Document) -> ScanFinding | None:
        """The worst finding of a page."""
        text = prose(document)
        hidden = document.metadata.get(HIDDEN_TEXT, "")
        found = [
            *self._found("planted-instructions", self._shown(text)),
            *self._found("hidden-instructions", self._secret(hidden)),
            *self._found("disguised-instructions", self._disguised(document.text)),
        ]
        return max(found, key=lambda each: each.score, default=None)

    def _shown(self, text: str) -> list[Scored]:
        strict = self._classifier.weights.passage.strict
        return [one for one in self._classifier.page(text) if one.score >= strict]

    def _secret(self, text: str) -> list[Scored]:
        if not text.strip():
            return []
        parts = self._classifier.parts(text, kind="question")
        parts += self._classifier.parts(text, kind="passage")
        return [one for one in parts if one.score >= 0.5]

    def _disguised(self, text: str) -> list[Scored]:
        # A page about encodings is no attack; what it decodes to must be one beyond doubt.
        parts = [
            one
            for reading in blobs(text)
            for one in self._classifier.parts(reading[:_LONGEST_READING], kind="question")
        ]
        return [one for one in parts if one.score >= _BEYOND_DOUBT]

    def _found(self, reason: str, parts: list[Scored]) -> list[ScanFinding]:
        return [ScanFinding(reason, one.text, round(one.score, 4)) for one in parts]
