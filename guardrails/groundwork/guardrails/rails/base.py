"""What every rail is: a check that finds things in a text.

A rail says what it found and how sure it is. It does not decide: threshold and action are the policy's. A rail keeps
nothing between two texts, so one instance serves all requests at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from groundwork.core.answers import Citation
from groundwork.retrieval.passages import Passage

Stage = Literal["input", "passages", "output"]
Reach = Literal["match", "sentence", "text"]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rail found.

    `start` and `end` are code points of the text checked, half-open; a finding about the text as a whole spans all of
    it. `kind` names it for people ("e-mail address"). `score` is 0 to 1, for the policy's threshold. `replacement` is
    what redacting puts in its place; "[<kind> removed]" where it is None. `open` says that it may still grow, in a text
    that is not finished.
    """

    kind: str
    start: int
    end: int
    score: float = 1.0
    replacement: str | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What a rail may know besides the text.

    `signals` are retrieval's numbers about the question (`retrieval.confidence.features`), empty before retrieval.
    `vector` is the question's embedding, where one is known already. `passages` are what an answer rests on. `canary` is a string that stands in the system prompt and nowhere else, "" where there is none. `citations` are
    the answer's; None while they are unknown. `final` says that no more text follows.
    """

    on: Stage
    index: str = ""
    team: str | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    vector: Vector | None = None
    passages: tuple[Passage, ...] = ()
    canary: str = ""
    citations: tuple[Citation, ...] | None = None
    final: bool = True


class InjectionClassifier(Protocol):
    """The trained classifier of the composition root's choice; 0 is harmless, 1 an attack.

    `vector` is the text's embedding where the caller has it; the classifier embeds the text itself where not. `kind`
    says what the text is: a question, or a passage of a page.
    """

    def score(
        self,
        text: str,
        vector: Vector | None = None,
        kind: Literal["question", "passage"] | None = None,
    ) -> float:
        """How surely `text` gives orders to the assistant; 0.5 is the point to act on."""
        ...


class Judge(Protocol):
    """A model that is asked about a text, for the one rail that uses a model."""

    def score(self, question: str, text: str) -> float:
        """How surely the answer to `question` about `text` is yes, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What rails need from other parts. The composition root supplies it; None where there is none.

    `support(sentence, passages)` says how well the passages support the sentence, 0 to 1. `known_hosts(index)` are the
    hosts of an index's pages.
    """

    classifier: InjectionClassifier | None = None
    judge: Judge | None = None
    support: Callable[[str, Sequence[Passage]], float] | None = None
    known_hosts: Callable[[str], frozenset[str]] | None = None


class Options(BaseModel):
    """The options that a rail takes from the policy file. Unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rail:
    """The base of rails.

    `name` is the name in the policy file; `stages` where it can run. A rail with `isolated` runs in a thread of its
    own, so that the policy's time limit can be kept; others are plain bounded computations. One with `needs_signals`
    runs once retrieval has found something, one with `needs_citations` once the answer is complete.

    For streams a rail says how far one of its findings can reach. `reach` "match" means: whether a stretch is found
    depends on the stretch, one code point behind it and at most `LOOK_BACK` before it, and a finding has at most
    `spaced` code points before its last unbroken run (see `stream`). Where `opening` gives a pattern, only text
    that it matches is held back of them. "sentence" means that each sentence is judged by
    itself, "text" that only the whole text can be judged.

    A constructor raises ConfigurationError where `parts` lacks what the rail needs.
    """

    name: ClassVar[str]
    stages: frozenset[Stage]
    isolated: ClassVar[bool] = False
    # Says the same of the same text: what it said of a passage may be remembered.
    repeatable: ClassVar[bool] = True
    needs_signals: ClassVar[bool] = False
    needs_citations: ClassVar[bool] = False
    Options: ClassVar[type[Options]] = Options
    reach: Reach = "text"
    spaced: int = 0

    def __init__(self, options: Any, parts: Parts) -> None:
        self.options = options
        self.parts = parts

    def opening(self, context: Context) -> re.Pattern[str] | None:
        """What such a finding could begin with, up to the end of the text; None where nothing narrows it down."""
        del context
        return None

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """What is found in `text`; nothing if it is fine."""
        raise NotImplementedError

    def warm(self) -> None:
        """Load what the first check would otherwise wait for."""

    def explain(self, findings: Sequence[Finding]) -> str:
        """One clause for the answer's record. It never repeats what was found; what overlaps counts once."""
        counts: dict[str, int] = {}
        ends: dict[str, int] = {}
        for finding in sorted(findings, key=lambda each: (each.start, each.end)):
            if finding.start >= ends.get(finding.kind, 0):
                counts[finding.kind] = counts.get(finding.kind, 0) + 1
            ends[finding.kind] = max(finding.end, ends.get(finding.kind, 0))
        return ", ".join(f"{kind} ({n})" if n > 1 else kind for kind, n in sorted(counts.items()))


def whole(text: str, kind: str, score: float = 1.0) -> tuple[Finding, ...]:
    """A finding about the text as a whole."""
    return (Finding(kind, 0, len(text), score),)
