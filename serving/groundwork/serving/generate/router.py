"""Several generators as one: which one writes, and who takes over when it cannot.

The caller's wish comes first, then the state of the budget, then the question's tier. An engine that fails before
anything was written is followed by the next one, at last by the extractive generator, and the answer is marked
as degraded. Once a piece has left, a failure is the caller's to see: two halves of two answers are none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from groundwork.core.errors import NotFound, Unavailable
from groundwork.core.settings.generation import Tier
from groundwork.serving.generate.base import Finished, Generator, Reach, Task, Written
from groundwork.serving.generate.tier import VERSION as TIER_VERSION
from groundwork.serving.generate.tier import judge

EXTRACTIVE = "extractive"


@dataclass(frozen=True, slots=True)
class Route:
    """A generator that can be chosen, under the name that callers use."""

    name: str
    tier: Tier
    generator: Generator


@dataclass(frozen=True, slots=True)
class Choice:
    """Who writes, first to last resort, and why the first one. `why` is wish, budget, tier or default."""

    routes: tuple[Route, ...]
    why: str
    signs: tuple[str, ...] = ()


class RoutedGenerator:
    """Chooses among `routes` (the first is the default one); `extractive` is the last resort.

    `by_tier` chooses by the question's tier, else the default route is taken. Without `fallback` the last
    engine's error is raised instead of quoting; a caller may still ask for `extractive` by name.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        extractive: Generator,
        *,
        by_tier: bool = True,
        fallback: bool = True,
    ) -> None:
        self._routes = tuple(routes)
        self._extractive = Route(EXTRACTIVE, "small", extractive)
        self._by_tier = by_tier
        self._fallback = fallback

    @property
    def names(self) -> tuple[str, ...]:
        """What callers may ask for."""
        return (*(route.name for route in self._routes), EXTRACTIVE)

    @property
    def model(self) -> str:
        """The models that may answer, default first; what answered is in Finished."""
        return "|".join(dict.fromkeys(route.generator.model for route in self._routes))

    @property
    def identity(self) -> str:
        """Every generator, and the rule that chooses among them."""
        rule = f"{TIER_VERSION if self._by_tier else 'first'},{'fallback' if self._fallback else 'fail'}"
        parts = [
            f"{route.name}/{route.tier}={route.generator.identity}"
            for route in (*self._routes, self._extractive)
        ]
        return f"routed({rule}):" + ";".join(parts)

    def warm(self) -> None:
        """Load what any of them would make the first answer wait for."""
        for route in (*self._routes, self._extractive):
            route.generator.warm()

    def reach(self, wanted: str | None, *, frugal: bool = False) -> tuple[Reach, ...]:
        """Everyone who may have to write, the last resort too. Raises NotFound."""
        check_wanted(wanted, self)
        if wanted is not None:
            routes = self._from_wish(wanted, frugal=frugal).routes
        else:
            routes = self._small() if frugal else self._routes
        return tuple(
            reach for route in (*routes, self._extractive) for reach in route.generator.reach(None)
        )

    def choose(self, task: Task) -> Choice:
        """Who writes this. Raises NotFound for a name that nobody has."""
        if task.wanted is not None:
            check_wanted(task.wanted, self)
            return self._from_wish(task.wanted, frugal=task.frugal)
        if task.frugal:
            return Choice(self._small(), "budget")
        if not self._by_tier or len(self._routes) == 1:
            return Choice(self._routes, "default")
        judged = judge(task.question, task.retrieval)
        fitting = [route for route in self._routes if route.tier == judged.tier]
        others = [route for route in self._routes if route.tier != judged.tier]
        return Choice((*fitting, *others), f"tier:{judged.tier}", judged.reasons)

    async def generate(self, task: Task) -> AsyncGenerator[Written, None]:
        """As the one chosen writes. Raises NotFound, and Unavailable where nobody is left to ask."""
        choice = self.choose(task)
        failed: list[tuple[str, Unavailable]] = []
        for route in self._in_turn(choice):
            begun = False
            record = _record(choice, route, failed)
            try:
                # A tally of its own: a second try at the same model must not overwrite the first.
                attempt = replace(task, tally=task.tally.part())
                async with aclosing(route.generator.generate(attempt)) as written:
                    async for item in written:
                        if isinstance(item, Finished):
                            yield replace(item, record={**item.record, **record})
                        else:
                            begun = True
                            yield item
            except Unavailable as error:
                if begun:
                    raise
                failed.append((route.name, error))
            else:
                return
        raise failed[-1][1]

    def _small(self) -> tuple[Route, ...]:
        # A large model is no way out for whoever may hardly spend anything, unless there is no other.
        small = tuple(route for route in self._routes if route.tier == "small")
        return small or self._routes

    def _from_wish(self, wanted: str, *, frugal: bool) -> Choice:
        if wanted == EXTRACTIVE:
            return Choice((self._extractive,), "wish")
        first = [route for route in self._routes if route.name == wanted]
        whoever = self._small() if frugal else self._routes
        others = [route for route in whoever if route.name != wanted]
        return Choice((*first, *others), "wish")

    def _in_turn(self, choice: Choice) -> tuple[Route, ...]:
        if not self._fallback or self._extractive in choice.routes:
            return choice.routes
        return (*choice.routes, self._extractive)


def _record(
    choice: Choice, route: Route, failed: Sequence[tuple[str, Unavailable]]
) -> dict[str, Any]:
    record: dict[str, Any] = {"route": {"generator": route.name, "why": choice.why}}
    if choice.signs:
        record["route"]["signs"] = list(choice.signs)
    if failed:
        record["route"]["tried"] = [
            {"generator": name, "error": error.code, "detail": error.detail}
            for name, error in failed
        ]
        if route.name == EXTRACTIVE:
            name, error = failed[0]
            record["degraded"] = {"from": name, "reason": error.code}
    return record


def generator_names(generator: Generator) -> tuple[str, ...]:
    """What callers may ask for by name."""
    return generator.names if isinstance(generator, RoutedGenerator) else (generator.model,)


def check_wanted(wanted: str | None, generator: Generator) -> None:
    """Raises NotFound that names `model` where nobody has this name."""
    names = generator_names(generator)
    if wanted is not None and wanted not in names:
        shown = wanted[:100].encode("utf-8", "backslashreplace").decode()
        raise NotFound(
            f"no generator is named {shown}; there are {', '.join(names)}", field="model"
        )
