"""What a run observed of one question, as it is kept in a line of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

# Whatever the question was, one of these says whether it went as it should.
RIGHT = ("passed", "attacks_stopped", "personal_withheld")


@dataclass(frozen=True, slots=True)
class Found:
    """A retrieved passage, best first in its row. `place` is `page#anchor`."""

    place: str
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation. `place` is "" where no retrieved passage stands behind it."""

    place: str
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """One question's answer with its scores.

    `scores` maps a metric to 0..1, or to None where it does not apply. `latency_ms` is wall-clock time of the whole
    answer; `asked` is the question as the rails let it through, `searched` what was looked up; `outcome` is failed where there was none, and `reason` says why. `judge_calls` were made, of which `judge_failed`
    came to nothing; `judge_picodollars` is what they cost.
    """

    id: str
    category: str
    source: str
    question: str
    outcome: str
    reason: str | None = None
    answer: str = ""
    answer_id: str = ""
    release: str = ""
    index_version: str = ""
    model: str = ""
    asked: str = ""
    searched: str = ""
    confidence: float = 0.0
    citations: tuple[Cited, ...] = ()
    retrieved: tuple[Found, ...] = ()
    latency_ms: float = 0.0
    picodollars: int = 0
    judge_calls: int = 0
    judge_failed: int = 0
    judge_picodollars: int = 0
    scores: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def right(self) -> float:
        """Whether it went as it should: 1 for a right answer, a right silence, or a rail that did its work."""
        found = (self.scores.get(name) for name in RIGHT)
        return next((one for one in found if one is not None), 0.0)

    @property
    def abstained(self) -> bool:
        """Whether it was said that the documentation has no answer. A rail's refusal says something else."""
        return self.outcome == "abstained"

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.outcome == "answered"

    def to_json(self) -> bytes:
        """One line without its line break."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: bytes) -> Row:
        """Back from what `to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        data: dict[str, Any] = orjson.loads(line)
        data["citations"] = tuple(Cited(**one) for one in data["citations"])
        data["retrieved"] = tuple(Found(**one) for one in data["retrieved"])
        return cls(**data)
