"""Candidate questions that a language model writes: the steps of RAGAS' test-set generator on an index's sections.

RAGAS' own generator runs these steps in event loops of its own and asks the model for readers to imagine; here they run in
one loop, which the connections to the model live in, with readers of our choice.
"""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import Unavailable
from groundwork.core.metering.accounts import Accounts
from groundwork.core.settings import JudgeSettings
from groundwork.evals.candidates.plain import Candidate
from groundwork.evals.candidates.sections import Section
from groundwork.evals.golden import MULTI_PAGE, Example
from groundwork.evals.metrics.judged import Calls, JudgeFailed, open_judge
from groundwork.evals.metrics.ragas import ragas_embeddings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

MODEL = "model"
# Sections that a model reads for each question that is wanted; each costs it three calls.
_SECTIONS_EACH = 2
_FEWEST_SECTIONS = 12
_SHORTEST = 80
# RAGAS marks the parts of a question over several sections so.
_HOP = "-hop>\n\n"
_AT_ONCE = 8
# RAGAS' own thresholds for sections that have to do with each other.
_ALIKE, _OVERLAP = 0.7, 0.01
_EMBEDDED = "summary_embedding"
_PROPERTIES = frozenset(("summary", _EMBEDDED, "themes", "entities"))
# From these the model is to ask.
_READERS = {
    "Newcomer": "Has just installed the product and wants to get a first thing done.",
    "Operator": "Runs the product for others and looks after limits, upgrades and failures.",
    "Developer": "Builds on the product's interfaces and wants exact names and formats.",
}
# What RAGAS raises where a reply has the right shape and makes no sense: a reader that is none, an empty list.
_NO_SENSE = (JudgeFailed, ValueError, LookupError, TypeError, AttributeError, ZeroDivisionError)


def write_questions(
    settings: JudgeSettings,
    accounts: Accounts,
    embed: Embed,
    sections: Sequence[Section],
    count: int,
    seed: int = 11,
) -> list[Candidate]:
    """Up to `count` questions, with the places that the model read for them. Its calls are charged as the judge's.

    Raises Unavailable where the model is not there, or where its replies are of no use.
    """
    chosen = _chosen(sections, count, seed)
    if not chosen:
        raise Unavailable("the index has no section that is long enough to ask about")

    async def work() -> list[Any]:
        judge = await open_judge(settings, accounts, embed)
        if judge is None:
            raise AssertionError("somebody writes the questions")
        calls = judge.calls()
        try:
            return await _write(calls, embed, chosen, count)
        finally:
            await asyncio.to_thread(judge.charge, calls)
            await judge.close()

    # RAGAS draws from the module's own generator.
    state = random.getstate()
    random.seed(seed)
    try:
        with warnings.catch_warnings():
            # It leaves the file open that holds the id it would report, were its telemetry on.
            warnings.simplefilter("ignore", ResourceWarning)
            samples = asyncio.run(work())
    finally:
        random.setstate(state)
    places = {_squeezed(one.text): one.place for one in chosen}
    found = (_candidate(sample, places) for sample in samples)
    return [one for one in found if one is not None][:count]


async def _write(calls: Calls, embed: Embed, chosen: Sequence[Section], count: int) -> list[Any]:
    from ragas.testset.persona import Persona
    from ragas.testset.synthesizers import default_query_distribution
    from ragas.testset.synthesizers.utils import calculate_split_values

    llm = calls.as_ragas()
    graph = await _graph(llm, embed, chosen)
    readers = [Persona(name=name, role_description=what) for name, what in _READERS.items()]
    try:
        kinds = default_query_distribution(llm, graph) if graph.nodes else []
    except ValueError as error:
        raise Unavailable(_useless(calls)) from error
    if not kinds:
        raise Unavailable(_useless(calls))
    splits, _ = calculate_split_values([share for _, share in kinds], count)
    scenarios = [
        kind.generate_scenarios(n=wanted, knowledge_graph=graph, persona_list=readers)
        for (kind, _), wanted in zip(kinds, splits, strict=True)
    ]
    planned = zip(kinds, await _all(scenarios), strict=True)
    samples = await _all(
        kind.generate_sample(scenario=each) for (kind, _), held in planned for each in held or ()
    )
    written = [one for one in samples if one is not None]
    if not written:
        raise Unavailable(_useless(calls))
    return written


async def _graph(llm: Any, embed: Embed, chosen: Sequence[Section]) -> Any:
    """What each section is about, and which ones have to do with each other."""
    from ragas.testset.graph import KnowledgeGraph, Node, NodeType
    from ragas.testset.transforms import (
        CosineSimilarityBuilder,
        EmbeddingExtractor,
        OverlapScoreBuilder,
        SummaryExtractor,
    )
    from ragas.testset.transforms.extractors.llm_based import NERExtractor, ThemesExtractor

    nodes = [
        Node(
            type=NodeType.CHUNK,
            properties={"page_content": one.text, "document_metadata": {"place": one.place}},
        )
        for one in chosen
    ]
    graph = KnowledgeGraph(nodes=nodes)
    for step in (
        SummaryExtractor(llm=llm),
        EmbeddingExtractor(
            embedding_model=ragas_embeddings(embed),
            property_name=_EMBEDDED,
            embed_property_name="summary",
        ),
        ThemesExtractor(llm=llm),
        NERExtractor(llm=llm),
    ):
        await _all(step.generate_execution_plan(graph))
    # A section of which a call failed is left out: what compares sections needs all of them.
    graph.nodes = [node for node in nodes if node.properties.keys() >= _PROPERTIES]
    for step in (
        CosineSimilarityBuilder(
            property_name=_EMBEDDED, new_property_name="summary_similarity", threshold=_ALIKE
        ),
        OverlapScoreBuilder(threshold=_OVERLAP),
    ):
        await _all(step.generate_execution_plan(graph))
    return graph


async def _all(works: Iterable[Awaitable[Any]]) -> list[Any]:
    """All results in order, a few at once; None for what made no sense."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Awaitable[Any]) -> Any:
        async with gate:
            try:
                return await work
            except _NO_SENSE:
                # A call that failed was counted; without its section there are fewer questions.
                return None

    return await asyncio.gather(*(one(work) for work in works))


def _useless(calls: Calls) -> str:
    return f"no questions were written: of {calls.made} calls {calls.failed} failed, and the others made no sense"


def _chosen(sections: Sequence[Section], count: int, seed: int) -> list[Section]:
    """Long enough to ask about, by turns of the pages."""
    rng = random.Random(seed)
    by_page: dict[str, list[Section]] = {}
    for one in sections:
        if len(one.text) >= _SHORTEST:
            by_page.setdefault(one.page, []).append(one)
    pages = [rng.sample(held, len(held)) for _, held in sorted(by_page.items())]
    rng.shuffle(pages)
    longest = max((len(held) for held in pages), default=0)
    turns = [held[n] for n in range(longest) for held in pages if n < len(held)]
    return turns[: max(_FEWEST_SECTIONS, _SECTIONS_EACH * count)]


def _candidate(sample: Any, places: dict[str, str]) -> Candidate | None:
    """None for a question without a place: nobody could check it."""
    read = [_squeezed(one.rpartition(_HOP)[2]) for one in sample.reference_contexts or ()]
    gold = tuple(dict.fromkeys(places[text] for text in read if text in places))
    question = " ".join(str(sample.user_input or "").split())
    if not gold or not question:
        return None
    category = MULTI_PAGE if len(gold) > 1 else "lookup"
    reference = " ".join(str(sample.reference or "").split())
    return Candidate(Example("", category, question, gold=gold, reference=reference), MODEL)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
