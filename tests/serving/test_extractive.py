"""The extractive generator: what it takes from passages, and how it shows it."""

from __future__ import annotations

import asyncio

import pytest

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.core.settings import GeneratorSettings
from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.serving.generate.base import Finished, Piece, Task, Written
from groundwork.serving.generate.extractive import ExtractiveGenerator, render, select_units

Part = tuple[BlockKind, str, float]
PROSE = BlockKind.PARAGRAPH
CODE = BlockKind.CODE
ITEM = BlockKind.LIST_ITEM
PRINTED = BlockKind.OUTPUT
SIGNATURE = BlockKind.SIGNATURE


def passage(*parts: Part, score: float = 1.0, anchor: str = "a") -> Passage:
    text, units = "", []
    for kind, content, _ in parts:
        start = len(text) + 2 if text else 0
        text += ("\n\n" if text else "") + content
        units.append(Unit(kind, start, len(text)))
    chunk = Chunk(
        f"id-{anchor}", "p.md", 0, "T", None, anchor, ("T",), "r", 0, len(text), text, text, anchor,
        tuple(units),
    )  # fmt: skip
    return Passage(chunk, score, 0.5, 0.5, tuple(part[2] for part in parts))


def written(*passages: Passage, cite: int = 5) -> list[Piece]:
    found = Retrieval("q", "docs", "v", passages, 0.9, 0.5, 3)

    async def run() -> list[Written]:
        generator = ExtractiveGenerator(GeneratorSettings(max_passages=cite))
        return [piece async for piece in generator.generate(Task("q", found))]

    *pieces, finished = asyncio.run(run())
    assert isinstance(finished, Finished)
    assert finished.usage.completion_tokens > 0
    return [piece for piece in pieces if isinstance(piece, Piece)]


def texts(source: Passage, sentences: int) -> list[str]:
    return [source.chunk.verbatim(unit) for unit in select_units(source, sentences)]


def test_the_run_grows_towards_the_better_neighbour() -> None:
    source = passage(
        (PROSE, "One.", 0.1), (PROSE, "Two.", 0.5), (PROSE, "Three.", 0.9), (PROSE, "Four.", 0.2)
    )
    assert texts(source, 2) == ["Two.", "Three."]
    assert texts(source, 3) == ["Two.", "Three.", "Four."]


def test_an_announcement_takes_its_code_along() -> None:
    source = passage((PROSE, "Run this:", 0.9), (CODE, "go --now", 0.1), (PROSE, "Done.", 0.2))
    assert texts(source, 1) == ["Run this:", "go --now"]


def test_code_is_never_without_the_sentence_before_it() -> None:
    source = passage((PROSE, "Stop it so.", 0.1), (CODE, "halt", 0.9))
    assert texts(source, 1) == ["Stop it so.", "halt"]


def test_what_a_notebook_printed_is_no_answer() -> None:
    best = passage(
        (PROSE, "The registry keeps models.", 0.3), (PRINTED, "What does the registry keep?", 0.9)
    )
    echo = passage((PRINTED, "What does the registry keep?", 0.9), score=0.95, anchor="b")
    assert texts(best, 1) == ["The registry keeps models."]
    assert len(written(best, echo)) == 1


@pytest.mark.parametrize(("score", "cited"), [(0.95, 2), (0.5, 1)])
def test_further_passages_are_cited_while_they_are_near(score: float, cited: int) -> None:
    pieces = written(
        passage((PROSE, "Best.", 0.9)), passage((PROSE, "Next.", 0.9), score=score, anchor="b")
    )
    assert len(pieces) == cited


def test_a_section_is_cited_once_and_the_setting_is_the_limit() -> None:
    many = [
        passage((PROSE, f"S{n}.", 0.9), score=1 - n / 100, anchor=f"a{n // 2}") for n in range(12)
    ]
    assert len(written(*many)) == 5
    assert len(written(*many, cite=2)) == 2


def test_a_quote_begins_behind_the_signature() -> None:
    pieces = written(
        passage((SIGNATURE, "join(iterable)", 0.5), (PROSE, "Joins the strings.", 0.9))
    )
    assert "join(iterable)" in pieces[0].text
    assert pieces[0].evidence is not None
    assert pieces[0].evidence.quote == "Joins the strings."


def test_code_is_fenced_and_a_fence_inside_it_is_no_end() -> None:
    source = passage((PROSE, "Write:", 0.9), (CODE, "```\nx\n```", 0.1), (ITEM, "- item", 0.1))
    shown = render(source.chunk, list(source.chunk.units))
    assert shown == "Write:\n\n````\n```\nx\n```\n````\n\n- item"
