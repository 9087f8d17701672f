"""The bundled guides pass the scan that ships with them: a guide that is held back answers nobody."""

from pathlib import Path

from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.classic.injection.scan import InjectionScanner
from groundwork.core.documents import RawDocument
from groundwork.ingestion.parse import ParseOptions, parse
from groundwork.ingestion.sources import open_source
from tests.retrieval.embed_world import bundled_embedder

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_no_guide_is_held_back() -> None:
    scanner = InjectionScanner(InjectionClassifier.load(bundled_embedder))
    read, held = 0, []
    for raw in open_source(str(DOCS)).read():
        if isinstance(raw, RawDocument):
            read += 1
            finding = scanner.scan(parse(raw, ParseOptions()))
            if finding is not None:
                held.append(f"{raw.page}: {finding.snippet}")
    assert read > 50
    assert held == []
