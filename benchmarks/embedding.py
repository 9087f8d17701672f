"""What the product's embedder loses against the same model in float32: dense retrieval alone, on the same chunks."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.data import SETS, Labelled
from benchmarks.quality import interval, ranks, scores
from groundwork.cli.compose import open_tools
from groundwork.core.documents import Chunk, RawDocument
from groundwork.core.settings import Settings
from groundwork.ingestion.chunk import chunk_document
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.sources import SourceOptions, open_source
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.embed.sentence import SentenceTransformersEmbedder
from groundwork.retrieval.passages import Passage

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT = 0.003
_DEPTH = 200
_NDCG = 3
# Of the Python manual only the FAQ's own pages: all of it in float32 takes a quarter of an hour.
_PAGES = {"xquad": (), "python-faq": ("faq/*.html",)}


@dataclass(frozen=True, slots=True)
class Material:
    """A labelled set, laid out and cut as an ingest does it."""

    name: str
    chunks: list[Chunk]
    questions: list[Labelled]


def main(settings: Settings, questions: int | None = None) -> None:
    """Print a Markdown table. Fails where a loss is over LIMIT."""
    with open_tools(settings, ParseOptions()) as tools:
        product = tools.embedder
    reference = SentenceTransformersEmbedder(settings.embedder.model)
    rows, losses = [], []
    for name in _PAGES:
        material = _material(settings, name, questions)
        float32, seconds_float32 = _places(reference, material)
        int8, seconds_int8 = _places(product, material)
        difference = scores(float32) - scores(int8)
        loss, low, high = interval(difference)[_NDCG]
        losses.append(loss)
        rows.append(
            f"| {name} | {len(material.chunks):,} | {len(material.questions):,} | "
            f"{scores(float32)[:, _NDCG].mean():.4f} | {scores(int8)[:, _NDCG].mean():.4f} | "
            f"{loss:+.4f} ({low:+.4f} to {high:+.4f}) | {seconds_float32:.0f} | {seconds_int8:.0f} |"
        )
    print(
        f"{product.identity} against {reference.identity}; exact cosine, no lexical part. CPU-seconds are "
        f"of embedding; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.\n"
    )
    print(
        "| set | chunks | questions | float32 nDCG@10 | ours | loss (95 %) | float32 CPU-s | ours |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    assert max(losses) <= LIMIT, f"a loss of {max(losses):.4f} is over {LIMIT}"
    print(f"\nNo loss is over {LIMIT}.")


def _material(settings: Settings, name: str, limit: int | None) -> Material:
    chosen = next(each for each in SETS if each.name == name)
    options = ParseOptions(site=chosen.site)  # type: ignore[arg-type]  # one of its literals
    chunks: list[Chunk] = []
    with tempfile.TemporaryDirectory() as work, open_tools(settings, options) as tools:
        folder = Path(work) / name
        questions = chosen.prepare(folder)
        source = open_source(str(folder), SourceOptions(include=_PAGES[name]))
        for raw in source.read():
            if not isinstance(raw, RawDocument):
                continue
            try:
                document = parse(raw, options)
            except ParseError:  # a page of links; an ingest skips it too
                continue
            chunks += chunk_document(document, tools.embedder.count_tokens, tools.chunking)
    return Material(name, chunks, questions[:limit])


def _places(embedder: Embedder, material: Material) -> tuple[list[float], float]:
    """Where each question's first gold section stands, and the CPU-seconds of embedding."""
    began = time.process_time()
    passages = embedder.embed([chunk.embedding_text for chunk in material.chunks])
    questions = embedder.embed([question.text for question in material.questions])
    seconds = time.process_time() - began
    cosines = questions @ passages.T
    places = [
        ranks(question, _ordered(row, material.chunks))
        for question, row in zip(material.questions, cosines, strict=True)
    ]
    return places, seconds


def _ordered(cosines: NDArray[np.float32], chunks: Sequence[Chunk]) -> list[Passage]:
    order = np.argsort(-cosines, kind="stable")[:_DEPTH]
    return [Passage(chunks[n], float(cosines[n]), float(cosines[n]), 0.0) for n in order]
