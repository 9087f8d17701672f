"""Expanding templates: `{slot}` becomes one of the slot's values, which may hold slots themselves."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_SLOT = re.compile(r"\{(\w+)\}")
# Every fourth template of a family is never trained on.
_HELD_OUT_EVERY = 4
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Example:
    """One text. `label` is 1 for an attack; `group` is what must not be split between train and held-out."""

    text: str
    label: int
    group: str
    held_out: bool = False


def expand(template: str, slots: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """The template with every slot filled. Raises KeyError for a slot without values."""
    for _ in range(_MAX_DEPTH):
        if _SLOT.search(template) is None:
            return template
        template = _SLOT.sub(lambda match: rng.choice(slots[match[1]]), template)
    raise ValueError(f"slots nest too deep: {template}")


def examples(
    family: str,
    templates: Sequence[str],
    slots: Mapping[str, Sequence[str]],
    label: int,
    each: int,
    rng: random.Random,
) -> Iterator[Example]:
    """Up to `each` distinct texts a template; a template is wholly in train or wholly held out."""
    for number, template in enumerate(templates):
        held_out = number % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1
        texts = {expand(template, slots, rng) for _ in range(each)}
        for text in sorted(texts):
            yield Example(text, label, f"{family}/{number}", held_out)
