"""Labels: what people say of a run's answers, one line of JSON an answer, to hold a judge's opinion against."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import InvalidInput
from groundwork.evals.golden import Example
from groundwork.evals.metrics.judged import NAMES
from groundwork.evals.rows import Row

# What a person is asked of an answer, for each of the judge's metrics: yes is good.
ASKED = {
    "judged_faithfulness": "Does everything that the answer says stand in the passages?",
    "judged_answer_relevancy": "Is the answer about what was asked, and about nothing else?",
    "judged_context_recall": "Do the passages hold all that the reference says?",
    "judged_factual_correctness": "Does the answer say what the reference says, and nothing against it?",
    "judged_noise_sensitivity": "Is the answer free of wrong statements?",
}


@dataclass(frozen=True, slots=True)
class Label:
    """One answer, as it was labelled. `says` maps a metric to yes or no; what was not labelled is missing."""

    id: str
    answer: str
    says: Mapping[str, bool]


def template(
    rows: Sequence[Row], examples: Iterable[Example], count: int, seed: int
) -> list[dict[str, Any]]:
    """Lines to be labelled: one half the answers that the judge liked least, one half drawn from the others.

    The judge's scores are left out, so that nobody is led by them. All labels are null.
    """
    judged = [row for row in rows if any(row.scores.get(name) is not None for name in NAMES)]
    references = {one.id: one.reference for one in examples}
    ranked = sorted(judged, key=_liked)
    worst = ranked[: count // 2]
    others = ranked[len(worst) :]
    drawn = random.Random(seed).sample(others, min(len(others), count - len(worst)))
    return [_line(row, references.get(row.id, "")) for row in sorted((*worst, *drawn), key=_id)]


def read_labels(path: Path) -> list[Label]:
    """Raises InvalidInput where there is no file, or with the line that is none."""
    if not path.is_file():
        raise InvalidInput(f"there is no file {path}", field="labels")
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_label(orjson.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput(f"{path.name}:{number}: {error}", field="labels") from None
    return found


def _label(data: Mapping[str, Any]) -> Label:
    says: dict[str, bool] = {}
    for name, value in data["labels"].items():
        if name not in ASKED:
            raise ValueError(f"there is no metric {name}; there is {', '.join(ASKED)}")
        if value is None:
            continue
        if value not in (True, False):
            raise ValueError(f"{name} is true, false or null, not {value!r}")
        says[name] = bool(value)
    return Label(str(data["id"]), str(data["answer"]), says)


def _line(row: Row, reference: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "question": row.searched or row.question,
        "reference": reference,
        "answer": row.answer,
        "passages": [found.text for found in row.retrieved],
        "asked": ASKED,
        "labels": dict.fromkeys(ASKED),
    }


def _liked(row: Row) -> tuple[float, str]:
    """The judge's mean score; of noise sensitivity less is better."""
    scores = [
        1.0 - value if name.endswith("noise_sensitivity") else value
        for name in NAMES
        if (value := row.scores.get(name)) is not None
    ]
    return sum(scores) / len(scores), row.id


def _id(row: Row) -> str:
    return row.id
