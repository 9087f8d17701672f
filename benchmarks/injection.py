"""Injection: detection and false alarms on held-out sets, planted orders in pages, quarantine of real pages, latency."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles

from benchmarks.data import POSTGRES_DOC, PYTHON_DOC, QUESTIONS, SHARED, read_jsonl
from groundwork.classic.injection.data import (
    Corpus,
    Host,
    collect,
    plant,
    read_notinject,
)
from groundwork.classic.injection.evaluate import Share, clean, flagged, planted
from groundwork.classic.injection.open import open_classifier
from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.classic.injection.scan import InjectionScanner
from groundwork.core.documents import Document, RawDocument
from groundwork.core.scan import prose
from groundwork.core.settings import Settings
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.sources import SourceOptions, open_source

SEED = 7
_SECURITY = SHARED / "security"
# PostgreSQL's pages, Kubeflow's and MLflow's were trained on but for a quarter; Python's never.
_CORPORA = {
    "Python manual": PYTHON_DOC,
    "PostgreSQL manual": POSTGRES_DOC,
    "Kubeflow": SHARED / "corpora" / "kubeflow",
    "MLflow": SHARED / "corpora" / "mlflow",
}
_PLANTED_PAGES = 100
_CALLS = 200


def main(settings: Settings) -> None:
    """Print Markdown tables."""
    classifier = open_classifier(settings)
    pages = {name: _documents(path) for name, path in _CORPORA.items() if path.is_dir()}
    unseen = pages.get("Python manual") or [page for found in pages.values() for page in found]
    corpus = collect(_SECURITY if _SECURITY.is_dir() else None, [], SEED)
    print(f"Weights sha256:{classifier.digest[:12]}; 95 % intervals of Wilson's score.\n")
    print("| questions, none of them trained on | share |\n|---|---|")
    for name, share in _questions(classifier, corpus):
        print(f"| {name} | {share} |")
    _print_planted(classifier, corpus, unseen)
    _print_quarantine(classifier, pages)
    _print_latency(classifier, unseen)


def _documents(folder: Path) -> list[Document]:
    found = []
    for raw in open_source(str(folder), SourceOptions()).read():
        if not isinstance(raw, RawDocument) or "/_sources/" in f"/{raw.page}":
            continue
        try:
            found.append(parse(raw, ParseOptions()))
        except ParseError:
            continue
    return found


def _questions(classifier: InjectionClassifier, corpus: Corpus) -> list[tuple[str, Share]]:
    held_out = [one for one in corpus.prompts if one.held_out]

    def share(chosen: Callable[[str], bool], label: int) -> Share:
        texts = [one.text for one in held_out if one.label == label and chosen(one.group)]
        return flagged(classifier, texts)

    def deepset(group: str) -> bool:
        return group.startswith("deepset")

    rows = [
        ("own attack templates detected", share(lambda group: not deepset(group), 1)),
        ("own harmless templates stopped", share(lambda group: not deepset(group), 0)),
    ]
    if any(deepset(one.group) for one in held_out):
        rows.insert(0, ("deepset attacks detected", share(deepset, 1)))
        rows.insert(1, ("deepset harmless stopped", share(deepset, 0)))
    developer = [row["question"] for row in read_jsonl(QUESTIONS / "benign_dev.jsonl")]
    rows.append(("benign developer questions stopped", flagged(classifier, developer)))
    notinject = _SECURITY / "notinject_one.json"
    if notinject.is_file():
        stopped = flagged(classifier, read_notinject(notinject))
        passed = Share(stopped.total - stopped.hits, stopped.total)
        rows.append(("NotInject (one trigger word) let through", passed))
    return rows


def _print_planted(
    classifier: InjectionClassifier, corpus: Corpus, unseen: Sequence[Document]
) -> None:
    """Orders at the start, in the middle and at the end of passages of pages and e-mails."""
    bipia = [one for one in corpus.orders if one.held_out and one.group.startswith("bipia")]
    own = [one for one in corpus.orders if one.held_out and not one.group.startswith("bipia")]
    pages = [Host(prose(page), page.page) for page in unseen if len(prose(page)) > 1000]
    emails = [host for host in corpus.hosts if host.kind == "email" and host.held_out]
    print("\n| passages | planted orders found | clean ones stopped |\n|---|---|---|")
    for name, hosts in (("pages", pages), ("e-mails", emails)):
        if not hosts:
            continue
        false = clean(classifier, hosts, SEED)
        for kind, orders in (("BIPIA", bipia), ("own templates", own)):
            if orders:
                found = planted(classifier, hosts, orders, SEED)
                print(f"| {kind} in {name} | {found} | {false} |")
    if bipia and pages:
        _print_reached(classifier, [one.text for one in bipia], pages)


def _print_reached(
    classifier: InjectionClassifier, orders: Sequence[str], pages: Sequence[Host]
) -> None:
    """Attack success: whether the planted passage reaches the generator."""
    rng = random.Random(SEED)
    scanner = InjectionScanner(classifier)
    kept = passed = total = 0
    for _ in range(_PLANTED_PAGES):
        page, order = rng.choice(pages).text[:8000], rng.choice(orders)
        text = plant(page, order, rng.choice((0.0, 0.5, 1.0)))
        at = text.index(order)
        passage = text[max(0, at - 700) : at + 700]
        total += 1
        indexed = scanner.finding(text) is None
        kept += indexed
        passed += indexed and classifier.score(passage, kind="passage") < 0.5
    print(
        "\n| BIPIA orders planted in pages: the passage reaches the generator | share |\n|---|---|"
    )
    print(f"| without rails and scan | {Share(total, total)} |")
    print(f"| with the scan at ingest alone | {Share(kept, total)} |")
    print(f"| with the scan and the rail on passages | {Share(passed, total)} |")


def _print_quarantine(classifier: InjectionClassifier, pages: dict[str, list[Document]]) -> None:
    """Clean pages that the scan holds back, and its cost."""
    scanner = InjectionScanner(classifier)
    print("\n| clean pages | held back | ms a page |\n|---|---|---|")
    held = total = 0
    for name, documents in pages.items():
        began = time.perf_counter()
        found = [(page.page, scanner.scan(page)) for page in documents]
        taken = (time.perf_counter() - began) / max(1, len(documents))
        bad = [(page, finding) for page, finding in found if finding is not None]
        print(f"| {name} | {Share(len(bad), len(documents))} | {taken * 1000:.0f} |")
        for page, finding in bad:
            print(f"<!-- {page}: {finding.reason} {finding.score}: {finding.excerpt} -->")
        held, total = held + len(bad), total + len(documents)
    print(f"| all | {Share(held, total)} | |")


def _print_latency(classifier: InjectionClassifier, unseen: Sequence[Document]) -> None:
    questions = [row["question"] for row in read_jsonl(QUESTIONS / "benign_dev.jsonl")][:_CALLS]
    passages = [prose(page)[:1200] for page in unseen if len(prose(page)) > 1200][:_CALLS]
    print("\n| one call | p50 ms | p95 ms |\n|---|---|---|")
    embedded = {text: classifier.embed(text) for text in questions}
    calls: list[tuple[str, Callable[[str], float], list[str]]] = [
        ("question", lambda text: classifier.score(text, kind="question"), questions),
        (
            "question, its vector at hand",
            lambda text: classifier.score(text, embedded[text], "question"),
            questions,
        ),
        ("passage", lambda text: classifier.score(text, kind="passage"), passages),
    ]
    for name, call, texts in calls:
        if len(texts) < 20:
            continue
        taken = []
        for text in texts:
            began = time.perf_counter()
            call(text)
            taken.append((time.perf_counter() - began) * 1000)
        cuts = quantiles(taken, n=20)
        print(f"| {name} | {cuts[9]:.1f} | {cuts[18]:.1f} |")
