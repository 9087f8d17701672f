"""Measuring a classifier on what it was not trained on: each example for the gate, shares with intervals for people."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from groundwork.classic.injection.data import Corpus, Host, plant
from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.classic.injection.templates.grammar import Example
from groundwork.core.registry.gate import Measured

_PLACES = (0.0, 0.5, 1.0)
_CHUNK_CHARS = 1500
ATTACKS, HARMLESS, PLANTED, HOSTS = METRICS = (
    "attacks_detected", "harmless_passed", "planted_detected", "hosts_passed",
)  # fmt: skip
# What people are told: shares of the same, two of them the other way round.
_TOLD = {
    "attacks detected": (ATTACKS, True),
    "harmless stopped": (HARMLESS, False),
    "planted detected": (PLANTED, True),
    "clean hosts stopped": (HOSTS, False),
}


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total`, with the 95 % interval of Wilson's score (Wilson 1927)."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The share, 0 where there is nothing to share."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound."""
        if not self.total:
            return (0.0, 1.0)
        z, n, p = 1.959964, self.total, self.value
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (max(0.0, centre - half), min(1.0, centre + half))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.1%} ({low:.1%} to {high:.1%}; {self.hits}/{self.total})"


@dataclass(frozen=True, slots=True)
class Scored:
    """One judged example: `right` says whether the classifier did what it should. `source` is what stands and falls together."""

    id: str
    source: str
    metric: str
    right: bool


def score(classifier: InjectionClassifier, corpus: Corpus, seed: int) -> list[Scored]:
    """Everything that the corpus holds out, judged."""
    prompts = [one for one in corpus.prompts if one.held_out]
    hosts = [host for host in corpus.hosts if host.held_out] or corpus.hosts
    orders = [one for one in corpus.orders if one.held_out]
    return [
        *_prompts(classifier, prompts),
        *_planted(classifier, hosts, orders, random.Random(seed)),
        *_hosts(classifier, hosts, random.Random(seed)),
    ]


def _prompts(classifier: InjectionClassifier, prompts: Sequence[Example]) -> Iterator[Scored]:
    for one in prompts:
        stopped = classifier.score(one.text, kind="question") >= 0.5
        metric = ATTACKS if one.label else HARMLESS
        yield Scored(_id("prompt", one.text), one.group, metric, stopped == bool(one.label))


def _planted(
    classifier: InjectionClassifier,
    hosts: Sequence[Host],
    orders: Sequence[Example],
    rng: random.Random,
) -> Iterator[Scored]:
    """Each order at the start, in the middle and at the end of a host drawn by the seed."""
    for order in orders:
        for place in _PLACES:
            text = plant(_chunk(rng.choice(hosts).text, rng), order.text, place)
            found = classifier.score(text, kind="passage") >= 0.5
            yield Scored(f"{_id('order', order.text)}/{place}", order.group, PLANTED, found)


def _hosts(
    classifier: InjectionClassifier, hosts: Sequence[Host], rng: random.Random
) -> Iterator[Scored]:
    for host in hosts:
        text = _chunk(host.text, rng)
        passed = classifier.score(text, kind="passage") < 0.5
        yield Scored(_id("host", f"{host.group}\0{host.text}"), host.group, HOSTS, passed)


def _id(kind: str, text: str) -> str:
    return f"{kind}/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def measured(name: str, scored: Iterable[Scored]) -> Measured:
    """For the gate."""
    rows = list(scored)
    return Measured(
        name,
        {one.id: {one.metric: float(one.right)} for one in rows},
        {one.id: one.source for one in rows},
    )


def shares(of: Measured) -> dict[str, Share]:
    """The four figures of a release, as people are told."""
    found = {}
    for told, (metric, good) in _TOLD.items():
        values = of.values(metric).values()
        right = round(sum(values))
        found[told] = Share(right if good else len(values) - right, len(values))
    return found


def flagged(classifier: InjectionClassifier, texts: Sequence[str]) -> Share:
    """How many texts score 0.5 or more as questions."""
    return Share(sum(classifier.score(text, kind="question") >= 0.5 for text in texts), len(texts))


def planted(
    classifier: InjectionClassifier, hosts: Sequence[Host], orders: Sequence[Example], seed: int
) -> Share:
    """Orders found in hosts: each planted at the start, in the middle and at the end of a host drawn by the seed."""
    found = [one.right for one in _planted(classifier, hosts, orders, random.Random(seed))]
    return Share(sum(found), len(found))


def clean(classifier: InjectionClassifier, hosts: Sequence[Host], seed: int) -> Share:
    """Hosts without any order that are flagged, a passage of each."""
    found = [one.right for one in _hosts(classifier, hosts, random.Random(seed))]
    return Share(len(found) - sum(found), len(found))


def _chunk(text: str, rng: random.Random) -> str:
    """A passage of a page, about as long as an index's chunks."""
    if len(text) <= _CHUNK_CHARS:
        return text
    start = rng.randrange(len(text) - _CHUNK_CHARS)
    start = text.rfind("\n", 0, start) + 1
    return text[start : start + _CHUNK_CHARS]
