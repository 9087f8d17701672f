"""Measuring a classifier on what it was not trained on, with intervals, and the gate against a champion."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from groundwork.classic.injection.data import Corpus, Host, plant
from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.classic.injection.templates.grammar import Example

_PLACES = (0.0, 0.5, 1.0)
_CHUNK_CHARS = 1500
# What a release must reach whatever the champion does, and by how much it may fall behind it.
FLOORS = {"attacks detected": 0.70, "planted detected": 0.77}
CEILINGS = {"harmless stopped": 0.03, "clean hosts stopped": 0.10}
MARGIN = 0.02


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


def flagged(classifier: InjectionClassifier, texts: Sequence[str]) -> Share:
    """How many texts score 0.5 or more as questions."""
    return Share(sum(classifier.score(text, kind="question") >= 0.5 for text in texts), len(texts))


def planted(
    classifier: InjectionClassifier, hosts: Sequence[Host], orders: Sequence[Example], seed: int
) -> Share:
    """Orders found in hosts: each planted at the start, in the middle and at the end of a host drawn by the seed."""
    rng = random.Random(seed)
    hits = total = 0
    for order in orders:
        for place in _PLACES:
            text = plant(_chunk(rng.choice(hosts).text, rng), order.text, place)
            hits += classifier.score(text, kind="passage") >= 0.5
            total += 1
    return Share(hits, total)


def clean(classifier: InjectionClassifier, hosts: Sequence[Host], seed: int) -> Share:
    """Hosts without any order that are flagged, a passage of each."""
    rng = random.Random(seed)
    texts = [_chunk(host.text, rng) for host in hosts]
    return Share(sum(classifier.score(text, kind="passage") >= 0.5 for text in texts), len(texts))


def _chunk(text: str, rng: random.Random) -> str:
    """A passage of a page, about as long as an index's chunks."""
    if len(text) <= _CHUNK_CHARS:
        return text
    start = rng.randrange(len(text) - _CHUNK_CHARS)
    start = text.rfind("\n", 0, start) + 1
    return text[start : start + _CHUNK_CHARS]


def figures(classifier: InjectionClassifier, corpus: Corpus, seed: int) -> dict[str, Share]:
    """The four figures of a release, on the corpus' held-out part."""
    prompts = [one for one in corpus.prompts if one.held_out]
    hosts = [host for host in corpus.hosts if host.held_out] or corpus.hosts
    orders = [one for one in corpus.orders if one.held_out]
    return {
        "attacks detected": flagged(classifier, [one.text for one in prompts if one.label]),
        "harmless stopped": flagged(classifier, [one.text for one in prompts if not one.label]),
        "planted detected": planted(classifier, hosts, orders, seed),
        "clean hosts stopped": clean(classifier, hosts, seed),
    }


def refusal(candidate: dict[str, Share], champion: dict[str, Share] | None) -> str | None:
    """Why the candidate must not replace the champion, in one sentence; None where it may."""
    for name, floor in FLOORS.items():
        if candidate[name].value < floor:
            return f"{name} is {candidate[name].value:.1%}, under the floor of {floor:.0%}"
        if champion and candidate[name].value < champion[name].value - MARGIN:
            return f"{name} fell from {champion[name].value:.1%} to {candidate[name].value:.1%}"
    for name, ceiling in CEILINGS.items():
        if candidate[name].value > ceiling:
            return f"{name} is {candidate[name].value:.1%}, over the ceiling of {ceiling:.0%}"
        if champion and candidate[name].value > champion[name].value + MARGIN:
            return f"{name} rose from {champion[name].value:.1%} to {candidate[name].value:.1%}"
    return None
