"""From a proposal to a golden question: what is still missing is named, what is right is appended to a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import InvalidInput
from groundwork.evals.golden import Corpus, Example, doubles, faults, load_examples

# What a reviewer may give.
FIELDS = (
    "category", "question", "history", "gold", "reference", "must_contain", "must_not_contain",
)  # fmt: skip


def draft(item: Mapping[str, Any]) -> dict[str, Any]:
    """The golden question that a proposal stands for so far. A conversation's last question is asked, with those before."""
    if item["example"]:
        return {name: item["example"][name] for name in FIELDS if name in item["example"]}
    turns = item["turns"]
    history = []
    for turn in turns[:-1]:
        history.append({"role": "user", "content": turn["question"]})
        history.append({"role": "assistant", "content": turn["answer"]})
    asked = {"category": "follow-up" if history else "lookup", "question": turns[-1]["question"]}
    return {**asked, "history": history} if history else asked


def accept(
    written: Mapping[str, Any], into: Path, corpus: Corpus, name: str | None = None
) -> Example:
    """Append the question to a set. Raises InvalidInput that names everything that is not right with it."""
    others = load_examples([into]) if into.is_file() else []
    category = str(written.get("category", ""))
    try:
        example = Example.from_dict({**written, "id": name or _next(category, others)})
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"this is no golden question: {error}", field="example") from None
    problems = faults(example, corpus)
    both = [*others, example]
    problems += [one for one in doubles(both) if one.startswith(f"{example.id}: ")]
    if any(one.id == example.id for one in others):
        problems.append(f"{into.name} has a question {example.id} already")
    if problems:
        raise InvalidInput("; ".join(problems), field="example")
    into.parent.mkdir(parents=True, exist_ok=True)
    with into.open("ab") as file:
        file.write(_line(example))
    return example


def as_json(example: Example) -> dict[str, Any]:
    """As a set holds it: without what is empty."""
    data = asdict(example)
    return {name: value for name, value in data.items() if value}


def _line(example: Example) -> bytes:
    return orjson.dumps(as_json(example)) + b"\n"


def _next(category: str, others: Sequence[Example]) -> str:
    """The next free number of a category."""
    known = {one.id for one in others}
    number = 1
    while f"{category}-{number:03}" in known:
        number += 1
    return f"{category}-{number:03}"
