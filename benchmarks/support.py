"""Does a passage support a sentence? Fit and check of retrieval/support.py.

Supported: the sentences of MLflow's reference answers against the passages they were written from, and the hand-written
claims of questions/claims.jsonl against the guides of this project. Not supported: the same sentences against other
passages of the same page and of the question's best eight, and sentences in which one number, one identifier or the
negation was changed, against the very passages that supported them before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import QUESTIONS, ROOT, SHARED, read_jsonl
from benchmarks.intervals import share
from benchmarks.setup import ingest_folder, open_retriever, prepare_sets
from groundwork.core.sentences import sentence_spans
from groundwork.core.settings import Settings
from groundwork.retrieval import claims
from groundwork.retrieval import support as judge
from groundwork.retrieval.index.base import Filter
from groundwork.retrieval.passages import Passage
from groundwork.retrieval.retrieve import Retriever

_TOP = 8
_WORD = re.compile(r"\w+")


ANSWER = "MLflow: sentence of a reference answer"
VERBATIM = "MLflow: word for word"
PARAPHRASE = "guides: paraphrase"
WRONG = "guides: wrong in one point"
SAME_PAGE = "other passage, same page"
TOP = "other passage of the top 8"
_SUPPORTED = frozenset({ANSWER, VERBATIM, PARAPHRASE})
# Word for word is too easy to fit on; sentences that are wrong in one point need a reader that understands them.
_FITTED = (ANSWER, PARAPHRASE, SAME_PAGE, TOP)
_RIDGE = 0.002
_STEPS = 20_000
_CURVE = (0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence against passages, any of which may support it. `kind` says how the case was made."""

    kind: str
    claim: str
    passages: Sequence[Passage]
    source: str

    @property
    def supported(self) -> bool:
        """What should be found."""
        return self.kind in _SUPPORTED

    @property
    def fits(self) -> bool:
        """Whether it is in the half that is fitted on; all cases of one source are in the same half."""
        return hashlib.sha256(self.source.encode()).digest()[0] % 2 == 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the decision looked at, and the rule that was broken."""

    case: Case
    values: dict[str, float]
    broken: str

    def score(self, lexical: bool = False) -> float:
        """As the product scores it, with or without unit vectors."""
        if self.broken:
            return 0.0
        kept = {
            name: value for name, value in self.values.items() if name != "cosine" or not lexical
        }
        return judge.combine(kept)


def main(settings: Settings) -> None:
    """Print the fit, and a table of what the threshold keeps and catches."""
    names = ("mlflow",) if (SHARED / "qa" / "mlflow").is_dir() else ()
    if names:
        prepare_sets(settings, names)
    ingest_folder(settings, ROOT / "docs", "guides")
    with open_retriever(settings) as retriever:
        cases = [*(mlflow_cases(retriever) if names else ()), *guide_cases(retriever)]
        report([measure(retriever, case) for case in cases])


def sentences(text: str) -> list[str]:
    """Those that claim something: four words, no colon at the end."""
    found = [text[start:end] for start, end in sentence_spans(text)]
    return [each for each in found if len(_WORD.findall(each)) > 3 and not each.endswith(":")]


def mlflow_cases(retriever: Retriever) -> Iterator[Case]:
    """Reference answers against the pages they were written from, and against others."""
    for row in read_jsonl(SHARED / "qa" / "mlflow" / "queries.jsonl"):
        top = retriever.retrieve(row["text"], "mlflow", limit=_TOP).passages
        told = _squeezed(row["chunk"])
        beside = _beside(retriever, row["text"], told)
        if not beside:
            continue
        for claim in sentences(row["answer"]):
            yield from _cases_of(claim, beside, top, row["_id"])


def guide_cases(retriever: Retriever) -> Iterator[Case]:
    """Claims about this project: {"page", "claim", "supported"}; the passages are the page's."""
    for n, row in enumerate(read_jsonl(QUESTIONS / "claims.jsonl")):
        passages = _page(retriever, "guides", row["claim"], row["page"])[:_TOP]
        if passages:
            yield Case(
                PARAPHRASE if row["supported"] else WRONG, row["claim"], passages, f"guide-{n // 2}"
            )


def _cases_of(
    claim: str, page: list[Passage], top: Sequence[Passage], source: str
) -> Iterator[Case]:
    yield Case(ANSWER, claim, page[:_TOP], source)
    said = page[0].chunk
    unit = max(said.units, key=lambda each: len(said.plain(each)))
    yield Case(VERBATIM, said.plain(unit), page[:1], source)
    # MLflow's pages repeat each other; a passage that holds a run of the sentence's words may support it.
    pages = {each.chunk.page for each in page}
    same = [each for each in page if not _shares_a_run(claim, each)]
    other = [
        each for each in top if each.chunk.page not in pages and not _shares_a_run(claim, each)
    ]
    yield from (Case(SAME_PAGE, claim, [each], source) for each in same[-3:])
    yield from (Case(TOP, claim, [each], source) for each in other[:3])
    for kind, change in (
        ("number", _other_number),
        ("identifier", _other_name),
        ("negation", _denied),
    ):
        changed = change(claim)
        if changed is not None:
            yield Case(f"changed {kind}", changed, page[:_TOP], source)


def _shares_a_run(claim: str, passage: Passage, words: int = 4) -> bool:
    said = " ".join(_WORD.findall(passage.chunk.text.lower()))
    ours = _WORD.findall(claim.lower())
    runs = (" ".join(ours[n : n + words]) for n in range(len(ours) - words + 1))
    return any(run in said for run in runs)


def _other_number(claim: str) -> str | None:
    found = re.search(r"(?<![\w.])\d+(?![\w.]*\w)", claim)
    if found is None:
        return None
    return claim[: found.start()] + str(int(found[0]) + 7) + claim[found.end() :]


def _other_name(claim: str) -> str | None:
    names = sorted(claims.identifiers(claim), key=lambda name: (-len(name), name))
    if not names:
        return None
    middle = len(names[0]) // 2
    return claim.replace(names[0], f"{names[0][:middle]}x{names[0][middle:]}")


def _denied(claim: str) -> str | None:
    """With a "not" after its first auxiliary, or without the one that it has."""
    if claims.denied(claim):
        changed = re.sub(r"\b(?:not|never) |n't\b", "", claim, count=1)
        return changed if changed != claim else None
    found = re.search(r"\b(?:is|are|can|will|should|must|was|does|has)\b", claim)
    return f"{claim[: found.end()]} not{claim[found.end() :]}" if found else None


def _page(retriever: Retriever, index: str, text: str, page: str) -> list[Passage]:
    where = Filter(path=(page,))
    return list(retriever.retrieve(text, index, where=where, limit=50).passages)


def _beside(retriever: Retriever, question: str, told: str) -> list[Passage]:
    """All passages of the pages that the reference was written from, best first."""
    found = retriever.retrieve(question, "mlflow", limit=50).passages
    pages = {passage.chunk.page for passage in found if _inside(passage, told)}
    return [each for page in sorted(pages) for each in _page(retriever, "mlflow", question, page)]


def _squeezed(text: str) -> str:
    return "".join(_WORD.findall(text)).lower()


def _inside(passage: Passage, told: str) -> bool:
    """Whether at least half of a passage's units stand in the reference's own passage."""
    units = [_squeezed(passage.chunk.verbatim(unit)) for unit in passage.chunk.units]
    return sum(unit in told for unit in units) * 2 >= len(units)


def measure(retriever: Retriever, case: Case) -> Measured:
    """Of the passage that supports the claim best; where every passage breaks a rule, of the first."""
    vector = retriever.embedder.embed([case.claim])[0]
    results = []
    for passage in case.passages:
        values, unit = judge.features(case.claim, vector, passage)
        broken = judge.broken_rule(case.claim, passage.chunk, unit)
        results.append(Measured(case, values, broken or ""))
    return max(results, key=lambda each: each.score())


def fit(rows: list[Measured], names: tuple[str, ...], given: dict[str, float]) -> None:
    """Print weights fitted beside the `given` ones, on sentences that no rule decides; kinds count equally."""
    used = [row for row in rows if row.case.fits and not row.broken and row.case.kind in _FITTED]
    values = np.array([[row.values[name] for name in names] for row in used])
    offset = np.array([sum(w * row.values[n] for n, w in given.items()) for row in used])
    sign = np.array([1.0 if row.case.supported else -1.0 for row in used])
    weight = _weights(used)

    theta = np.zeros(len(names) + 1)
    inputs = np.column_stack([np.ones(len(used)), values])
    for _ in range(_STEPS):
        logits = inputs @ theta + offset
        slope = -sign * weight / (1.0 + np.exp(sign * logits))
        theta -= inputs.T @ slope + 2 * _RIDGE * np.array([0.0, *theta[1:]])
    fitted = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, theta[1:], strict=True))
    print(f"Fitted beside {given or 'nothing'}: intercept {theta[0]:.2f}, {fitted}")


def _weights(rows: list[Measured]) -> NDArray[np.float64]:
    weight = np.zeros(len(rows))
    for kind in _FITTED:
        mine = np.array([row.case.kind == kind for row in rows])
        peers = {row.case.kind for row in rows if row.case.supported == (kind in _SUPPORTED)}
        if mine.any():
            weight[mine] = 0.5 / mine.sum() / len(peers)
    return weight


def report(rows: list[Measured]) -> None:
    """Print the fit, the area under the curve, and what the threshold does."""
    fit(rows, ("passage", "unit"), {"cosine": judge.WEIGHTS["cosine"]})
    fit(rows, ("passage", "unit"), {})
    held = [row for row in rows if not row.case.fits]
    for lexical in (False, True):
        name = "words alone" if lexical else "with unit vectors"
        print(
            f"\nAUROC, {name}, held-out half: supported against others {_auroc(held, lexical):.3f}"
        )
    print(f"\nAt the threshold {judge.THRESHOLD}, as taken for supported:\n")
    print(
        "| kind | should be | n, held out | with unit vectors | words alone | decided by a rule |"
    )
    print("|---|---|---|---|---|---|")
    for kind in dict.fromkeys(row.case.kind for row in rows):
        mine = [row for row in held if row.case.kind == kind]
        taken = [
            share(row.score(lexical) >= judge.THRESHOLD for row in mine)
            for lexical in (False, True)
        ]
        should = "supported" if kind in _SUPPORTED else "not"
        ruled = sum(bool(row.broken) for row in mine)
        print(f"| {kind} | {should} | {len(mine)} | {taken[0]} | {taken[1]} | {ruled} |")
    curve(rows)


def curve(rows: list[Measured]) -> None:
    """Print what other thresholds would do, on all sentences."""
    groups = {
        "answers kept": [ANSWER],
        "paraphrases kept": [PARAPHRASE],
        "same page caught": [SAME_PAGE],
        "top 8 caught": [TOP],
        "changed caught": [kind for kind in {row.case.kind for row in rows} if "changed" in kind],
        "wrong in one point caught": [WRONG],
    }
    print("\n| threshold | " + " | ".join(groups) + " |")
    print("|---|" + "---|" * len(groups))
    for threshold in _CURVE:
        cells = []
        for kinds in groups.values():
            mine = [row for row in rows if row.case.kind in kinds]
            cells.append(share((row.score() >= threshold) == row.case.supported for row in mine))
        mark = " (in force)" if threshold == judge.THRESHOLD else ""
        print(f"| {threshold}{mark} | " + " | ".join(cells) + " |")


def _auroc(rows: list[Measured], lexical: bool) -> float:
    from sklearn.metrics import roc_auc_score

    used = [row for row in rows if row.case.kind in _FITTED]
    scores = [row.score(lexical) for row in used]
    return float(
        roc_auc_score([row.case.supported for row in used], scores, sample_weight=_weights(used))
    )
