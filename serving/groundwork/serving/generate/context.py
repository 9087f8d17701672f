"""What of the passages and the history fits into the model's window, and what had to stay out.

What goes first: the oldest turns, then the lowest ranked passages, then the end of the best one, unit by unit. The question
never goes. The bytes of a text are at least as many as its tokens for every byte-level tokenizer, so most prompts are
known to fit without asking; of the others the size is estimated (tiktoken), and the trimmed prompt is counted by the
model's own tokenizer once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from groundwork.core.answers import Turn
from groundwork.core.errors import InvalidInput
from groundwork.core.tokens import count_tokens
from groundwork.retrieval.passages import Passage
from groundwork.serving.engine.base import Engine, Message
from groundwork.serving.generate.base import Task
from groundwork.serving.generate.marks import without_marks
from groundwork.serving.prompts.fence import fence_tag, fenced, in_order
from groundwork.serving.prompts.file import Prompt

VERSION = "context-1"
# A caller whose budget is nearly spent gets so many passages and turns.
FRUGAL_PASSAGES = 3
_FRUGAL_TURNS = 2
# What a chat template adds to a message, at most, and to the prompt.
_TEMPLATE_TOKENS = 16
# tiktoken's count of a text times this is seldom exceeded by another model's tokenizer.
_MARGIN = 1.25
# Trimming is tried again where the model's own count says that the estimate was too low.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Context:
    """What the model is asked. `passages[k - 1]` is the passage that it knows as [k].

    `dropped` is for the answer's record: ids of passages, turns, units and estimated tokens that stayed out, and
    why; empty where nothing did.
    """

    messages: tuple[Message, ...]
    passages: tuple[Passage, ...]
    max_tokens: int
    dropped: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Passages by rank, the best first, and turns, the oldest first."""

    passages: tuple[Passage, ...]
    turns: tuple[Turn, ...]

    def smaller(self) -> _Choice | None:
        """Without what matters least; None where nothing is left to leave out."""
        if self.turns:
            return replace(self, turns=self.turns[1:])
        if len(self.passages) > 1:
            return replace(self, passages=self.passages[:-1])
        cut = [_shorter(passage) for passage in self.passages]
        return replace(self, passages=tuple(each for each in cut if each)) if all(cut) else None


async def fit(task: Task, prompt: Prompt, engine: Engine, max_tokens: int) -> Context:
    """The largest context that leaves room for the answer. Raises InvalidInput where the question alone is too long."""
    window = await engine.window()
    wanted = _wanted(task)
    room = max_tokens if window is None else min(max_tokens, window // 2)
    budget = None if window is None else window - room
    chosen = wanted
    messages = _messages(task, prompt, chosen)
    if budget is not None and _most_tokens(messages) > budget:
        chosen, messages = await _trim(task, prompt, engine, wanted, budget)
    passages = tuple(in_order(chosen.passages))
    return Context(messages, passages, room, _dropped(task, wanted, chosen))


def _wanted(task: Task) -> _Choice:
    passages, turns = task.retrieval.passages, task.history
    if task.frugal:
        passages, turns = passages[:FRUGAL_PASSAGES], turns[-_FRUGAL_TURNS:]
    return _Choice(passages, turns)


async def _trim(
    task: Task, prompt: Prompt, engine: Engine, wanted: _Choice, budget: int
) -> tuple[_Choice, tuple[Message, ...]]:
    factor = _MARGIN
    chosen = wanted
    for _ in range(_ROUNDS):
        chosen, messages, estimate = _shrink(task, prompt, chosen, budget / factor)
        counted = await engine.count_tokens(messages)
        if counted is None or counted <= budget:
            return chosen, messages
        factor = max(factor * 1.1, 1.02 * counted / estimate)
    raise _too_long(budget)


def _shrink(
    task: Task, prompt: Prompt, chosen: _Choice, limit: float
) -> tuple[_Choice, tuple[Message, ...], int]:
    """The first choice whose estimate is within the limit. Raises InvalidInput."""
    sizes = {id(passage): count_tokens(fenced([passage], "0" * 12)) for passage in chosen.passages}
    turns = {id(turn): count_tokens(turn.content) + _TEMPLATE_TOKENS for turn in chosen.turns}
    rest = _estimate(_messages(task, prompt, _Choice((), ())))
    current: _Choice | None = chosen
    while current is not None:
        parts = sum(
            sizes.get(id(each)) or count_tokens(fenced([each], "0" * 12))
            for each in current.passages
        )
        estimate = rest + parts + sum(turns[id(turn)] for turn in current.turns)
        if estimate <= limit and (current.passages or not chosen.passages):
            return current, _messages(task, prompt, current), estimate
        current = current.smaller()
    raise _too_long(int(limit))


def _messages(task: Task, prompt: Prompt, chosen: _Choice) -> tuple[Message, ...]:
    found = task.retrieval
    tag = fence_tag(prompt.digest, found.index, found.index_version)
    values = {
        "fence": tag,
        "passages": fenced(in_order(chosen.passages), tag),
        "question": task.question,
        "canary": task.canary,
    }
    turns = [Turn(turn.role, _spoken(turn)) for turn in chosen.turns]
    return prompt.render(
        turns=turns, **{name: value for name, value in values.items() if name in prompt.variables}
    )


def _spoken(turn: Turn) -> str:
    # The marks of an earlier answer number other passages.
    return without_marks(turn.content) if turn.role == "assistant" else turn.content


def _most_tokens(messages: Sequence[Message]) -> int:
    return sum(len(each.content.encode()) + _TEMPLATE_TOKENS for each in messages)


def _estimate(messages: Sequence[Message]) -> int:
    return sum(count_tokens(each.content) + _TEMPLATE_TOKENS for each in messages)


def _shorter(passage: Passage) -> Passage | None:
    """Without its last unit; None where it has only one."""
    chunk = passage.chunk
    if len(chunk.units) < 2:
        return None
    units = chunk.units[:-1]
    end = units[-1].end
    shorter = replace(chunk, units=units, end=end, text=chunk.text[: end - chunk.start])
    vectors = passage.units[:-1] if passage.units is not None else None
    return replace(
        passage, chunk=shorter, units=vectors, unit_scores=passage.unit_scores[: len(units)]
    )


def _dropped(task: Task, wanted: _Choice, chosen: _Choice) -> dict[str, Any]:
    everything = _Choice(task.retrieval.passages, task.history)
    if chosen == everything:
        return {}
    kept = {passage.chunk.id: passage.chunk for passage in chosen.passages}
    gone = [each.chunk for each in everything.passages if each.chunk.id not in kept]
    shortened = [each.chunk for each in everything.passages if each.chunk.id in kept]
    turns = task.history[: len(task.history) - len(chosen.turns)]
    texts = [
        *(chunk.text for chunk in gone),
        *(chunk.text[len(kept[chunk.id].text) :] for chunk in shortened),
        *(turn.content for turn in turns),
    ]
    return {
        "passages": [chunk.id for chunk in gone],
        "units": sum(len(chunk.units) - len(kept[chunk.id].units) for chunk in shortened),
        "turns": len(turns),
        "tokens": sum(count_tokens(text) for text in texts),
        "why": [
            *(["frugal"] if wanted != everything else []),
            *(["window"] if chosen != wanted else []),
        ],
    }


def _too_long(limit: int) -> InvalidInput:
    return InvalidInput(
        f"the question leaves no room for a passage in the model's window (about {max(limit, 0):,} tokens with the"
        " prompt); ask a shorter question",
        field="question",
    )
