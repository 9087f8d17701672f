"""The embedded generator: the sentences, steps and code that answer, word for word, each cited.

From the best passage it takes the run of units around its best one; from further passages that score nearly as
well, their best unit. Code and tables stay whole, and come along where the sentence before announces them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from groundwork.core.answers import Usage
from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.core.metering.prices import GENERATE
from groundwork.core.settings import GeneratorSettings
from groundwork.core.tokens import count_tokens
from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.serving.generate.base import Evidence, Finished, Piece, Reach, Task, Written

VERSION = "extractive-4"
_WHOLE = frozenset({BlockKind.CODE, BlockKind.TABLE, BlockKind.OUTPUT, BlockKind.SIGNATURE})
# Sentences from the best passage, and from each further one.
_FIRST_SENTENCES = 3
_FURTHER_SENTENCES = 1
# A further passage is worth citing when it scores at most this much less than the best one.
_MARGIN = 0.4
# A passage that is quoted whole has hardly more.
_MAX_TOKENS = 400


class ExtractiveGenerator:
    """Needs no model: what it writes stands in the documentation."""

    def __init__(self, settings: GeneratorSettings) -> None:
        self._max_passages = settings.max_passages
        self.model = "extractive"
        self.identity = f"{VERSION}:{settings.max_passages}"

    def warm(self) -> None:
        """Load the token counter's table."""
        count_tokens("")

    def reach(self, wanted: str | None, *, frugal: bool = False) -> tuple[Reach, ...]:
        """Quotes are as long as what is quoted."""
        del wanted, frugal
        return (Reach(self.model, _MAX_TOKENS * self._max_passages),)

    async def generate(self, task: Task) -> AsyncGenerator[Written, None]:
        """One piece a passage, best first."""
        chosen = self._chosen(task.retrieval)
        written = []
        for number, passage in enumerate(chosen):
            size = _FIRST_SENTENCES if number == 0 else _FURTHER_SENTENCES
            units = select_units(passage, size)
            text = ("\n\n" if number else "") + render(passage.chunk, units)
            written.append(text)
            yield Piece(text, _evidence(passage, units))
        read = sum(count_tokens(passage.chunk.text) for passage in chosen)
        usage = Usage(prompt_tokens=read, completion_tokens=count_tokens("".join(written)))
        task.tally.tokens(GENERATE, self.model, usage)
        yield Finished(usage, self.model)

    def _chosen(self, retrieval: Retrieval) -> list[Passage]:
        best, *further = retrieval.passages
        chosen = [best]
        sections = {(best.chunk.page, best.chunk.anchor)}
        for passage in further:
            section = (passage.chunk.page, passage.chunk.anchor)
            if len(chosen) == self._max_passages or best.score - passage.score > _MARGIN:
                break
            if section not in sections and not _only_output(passage):
                sections.add(section)
                chosen.append(passage)
        return chosen


def _only_output(passage: Passage) -> bool:
    return all(unit.kind is BlockKind.OUTPUT for unit in passage.chunk.units)


def _evidence(passage: Passage, units: list[Unit]) -> Evidence:
    """The run as one quote. A signature that leads it stays out: pages set permalinks between the two."""
    telling = [unit for unit in units if unit.kind is not BlockKind.SIGNATURE] or units
    return Evidence(passage, telling[0].start, telling[-1].end)


def select_units(passage: Passage, sentences: int) -> list[Unit]:
    """A contiguous run of the passage's units, around the best one, of about so many sentences.

    The run grows towards its better neighbour; a unit that ends in a colon takes what it announces along.
    """
    units = passage.chunk.units
    scores = passage.unit_scores or tuple(1.0 / (n + 1) for n in range(len(units)))
    # What a notebook printed repeats the question more often than it answers it.
    start = end = max(
        range(len(units)),
        key=lambda n: (units[n].kind is not BlockKind.OUTPUT, scores[n], -n),
    )
    while end - start + 1 < min(sentences, len(units)):
        before = scores[start - 1] if start > 0 else float("-inf")
        after = scores[end + 1] if end + 1 < len(units) else float("-inf")
        if before > after:
            start -= 1
        else:
            end += 1
    # Code alone says nothing without the sentence that leads to it.
    if start > 0 and units[start].kind in _WHOLE and units[start - 1].kind not in _WHOLE:
        start -= 1
    while end + 1 < len(units) and _announces(passage.chunk, units[end]):
        end += 1
    return list(units[start : end + 1])


def _announces(chunk: Chunk, unit: Unit) -> bool:
    return unit.kind not in _WHOLE and chunk.plain(unit).rstrip().endswith(":")


def render(chunk: Chunk, units: list[Unit]) -> str:
    """Markdown: sentences of a paragraph joined by spaces, code fenced, list items on lines of their own."""
    parts: list[str] = []
    before: Unit | None = None
    for unit in units:
        parts.append(_joint(chunk, before, unit))
        parts.extend(_block(chunk, unit))
        before = unit
    return "".join(parts)


def _joint(chunk: Chunk, before: Unit | None, unit: Unit) -> str:
    if before is None:
        return ""
    gap = chunk.text[before.end - chunk.start : unit.start - chunk.start]
    if unit.kind in _WHOLE or before.kind in _WHOLE:
        return "\n\n"
    if unit.kind is BlockKind.LIST_ITEM and "\n" in gap:
        return "\n"
    return "\n\n" if gap.count("\n") > 1 else " "


def _block(chunk: Chunk, unit: Unit) -> Iterator[str]:
    text = chunk.plain(unit)
    if unit.kind is BlockKind.TABLE and "|" in text:
        yield from (text,)
    elif unit.kind in _WHOLE:
        fence = "```" if "```" not in text else "````"
        yield f"{fence}{unit.language}\n{text.rstrip()}\n{fence}"
    else:
        # A page's own line breaks inside a sentence are no breaks of ours.
        yield " ".join(text.split())
