"""What tests of the writing generator share: passages, and a run of it over a scripted engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from groundwork.core.answers import Citation, Turn
from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.core.metering.tally import Tally
from groundwork.core.settings import GeneratorSettings
from groundwork.retrieval.embed.base import PassageText
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.passages import Passage, Retrieval
from groundwork.serving.draft import Draft
from groundwork.serving.engine.local import ScriptedEngine
from groundwork.serving.engine.script import Script
from groundwork.serving.generate.base import Finished, Mark, Task
from groundwork.serving.generate.llm import LLMGenerator

EMBEDDER = HashingEmbedder()
ROLLBACK = (
    "Rolling back moves the alias to the previous version.",
    "It takes effect within 1 second.",
    "The old version is not deleted.",
)
PORT = ("The service listens on port 8080.", "Set `service.port` or pass --port to change it.")
CODE = ("Start it with this command:", "groundwork up --port 9000", "Stop it with Ctrl-C.")


def passage(
    *texts: str, page: str = "a.md", ordinal: int = 0, score: float = 1.0, start: int = 50
) -> Passage:
    """One unit a text; a text that starts with `groundwork ` is code."""
    body, units = "", []
    for text in texts:
        begin = start + len(body) + (2 if body else 0)
        body += ("\n\n" if body else "") + text
        kind = BlockKind.CODE if text.startswith("groundwork ") else BlockKind.PARAGRAPH
        units.append(Unit(kind, begin, begin + len(text)))
    chunk = Chunk(
        f"{page}-{ordinal}", page, ordinal, "T", None, "x", ("T", "Section"), "r", start, start + len(body), body,
        body, f"{page}{ordinal}", tuple(units),
    )  # fmt: skip
    spans = tuple((unit.start - start, unit.end - start) for unit in units)
    vectors = EMBEDDER.embed_passages([PassageText(body, spans)])[0]
    return Passage(chunk, score, 0.5, 0.5, (0.5,) * len(units), vectors.units)


PASSAGES = (
    passage(*ROLLBACK, page="a.md"),
    passage(*PORT, page="b.md", score=0.9),
    passage(*CODE, page="c.md", score=0.8),
)


@dataclass
class Written:
    """What came out, as the draft holds it."""

    text: str
    citations: list[Citation]
    record: dict[str, Any]
    tally: Tally
    finished: Finished
    deltas: list[str]

    def cited(self) -> list[tuple[str, str]]:
        return [(self.text[each.start : each.end], each.quote) for each in self.citations]


def task(
    passages: tuple[Passage, ...] = PASSAGES, question: str = "How?", frugal: bool = False,
    history: tuple[Turn, ...] = (),
) -> Task:  # fmt: skip
    found = Retrieval(question, "docs", "v1", passages, 0.9, 0.5, 3)
    return Task(question, found, history, frugal=frugal)


def write(
    text: str, asked: Task | None = None, tokens: int | None = None, **settings: Any
) -> Written:
    engine = ScriptedEngine(script=Script(text=text, tokens=tokens))
    return run(LLMGenerator(engine, GeneratorSettings(**settings), EMBEDDER), asked or task())


def run(generator: LLMGenerator, asked: Task) -> Written:
    draft = Draft(asked.retrieval.passages)
    finished: list[Finished] = []
    deltas: list[str] = []

    async def go() -> None:
        async for item in generator.generate(asked):
            if isinstance(item, Finished):
                finished.append(item)
            else:
                sent, _ = draft.mark(item) if isinstance(item, Mark) else draft.add(item)
                deltas.append(sent)

    asyncio.run(go())
    assert len(finished) == 1
    assert draft.dropped == 0
    assert "".join(deltas) == draft.text
    return Written(
        draft.text, draft.citations, dict(finished[0].record), asked.tally, finished[0], deltas
    )
