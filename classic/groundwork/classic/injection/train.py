"""Fitting the classifier: logistic regression on words, cues and embeddings, thresholds on groups set apart.

Deterministic: the same corpus and seed give the same bytes on the same machine.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from groundwork.classic.injection.data import Corpus, Host, plant
from groundwork.classic.injection.features import BUCKETS, NAMES, buckets, cues, dense
from groundwork.classic.injection.model import Head, Stage, Weights, pack, unpack
from groundwork.classic.injection.predict import InjectionClassifier, log_odds
from groundwork.classic.injection.templates.attacks import FAMILIES
from groundwork.classic.injection.templates.grammar import Example
from groundwork.classic.injection.windows import novelties, sentences
from groundwork.core.disguise import views
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from groundwork.retrieval.embed.base import Embedder

_PAGE_SENTENCES = 40
# The inverse of the penalty on weights, and how much of it the embedding's 384 small numbers feel; see the decision.
_STRENGTH = 3.0
_VECTOR_SCALE = 3.0
# Harmless texts that may be stopped, of those set apart for the operating points.
_QUESTION_ALARMS = 0.005
_PASSAGE_ALARMS = 0.007
# Log-odds on top for questions: few of those set apart are developers', who must hardly ever be stopped.
_QUESTION_MARGIN = 0.3
# Clean pages that may be held back, and the log-odds on top, because pages that were never seen are worse.
_PAGES_HELD = 0.001
_STRICT_MARGIN = 2.25
# Attacks that the first stage may let pass.
_MISSED = 0.03


@dataclass(frozen=True, slots=True)
class Row:
    """One judged text. `weight` balances sources."""

    text: str
    label: int
    group: str
    novelty: float = 0.0
    decoded: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Trained:
    """The file's bytes and what the fit was made of."""

    raw: bytes
    weights: Weights
    counts: dict[str, int]


def train(corpus: Corpus, embedder: Embedder, seed: int, progress: Progress) -> Trained:
    """Fit both heads on the corpus' training part. Raises InvalidInput where a class has no example."""
    prompts = [one for one in corpus.prompts if not one.held_out]
    hosts = [one for one in corpus.hosts if not one.held_out]
    orders = [one for one in corpus.orders if not one.held_out]
    if not hosts:
        raise InvalidInput(
            "training needs clean pages; name a folder of documentation", field="pages"
        )
    question = question_rows(prompts)
    # What is said to the assistant directly is planted as well.
    orders += [
        replace(one, group=f"prompt-{one.group}")
        for one in prompts
        if one.label and one.group.split("/")[0] in FAMILIES
    ]
    passage = passage_rows(hosts, orders, random.Random(seed))
    vectors = _embed([row.text for row in (*question, *passage)], embedder, progress)
    progress.stage("fit", total=4, unit="stages")
    draft = Weights(
        _fit(question, vectors, progress),
        _fit(passage, vectors, progress),
        embedder.identity,
        "",
    )
    progress.stage("set thresholds")
    classifier = InjectionClassifier(draft, lambda: embedder)
    final_question = _question_points(draft.question, classifier, prompts)
    final_passage = _passage_points(draft.passage, classifier, hosts)
    raw = pack(final_question, final_passage, embedder.identity)
    counts = {"question rows": len(question), "passage rows": len(passage)}
    return Trained(raw, unpack(raw), counts)


def set_apart(group: str) -> bool:
    """Training groups that fit no weight: the operating points are chosen on them."""
    return hashlib.sha256(f"validation\n{group}".encode()).digest()[0] < 38


def question_rows(prompts: Sequence[Example]) -> list[Row]:
    """Every view of an attack's text that decoding gives, and harmless texts as they are and by sentence."""
    rows = []
    for one in prompts:
        found = views(one.text)
        chosen = found[-1:] if one.label and len(found) > 1 else found[:1]
        rows += [Row(view, one.label, one.group, decoded=view is not found[0]) for view in chosen]
        parts = sentences(found[0])
        if not one.label and len(parts) > 1:
            rows += [Row(part, 0, one.group, weight=0.5) for part in parts]
    return rows


def passage_rows(hosts: Sequence[Host], orders: Sequence[Example], rng: random.Random) -> list[Row]:
    """Sentences of clean hosts, and orders planted in hosts of the same group kind (set apart or not)."""
    rows = []
    for host in hosts:
        parts = sentences(host.text)
        strange = novelties(parts)
        chosen = list(range(len(parts)))
        if len(parts) > _PAGE_SENTENCES:
            chosen = sorted(rng.sample(chosen, _PAGE_SENTENCES))
        rows += [Row(parts[n], 0, host.group, strange[n]) for n in chosen]
    pools = {
        (kind, apart): [h for h in hosts if h.kind == kind and set_apart(h.group) == apart]
        for kind in ("page", "email")
        for apart in (False, True)
    }
    for order in orders:
        for kind in ("page", "email"):
            pool = pools[kind, set_apart(order.group)]
            if pool:
                rows += _planted(rng.choice(pool), order, rng.random())
    return rows


def _planted(host: Host, order: Example, place: float) -> list[Row]:
    parts = sentences(plant(host.text, order.text, place))
    strange = novelties(parts)
    # BIPIA's own orders are few and what is met in practice; templates are many.
    weight = 4.0 if order.group.startswith("bipia") else 1.0
    return [
        Row(part, 1, order.group, novelty, weight=weight)
        for part, novelty in zip(parts, strange, strict=True)
        if part in order.text
    ]


def _embed(
    texts: Sequence[str], embedder: Embedder, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    wanted = sorted(set(texts))
    progress.stage("embed", total=len(wanted), unit="texts")
    vectors = {}
    for text in wanted:
        vectors[text] = embedder.embed([text])[0]
        progress.advance()
    return vectors


def _fit(rows: Sequence[Row], vectors: dict[str, NDArray[np.float32]], progress: Progress) -> Head:
    """Both stages on the rows that are not set apart; `worth` on those that are."""
    import numpy as np

    kept = [row for row in rows if not set_apart(row.group)]
    apart = [row for row in rows if set_apart(row.group)]
    if {row.label for row in kept} != {0, 1}:
        raise InvalidInput("training needs both attacks and harmless texts", field="data")
    first = _logistic(kept, None)
    progress.advance()
    second = _logistic(kept, vectors)
    progress.advance()
    attacks = [first.logit(buckets(row.text), _cues(row)) for row in apart or kept if row.label]
    worth = float(np.quantile(attacks, _MISSED)) if attacks else -10.0
    return Head(first, second, worth, 0.0, 0.0)


def _cues(row: Row) -> list[float]:
    return cues(row.text, novelty=row.novelty, decoded=row.decoded)


def _logistic(rows: Sequence[Row], vectors: dict[str, NDArray[np.float32]] | None) -> Stage:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    labels = np.array([row.label for row in rows])
    weights = np.array([row.weight for row in rows])
    for label in (0, 1):
        weights[labels == label] /= weights[labels == label].sum()
    model = LogisticRegression(C=_STRENGTH, max_iter=2000, tol=1e-5)
    model.fit(_matrix(rows, vectors), labels, sample_weight=weights * len(rows) / 2)
    flat = model.coef_[0].astype(np.float32)
    known = BUCKETS + len(NAMES)
    return Stage(
        flat[:BUCKETS],
        flat[BUCKETS:known],
        flat[known:] * _VECTOR_SCALE,
        float(model.intercept_[0]),
    )


def _matrix(rows: Sequence[Row], vectors: dict[str, NDArray[np.float32]] | None) -> Any:
    import numpy as np
    from scipy import sparse

    indices = [buckets(row.text) for row in rows]
    pointers = np.cumsum([0, *(len(one) for one in indices)])
    values = np.concatenate([np.full(len(one), 1 / max(1.0, len(one) ** 0.5)) for one in indices])
    words = sparse.csr_matrix(
        (values, np.concatenate(indices).astype(np.int64), pointers), shape=(len(rows), BUCKETS)
    )
    parts = [words, sparse.csr_matrix(dense([_cues(row) for row in rows]))]
    if vectors is not None:
        embedded = np.stack([vectors[row.text] for row in rows]) * _VECTOR_SCALE
        parts.append(sparse.csr_matrix(embedded.astype(np.float64)))
    return sparse.hstack(parts, format="csr")


def _question_points(
    head: Head, classifier: InjectionClassifier, prompts: Sequence[Example]
) -> Head:
    import numpy as np

    clean = [
        log_odds(classifier.score(one.text, kind="question"))
        for one in prompts
        if not one.label and set_apart(one.group)
    ]
    shift = float(np.quantile(clean, 1 - _QUESTION_ALARMS)) + _QUESTION_MARGIN if clean else 0.0
    return replace(head, shift=shift, strict=1.0)


def _passage_points(head: Head, classifier: InjectionClassifier, hosts: Sequence[Host]) -> Head:
    import numpy as np

    apart = [host for host in hosts if set_apart(host.group)] or list(hosts)
    worst = []
    for host in apart:
        parts = sentences(host.text)
        for at in range(0, len(parts), 8):
            passage = "\n".join(parts[at : at + 8])
            worst.append(log_odds(classifier.score(passage, kind="passage")))
    shift = float(np.quantile(worst, 1 - _PASSAGE_ALARMS))
    pages = sorted(
        (
            max((log_odds(one.score) for one in classifier.page(host.text)), default=-20.0)
            for host in hosts
            if host.kind == "page"
        ),
        reverse=True,
    )
    # Pages that are clean and held back all the same: as many as are tolerated, of those that can be counted.
    allowed = int(len(pages) * _PAGES_HELD)
    strict = max(pages[allowed] + _STRICT_MARGIN, shift) - shift if pages else 0.0
    return replace(head, shift=shift, strict=1 / (1 + float(np.exp(-strict))))
