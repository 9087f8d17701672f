"""Search and answer latency: an index of 50,000 chunks, and answers from the bundled guides."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from benchmarks.data import ROOT
from benchmarks.setup import ingest_folder, open_retriever
from benchmarks.synthetic import INDEX, Synthetic, build
from groundwork.cli.compose import open_index_store, open_services
from groundwork.core.settings import Settings
from groundwork.core.telemetry import Trace
from groundwork.retrieval.embed.export import exported
from groundwork.retrieval.embed.factory import create_embedder
from groundwork.serving.answer import complete
from groundwork.serving.case import Question

CHUNKS = 50_000
QUERIES = 200
_QUERY_WORDS = 8
_OPENINGS = 5
_ANSWERS = 60
QUESTIONS = (
    "How do I start the service again?",
    "How is the port changed?",
    "What makes a citation hold?",
    "When is no answer given?",
    "How do I change the confidence threshold?",
    "What does an answer cost?",
    "Why is nothing rounded?",
    "How do I use another embedding model?",
    "How do I stream an answer?",
    "Where does an answer's text come from?",
    "How long are charges kept?",
    "How do I give feedback on an answer?",
)


def main(settings: Settings, chunks: int = CHUNKS, queries: int = QUERIES) -> None:
    """Print a Markdown table."""
    with tempfile.TemporaryDirectory() as temporary:
        home = _home(settings, Path(temporary))
        dimension = create_embedder(home).dimension
        made = Synthetic(dimension)
        began = time.perf_counter()
        with open_index_store(home) as store:
            build(store, made, chunks)
        built = time.perf_counter() - began
        questions = [" ".join(made.words(_QUERY_WORDS)) + "?" for _ in range(queries)]
        opening = _openings(home)
        searches = _searches(home, questions)
        answers = _answers(home)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end. An index of {chunks:,} chunks of "
        f"{dimension} dimensions, written in {built:.0f} s; one question at a time, its embedding included.\n"
    )
    print("| what | n | p50 ms | p95 ms | CPU p50 ms | CPU p95 ms |")
    print("|---|---|---|---|---|---|")
    _row(f"search, {chunks:,} chunks", searches)
    _row("answer, the bundled guides", answers)
    _row(f"open a reader, {chunks:,} chunks", opening)


def _home(settings: Settings, folder: Path) -> Settings:
    """The same settings on an empty home, with the exported model of the other one."""
    home = settings.model_copy(update={"home": folder})
    if settings.embedder.engine == "onnx":
        exported(settings.embedder.model, settings.models)
        home.models.symlink_to(settings.models)
    return home


def _openings(settings: Settings) -> list[tuple[float, float]]:
    with open_index_store(settings) as store:
        return [_timed(lambda: store.open(INDEX).close()) for _ in range(_OPENINGS)]


def _searches(settings: Settings, questions: Iterable[str]) -> list[tuple[float, float]]:
    with open_retriever(settings) as retriever:
        # The first one opens the model and the version.
        retriever.retrieve("warm up", INDEX)
        return [
            _timed(lambda question=question: retriever.retrieve(question, INDEX))  # type: ignore[misc]  # bound now
            for question in questions
        ]


def _answers(settings: Settings) -> list[tuple[float, float]]:
    ingest_folder(settings, ROOT / "docs", "docs")
    with open_services(settings) as services:

        def ask(text: str) -> bool:
            question = Question(text, "docs")
            return asyncio.run(complete(question, services.assistant, Trace())).abstained

        abstained = sum(ask(text) for text in QUESTIONS)
        taken = [
            _timed(lambda n=n: ask(QUESTIONS[n % len(QUESTIONS)]))  # type: ignore[misc]  # bound now
            for n in range(_ANSWERS)
        ]
    print(
        f"Of {len(QUESTIONS)} questions about the guides {len(QUESTIONS) - abstained} are answered."
    )
    return taken


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU milliseconds, all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def _row(name: str, taken: list[tuple[float, float]]) -> None:
    wall, cpu = np.quantile(np.array(taken), (0.5, 0.95), axis=0).T
    print(
        f"| {name} | {len(taken)} | {wall[0]:.1f} | {wall[1]:.1f} | {cpu[0]:.1f} | {cpu[1]:.1f} |"
    )
