"""What one request has used so far, whoever used it.

Every stage writes here while it works, and the end of the request is charged from here, however it ends: finished,
failed, or left by the client in the middle of a stream.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Used:
    """A quantity of one meter of one model, used by one stage."""

    stage: str
    model: str
    meter: str
    quantity: int


class Tally:
    """Sums quantities by stage, model and meter. Used from one request only, so it needs no lock."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str, str], int] = {}

    def add(self, stage: str, model: str, meter: str, quantity: int) -> None:
        """So many more units were used."""
        key = (stage, model, meter)
        self._used[key] = self._used.get(key, 0) + quantity

    def tokens(self, stage: str, model: str, usage: Usage) -> None:
        """What a model's call used, as disjoint meters; replaces what was said of this stage and model before.

        A stream says it again with every token, so that a cut one is charged for what was written until then.
        """
        self._used[stage, model, INPUT] = usage.prompt_tokens - usage.cached_tokens
        self._used[stage, model, CACHED_INPUT] = usage.cached_tokens
        self._used[stage, model, OUTPUT] = usage.completion_tokens - usage.reasoning_tokens
        self._used[stage, model, REASONING] = usage.reasoning_tokens

    def usage(self, stage: str) -> Usage:
        """The tokens of a stage, of all its models together."""
        sums = {INPUT: 0, CACHED_INPUT: 0, OUTPUT: 0, REASONING: 0}
        for (used_by, _, meter), quantity in self._used.items():
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
        return [Used(*key, quantity) for key, quantity in self._used.items() if quantity]
