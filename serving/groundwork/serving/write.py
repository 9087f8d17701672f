"""The answer's text on its way out: generator -> output rails -> draft -> events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from groundwork.guardrails.stream import OutputWindow, Sent
from groundwork.serving.assistant import Assistant
from groundwork.serving.case import Case
from groundwork.serving.events import Cited, Delta
from groundwork.serving.generate.base import Finished, Mark, Piece, Task

NOT_FOUND = (
    "I could not find an answer to that in the documentation. "
    "Try other words, or name the feature, command or setting you mean."
)
Words = Delta | Cited


async def write(case: Case, assistant: Assistant) -> AsyncGenerator[Words, None]:
    """The text of a refusal, of a kept answer, or of a new one."""
    if case.refusal is not None:
        yield Delta(case.draft.write(case.refusal))
    elif case.hit is not None:
        yield Delta(case.draft.text)
        for citation in case.draft.citations:
            yield Cited(citation)
    else:
        if case.found is not None and case.found.answerable:
            async with aclosing(_generate(case, assistant)) as words:
                async for word in words:
                    yield word
        if not case.draft.citations and case.refusal is None:
            yield Delta(case.draft.write(f"\n\n{NOT_FOUND}" if case.draft.text else NOT_FOUND))


async def _generate(case: Case, assistant: Assistant) -> AsyncGenerator[Words, None]:
    if case.found is None:
        raise AssertionError("passages come before words")
    task = Task(
        question=case.standalone,
        retrieval=case.found,
        history=case.history,
        wanted=case.question.generator,
        frugal=case.admitted().frugal,
        canary=case.rails.canary,
        tally=case.tally,
    )
    passages = case.found.passages
    window = case.rails.output(passages)
    with case.trace.stage("generate"):
        # Closed at once when the client goes away, so that an engine stops working for nobody.
        async with aclosing(assistant.generator.generate(task)) as written:
            async for item in written:
                if isinstance(item, Finished):
                    case.finished(item)
                    continue
                for word in _words(case, _through(item, window)):
                    case.speaks()
                    yield word
                if window.blocked is not None:
                    break
    with case.trace.stage("output_rails"):
        for word in _words(case, await asyncio.to_thread(window.flush)):
            yield word
        case.verdicts += window.verdicts()
        if window.blocked is not None:
            case.withheld(window.blocked)
        checked = case.rails.check_citations(case.draft.text, case.draft.citations, passages)
        case.verdicts += checked.verdicts


def _through(item: Piece | Mark, window: OutputWindow) -> list[Sent]:
    """What the window lets out once it has this, too."""
    if isinstance(item, Mark):
        window.attach(item.evidence, item.covers)
        return window.push("")
    if item.evidence is None:
        return window.push(item.text)
    body = item.text.rstrip()
    sent = window.push(body)
    window.attach(item.evidence, len(body.lstrip()))
    return [*sent, *window.push(item.text[len(body) :])]


def _words(case: Case, sent: Sequence[Sent]) -> Iterator[Words]:
    """Text first, then the citations whose marks are in it."""
    passages = case.found.passages if case.found is not None else ()
    text, cited = "", []
    for each in sent:
        if isinstance(each, str):
            text += case.draft.write(each)
            continue
        if not case.rails.may_quote(each.item.quote, passages):
            # What a rail redacts in the text must not come back as its evidence.
            case.draft.dropped += 1
            continue
        mark, citation = case.draft.mark(Mark(each.item, each.covers))
        text += mark
        if citation is not None:
            cited.append(Cited(citation))
    if text:
        yield Delta(text)
    yield from cited
