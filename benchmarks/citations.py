"""Do citations hold, and does the assistant know when to be silent?

Every quote is looked up in the source file itself, not in what was indexed. The curve shows, for each threshold of
confidence, how many answerable questions are answered and how many of the others are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lxml import html

from benchmarks.data import SETS, Labelled, QuestionSet, far_off, neighbours
from benchmarks.setup import corpus_folder, open_retriever, prepare_sets
from groundwork.core.answers import Citation
from groundwork.core.settings import GeneratorSettings, Settings
from groundwork.retrieval.confidence import THRESHOLD
from groundwork.retrieval.passages import Retrieval
from groundwork.retrieval.retrieve import Retriever
from groundwork.serving.draft import Draft
from groundwork.serving.generate.base import Piece, Task
from groundwork.serving.generate.extractive import ExtractiveGenerator

# The sets whose questions calibrate the threshold; Kubeflow's index is the neighbours' target.
ANSWERABLE = ("python-faq", "mlflow", "xquad")


def main(settings: Settings) -> None:
    """Print both tables."""
    questions = prepare_sets(settings)
    with open_retriever(settings) as retriever:
        _citations(settings, retriever, questions)
        _curve(retriever, questions)


def _citations(
    settings: Settings, retriever: Retriever, questions: dict[str, list[Labelled]]
) -> None:
    print(
        "| set | questions | citations | page and anchor exist | quote verbatim | gold section cited | words |"
    )
    print("|---|---|---|---|---|---|---|")
    generator = ExtractiveGenerator(GeneratorSettings())
    for chosen in SETS:
        checker = Checker(corpus_folder(settings, chosen.name))
        total = resolved = verbatim = gold = words = 0
        for labelled in questions[chosen.name]:
            found = retriever.retrieve(labelled.text, chosen.index)
            draft = asyncio.run(write(generator, found))
            words += len(draft.text.split())
            total += len(draft.citations)
            resolved += sum(checker.resolves(citation) for citation in draft.citations)
            verbatim += sum(checker.quotes(citation) for citation in draft.citations)
            gold += any(labelled.hit(each.url, each.anchor) for each in draft.citations)
        count = len(questions[chosen.name])
        print(
            f"| {chosen.name} | {count} | {total} | {100 * resolved / total:.1f} % | "
            f"{100 * verbatim / total:.1f} % | {100 * gold / count:.1f} % | {words / count:.0f} |"
        )


async def write(generator: ExtractiveGenerator, found: Retrieval) -> Draft:
    """The answer that would be given if the threshold were 0."""
    draft = Draft(found.passages)
    async for piece in generator.generate(Task(found.question, found)):
        if isinstance(piece, Piece):
            draft.add(piece)
    return draft


class Checker:
    """Looks citations up in the files that were ingested. White space is compared as one blank."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pages: dict[str, tuple[str, set[str]]] = {}

    def resolves(self, citation: Citation) -> bool:
        """The page is there, and it has an element of that id (text pages: no ids to check)."""
        text, anchors = self._page(citation.url)
        return bool(text) and (not citation.anchor or not anchors or citation.anchor in anchors)

    def quotes(self, citation: Citation) -> bool:
        """The quote stands in the page."""
        return "".join(citation.quote.split()) in self._page(citation.url)[0]

    def _page(self, page: str) -> tuple[str, set[str]]:
        if page not in self._pages:
            path = self._folder / page
            if not path.is_file():
                return "", set()
            if path.suffix == ".html":
                tree: Any = html.fromstring(path.read_bytes())
                anchors = {str(each) for each in tree.xpath("//@id | //a/@name")}
                text = tree.text_content()
            else:
                anchors, text = set(), path.read_text()
            self._pages[page] = "".join(text.split()), anchors
        return self._pages[page]


def _asked(
    retriever: Retriever, questions: Sequence[str], index: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([retriever.retrieve(text, index).confidence for text in questions])


def _curve(retriever: Retriever, questions: dict[str, list[Labelled]]) -> None:
    by_name: dict[str, QuestionSet] = {chosen.name: chosen for chosen in SETS}
    answerable = {
        name: _asked(retriever, [each.text for each in questions[name]], by_name[name].index)
        for name in (*ANSWERABLE, "kubeflow")
    }
    far = np.concatenate([_asked(retriever, far_off(), chosen.index) for chosen in SETS])
    near = _asked(retriever, neighbours(), "kubeflow")
    pooled = np.concatenate([answerable[name] for name in ANSWERABLE])
    print("\n| threshold | " + " | ".join(f"{name} answered" for name in answerable), end="")
    print(" | pooled | mean of sets | far-off refused | neighbour refused |")
    print("|" + "---|" * (len(answerable) + 5))
    at_95 = float(np.quantile(pooled, 0.05))
    mean_95 = _threshold_for_mean([answerable[name] for name in ANSWERABLE], 0.95)
    for threshold in sorted({0.1, 0.2, 0.3, 0.4, 0.6, 0.7, THRESHOLD, at_95, mean_95}):
        shares = [float((scores >= threshold).mean()) for scores in answerable.values()]
        mean = float(np.mean(shares[: len(ANSWERABLE)]))
        tail = [
            float((pooled >= threshold).mean()),
            mean,
            float((far < threshold).mean()),
            float((near < threshold).mean()),
        ]
        cells = " | ".join(f"{100 * share:.1f}" for share in (*shares, *tail))
        mark = " (in force)" if threshold == THRESHOLD else ""
        print(f"| {threshold:.3f}{mark} | {cells} |")
    print(
        "\nThe thresholds besides the round ones: 95 % of the pooled questions, and of the mean of the sets."
    )


def _threshold_for_mean(
    scores: Sequence[np.ndarray[tuple[int], np.dtype[np.float64]]], share: float
) -> float:
    grid = np.unique(np.concatenate(scores))
    means = [np.mean([(each >= threshold).mean() for each in scores]) for threshold in grid]
    return float(grid[np.flatnonzero(np.array(means) >= share)[-1]])
