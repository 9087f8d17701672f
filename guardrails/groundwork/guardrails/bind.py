"""From the policy's rules to rails that are ready to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

import orjson
from pydantic import ValidationError

from groundwork.core.errors import ConfigurationError
from groundwork.guardrails.policy import Policy, Rule
from groundwork.guardrails.rails import RAILS
from groundwork.guardrails.rails.base import Context, Finding, Parts, Rail, Stage

Check = Callable[[str, Context], Sequence[Finding]]


@dataclass(slots=True, eq=False)
class Bound:
    """A rule with its rail. `check` is the rail's own until guardrails-ai is there, then that of its validator."""

    rule: Rule
    rail: Rail
    check: Check


@dataclass(frozen=True, slots=True)
class RailSet:
    """The rails of one scope, in the policy's order."""

    bound: tuple[Bound, ...]

    def on(self, stage: Stage) -> tuple[Bound, ...]:
        """Those that run on a stage. A rule whose action is to allow does not run."""
        return tuple(
            each for each in self.bound if stage in each.rule.on and each.rule.action != "allow"
        )


class Binder:
    """Makes rails, each configuration once. Raises ConfigurationError with the policy's line."""

    def __init__(self, policy: Policy, parts: Parts) -> None:
        self._policy = policy
        self._parts = parts
        self._rails: dict[bytes, Rail] = {}

    def bind(self, rules: Sequence[Rule]) -> RailSet:
        """The rails of these rules."""
        return RailSet(tuple(self._bind(rule) for rule in rules))

    def _bind(self, rule: Rule) -> Bound:
        # External rails declare their reach in the rule.
        key = orjson.dumps([rule.rail, rule.use, rule.reach, rule.options])
        rail = self._rails.get(key)
        if rail is None:
            rail = self._rails[key] = self._make(rule)
        unfit = set(rule.on) - rail.stages
        if unfit:
            raise self._error(
                rule,
                ("on",),
                f"{rule.name} does not run on {', '.join(sorted(unfit))};"
                f" it runs on {', '.join(sorted(rail.stages))}",
            )
        return Bound(rule, rail, rail.check)

    def _make(self, rule: Rule) -> Rail:
        try:
            if rule.use is not None:
                return self._external(rule)
            if rule.rail not in RAILS:
                raise self._error(rule, ("rail",), f"no such rail; there are {', '.join(RAILS)}")
            module, _, name = RAILS[rule.rail].partition(":")
            chosen = cast("type[Rail]", getattr(import_module(module), name))
            return chosen(chosen.Options(**rule.options), self._parts)
        except ValidationError as error:
            first = error.errors()[0]
            message = (
                "there is no such option" if first["type"] == "extra_forbidden" else first["msg"]
            )
            raise self._error(rule, ("options", *first["loc"]), message) from None
        except ConfigurationError as error:
            if error.field == "rails.policy":
                raise
            raise self._error(rule, (), error.detail) from None

    def _external(self, rule: Rule) -> Rail:
        from groundwork.guardrails.external import external_rail

        return external_rail(str(rule.use), rule.options, rule.reach)

    def _error(self, rule: Rule, below: tuple[str | int, ...], message: str) -> ConfigurationError:
        place = next(n for n, each in enumerate(self._policy.file.rails) if each.name == rule.name)
        return self._policy.marked.error(("rails", place, *below), message)
