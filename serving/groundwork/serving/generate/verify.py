"""Which passages support a claim that a model wrote, and as which evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from groundwork.core.documents import BlockKind, Unit
from groundwork.core.errors import Unavailable
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.passages import Passage
from groundwork.retrieval.support import THRESHOLD, Support, support, support_by_words
from groundwork.serving.generate.base import Evidence
from groundwork.serving.generate.marks import Claim, Kind
from groundwork.serving.prompts.fence import neutral

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# Several passages are cited for one sentence where together they support it by so much more than any alone.
_GAIN = 0.1


@dataclass(frozen=True, slots=True)
class Verdict:
    """`evidence` is empty where nothing supports the claim; `reason` then says what the nearest passage lacks.

    `reattributed`: the model named passages, none of them supports the claim, and another one does. `invented` counts marks
    that no passage has. `read` is the tokens that were embedded.
    """

    evidence: tuple[Evidence, ...]
    reason: str
    reattributed: bool = False
    invented: int = 0
    read: int = 0


class Verifier:
    """Checks claims against the passages that the model was given, in the order of their numbers."""

    def __init__(
        self, passages: Sequence[Passage], embedder: Embedder, threshold: float | None = None
    ) -> None:
        self._passages = tuple(passages)
        self._embedder = embedder
        self._threshold = THRESHOLD if threshold is None else threshold

    def check(self, claim: Claim) -> Verdict:
        """Some milliseconds of processor time: call it in a thread."""
        numbers = list(dict.fromkeys(claim.marks))
        marked = [n - 1 for n in numbers if 1 <= n <= len(self._passages)]
        invented = len(numbers) - len(marked)
        if claim.kind is Kind.CODE:
            found, reason, read = self._code(claim.body), "code", 0
        else:
            found, reason, read = self._prose(claim.text, marked)
        named = [n for n in marked if n in found]
        if named:
            evidence = tuple(found[n] for n in named)
            return Verdict(evidence, "supported", False, invented, read)
        if found:
            best = next(iter(found.values()))
            return Verdict((best,), "supported", bool(numbers), invented, read)
        return Verdict((), reason, False, invented, read)

    def _prose(self, text: str, marked: Sequence[int]) -> tuple[dict[int, Evidence], str, int]:
        """Evidence by passage, the best first. A sentence that its marks' passages hold in words is not embedded."""
        said = {n: support_by_words(text, self._passages[n]) for n in marked}
        if said and all(each.score >= self._threshold for each in said.values()):
            return {n: self._evidence(n, each) for n, each in said.items()}, "supported", 0
        vector, read = self._embed(text)
        results = {n: support(text, vector, passage) for n, passage in enumerate(self._passages)}
        order = sorted(results, key=lambda n: (-results[n].score, n))
        found = {
            n: self._evidence(n, results[n]) for n in order if results[n].score >= self._threshold
        }
        alone = max((results[n].score for n in marked), default=0.0)
        if len(marked) > 1 and self._together(text, vector, marked) > max(
            alone + _GAIN, self._threshold
        ):
            found = {n: self._evidence(n, results[n]) for n in marked}
        reason = results[order[0]].reason if order else "nothing"
        return found, "weak" if reason == "supported" else reason, read

    def _evidence(self, n: int, found: Support) -> Evidence:
        return Evidence(self._passages[n], found.start, found.end)

    def _embed(self, text: str) -> tuple[NDArray[np.float32] | None, int]:
        if all(passage.units is None for passage in self._passages):
            return None, 0
        plain = text.replace("**", "").replace("`", "")
        try:
            vector = self._embedder.embed([plain])[0]
        except Unavailable:
            # A remote embedder that is down now: words alone decide.
            return None, 0
        return vector, self._embedder.count_tokens(plain)

    def _together(
        self, text: str, vector: NDArray[np.float32] | None, marked: Sequence[int]
    ) -> float:
        """How well the passages that the model named for one sentence support it as one."""
        joined = _joined([self._passages[n] for n in marked])
        return support(text, vector, joined).score

    def _code(self, body: str) -> dict[int, Evidence]:
        """Passages that hold the code, white space aside."""
        wanted = _squeezed(body)
        found: dict[int, Evidence] = {}
        if not wanted:
            return found
        for n, passage in enumerate(self._passages):
            unit = _unit_with(passage, wanted)
            if unit is not None:
                found[n] = Evidence(passage, unit.start, unit.end)
        return found


def _squeezed(text: str) -> str:
    return " ".join(neutral(text).split())


def _unit_with(passage: Passage, wanted: str) -> Unit | None:
    chunk = passage.chunk
    units = sorted(chunk.units, key=lambda unit: unit.kind is not BlockKind.CODE)
    for unit in units:
        if wanted in _squeezed(chunk.verbatim(unit)) or wanted in _squeezed(chunk.plain(unit)):
            return unit
    if wanted in _squeezed(chunk.text) and units:
        # It runs over several units; the first of them that it shares its beginning with stands for all.
        begins = wanted.split(" ", 1)[0]
        return next((unit for unit in units if begins in chunk.verbatim(unit)), units[0])
    return None


def _joined(passages: Sequence[Passage]) -> Passage:
    """Several passages as one, for scoring only: its offsets mean nothing."""
    import numpy as np

    first = passages[0]
    chunks = [passage.chunk for passage in passages]
    units = tuple(
        replace(unit, plain=chunk.plain(unit)) for chunk in chunks for unit in chunk.units
    )
    vectors = [passage.units for passage in passages if passage.units is not None]
    chunk = replace(
        first.chunk,
        text="\n".join(each.text for each in chunks),
        embedding_text="\n".join(each.embedding_text for each in chunks),
        heading_path=tuple(heading for each in chunks for heading in each.heading_path),
        units=units,
    )
    whole = np.concatenate(vectors) if len(vectors) == len(passages) else None
    return replace(first, chunk=chunk, units=whole)
