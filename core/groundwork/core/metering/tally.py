"""What one request has used so far, whoever used it.

Every stage writes here while it works, and the end of the request is charged from here, however it ends: finished,
failed, or left by the client in the middle of a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from groundwork.core.answers import Usage

INPUT = "input_tokens"
CACHED_INPUT = "cached_input_tokens"
OUTPUT = "output_tokens"
REASONING = "reasoning_tokens"
SEARCHES = "searches"
PAGES = "pages"
REQUESTS = "requests"
# Time on one GPU, in microseconds: integers count it finely enough.
GPU = "gpu_microseconds"

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Used:
    """A quantity of one meter of one model, used by one stage."""

    stage: str
    model: str
    meter: str
    quantity: int


class Tally:
    """Sums quantities by stage, model and meter. Used from one request only, so it needs no lock."""

    def __init__(self, whole: Tally | None = None) -> None:
        self._used: dict[_Key, int] = {}
        self._parts: list[Tally] = []
        self._whole = whole
        self._on_change: Callable[[Tally], None] | None = None

    def watch(self, on_change: Callable[[Tally], None]) -> None:
        """Call this with the tally now, and whenever it changes."""
        self._on_change = on_change
        on_change(self)

    def part(self) -> Tally:
        """A tally of its own whose sums count here too: a second try at a model must not overwrite the first."""
        part = Tally(self)
        self._parts.append(part)
        return part

    def add(self, stage: str, model: str, meter: str, quantity: int) -> None:
        """So many more units were used."""
        key = (stage, model, meter)
        self._used[key] = self._used.get(key, 0) + quantity
        self.changed()

    def tokens(self, stage: str, model: str, usage: Usage) -> None:
        """What a model's call used, as disjoint meters; replaces what was said of this stage and model before.

        A stream says it again with every token, so that a cut one is charged for what was written until then.
        """
        self._used[stage, model, INPUT] = usage.prompt_tokens - usage.cached_tokens
        self._used[stage, model, CACHED_INPUT] = usage.cached_tokens
        self._used[stage, model, OUTPUT] = usage.completion_tokens - usage.reasoning_tokens
        self._used[stage, model, REASONING] = usage.reasoning_tokens
        self.changed()

    def usage(self, stage: str) -> Usage:
        """The tokens of a stage, of all its models together."""
        sums = {INPUT: 0, CACHED_INPUT: 0, OUTPUT: 0, REASONING: 0}
        for (used_by, _, meter), quantity in self._sums().items():
            if used_by == stage and meter in sums:
                sums[meter] += quantity
        return Usage(
            prompt_tokens=sums[INPUT] + sums[CACHED_INPUT],
            completion_tokens=sums[OUTPUT] + sums[REASONING],
            cached_tokens=sums[CACHED_INPUT],
            reasoning_tokens=sums[REASONING],
        )

    def lines(self) -> list[Used]:
        """What was used, in order of first use; nothing of which zero was used."""
        return [Used(*key, quantity) for key, quantity in self._sums().items() if quantity]

    def _sums(self) -> dict[_Key, int]:
        if not self._parts:
            return self._used
        sums: dict[_Key, int] = {}
        for key, quantity in self.entries():
            sums[key] = sums.get(key, 0) + quantity
        return sums

    def entries(self) -> Iterator[tuple[_Key, int]]:
        """What was said here and to the parts, not summed yet."""
        yield from self._used.items()
        for part in self._parts:
            yield from part.entries()

    def changed(self) -> None:
        """Tell whoever watches the whole."""
        if self._whole is not None:
            self._whole.changed()
        elif self._on_change is not None:
            self._on_change(self)
