"""The presidio rail: Microsoft Presidio's pattern recognisers, where it is installed.

It is no dependency of Groundwork: docs/decisions/rails.md weighs it. It runs on a blank spaCy model, which needs no
download and finds no names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundwork.core.errors import ConfigurationError
from groundwork.guardrails.rails.base import Context, Finding, Options, Parts, Rail


class PresidioOptions(Options):
    """What Presidio looks for; everything that it has a pattern for where `entities` is empty."""

    entities: tuple[str, ...] = ()
    language: str = "en"


class Presidio(Rail):
    """Finds what Presidio's patterns find, with Presidio's scores."""

    name = "presidio"
    stages = frozenset({"input", "output"})
    isolated = True
    Options = PresidioOptions

    def __init__(self, options: Any, parts: Parts) -> None:
        super().__init__(options, parts)
        self._analyzer = _analyzer(options.language)

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each result."""
        entities = list(self.options.entities) or None
        results = self._analyzer.analyze(text, language=self.options.language, entities=entities)
        return [
            Finding(each.entity_type.lower().replace("_", " "), each.start, each.end, each.score)
            for each in results
        ]


def _analyzer(language: str) -> Any:
    try:
        import spacy
        import tldextract.tldextract as suffixes
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError as error:
        raise ConfigurationError(
            f"the rail presidio needs presidio-analyzer and spacy ({error}); install them beside Groundwork"
        ) from None

    class Blank(SpacyNlpEngine):  # type: ignore[misc]  # presidio may not be installed
        """A spaCy pipeline without a model."""

        def load(self) -> None:
            """Nothing is downloaded."""
            self.nlp = {language: spacy.blank(language)}

    # Presidio's e-mail recogniser would fetch the list of public suffixes; the bundled one is used instead.
    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=())
    engine = Blank()
    engine.load()
    return AnalyzerEngine(nlp_engine=engine, supported_languages=[language])
