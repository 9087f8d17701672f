"""The policy: which rails run, where, and what happens when they find something. One YAML file, part of the release."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groundwork.core.errors import ConfigurationError
from groundwork.guardrails.rails.base import Stage
from groundwork.guardrails.yaml_marks import Marked, Steps, read_marked

Action = Literal["allow", "flag", "redact", "rephrase", "block"]
# From the mildest to the strictest.
ACTIONS: tuple[Action, ...] = get_args(Action)
STAGES: tuple[Stage, ...] = get_args(Stage)


def strictest(actions: Sequence[Action]) -> Action:
    """The one that wins where several rails speak."""
    return max(actions, key=ACTIONS.index, default="allow")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Messages(_Strict):
    """What a person reads in place of an answer."""

    block: str = "This question cannot be answered here."
    rephrase: str = "Please ask in other words, about the documentation."
    withheld: str = "The rest of this answer was withheld."


class Rule(_Strict):
    """One rail at work.

    `rail` names one of Groundwork's own; `use` a guardrails-ai validator instead: the name of its package
    (guardrails-ai-ban-list) or the dotted path of its class, and then `reach` says whether it judges each sentence of an
    answer by itself, or only the whole. `threshold` is the score from which a finding counts.
    `fail` says what a rail that raises or overruns its time counts as: open as no finding, closed as one.
    """

    id: str = Field("", pattern=r"^[a-z0-9_.-]*$")
    rail: str | None = None
    use: str | None = None
    on: tuple[Stage, ...] = Field(min_length=1)
    action: Action = "flag"
    threshold: float = Field(0.5, ge=0, le=1)
    fail: Literal["open", "closed"] = "open"
    time_limit_ms: float = Field(250, gt=0)
    reach: Literal["sentence", "text"] = "text"
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """What verdicts and overrides call it."""
        return self.id or self.rail or str(self.use)


class Change(_Strict):
    """What an override says anew about one rule."""

    action: Action | None = None
    threshold: float | None = Field(None, ge=0, le=1)
    fail: Literal["open", "closed"] | None = None
    time_limit_ms: float | None = Field(None, gt=0)
    options: dict[str, Any] | None = None


class Override(_Strict):
    """Changes that hold for one index, for one team, or for one team on one index."""

    index: str | None = None
    team: str | None = None
    rails: dict[str, Change]


class PolicyFile(_Strict):
    """The file as a whole."""

    version: Literal[1]
    name: str = "policy"
    messages: Messages = Messages()
    rails: tuple[Rule, ...]
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A policy that holds together, with the lines it stood on."""

    file: PolicyFile
    marked: Marked

    @cached_property
    def digest(self) -> str:
        """Names everything that the policy says; comments and order of keys do not count."""
        said = orjson.dumps(self.file.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return "policy-" + hashlib.sha256(said).hexdigest()[:12]

    def scope(self, index: str, team: str | None) -> tuple[str | None, str | None]:
        """The same for all indexes and teams that no override tells apart."""
        overrides = self.file.overrides
        return (
            index if any(each.index == index for each in overrides) else None,
            team if team is not None and any(each.team == team for each in overrides) else None,
        )

    def rules(self, index: str | None, team: str | None) -> tuple[Rule, ...]:
        """The rules in force, in the file's order. Where overrides disagree the more special one wins, then the later."""
        holding = [
            each
            for each in self.file.overrides
            if each.index in {None, index} and each.team in {None, team}
        ]
        holding.sort(key=lambda each: (each.index is not None) + (each.team is not None))
        rules = {rule.name: rule for rule in self.file.rails}
        for override in holding:
            for name, change in override.rails.items():
                rules[name] = _changed(rules[name], change)
        return tuple(rules.values())


def load_policy(path: Path | None) -> Policy:
    """Read a policy file, the shipped one for None.

    Raises ConfigurationError that names file, line and key at fault.
    """
    if path is None:
        source = resources.files("groundwork.guardrails") / "policy.yaml"
        return parse_policy(source.read_text(encoding="utf-8"), "policy.yaml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the policy file {path} cannot be read: {error}; set GROUNDWORK_RAILS__POLICY to one that can",
            field="rails.policy",
        ) from None
    return parse_policy(text, str(path))


def parse_policy(text: str, source: str) -> Policy:
    """Check a policy file's text. Options of rails are checked when the rails are made. Raises ConfigurationError."""
    marked = read_marked(text, source)
    if not isinstance(marked.value, Mapping):
        raise marked.error((), "a policy is a mapping with `version` and `rails`")
    try:
        file = PolicyFile.model_validate(marked.value)
    except ValidationError as error:
        first = error.errors()[0]
        raise marked.error(first["loc"], _plain(first)) from None
    _check_names(file, marked)
    return Policy(file, marked)


def _plain(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such key"
    given = problem.get("input")
    shown = f" (it is {given!r})" if isinstance(given, str | int | float) else ""
    return f"{problem['msg']}{shown}"


def _check_names(file: PolicyFile, marked: Marked) -> None:
    rules: dict[str, Rule] = {}
    for n, rule in enumerate(file.rails):
        if (rule.rail is None) == (rule.use is None):
            raise marked.error(("rails", n), "a rule has either `rail` or `use`")
        if rule.name in rules:
            raise marked.error(
                ("rails", n), f"a second rule {rule.name!r}; give one of them another `id`"
            )
        _check_action(rule, rule.action, marked, ("rails", n, "action"))
        rules[rule.name] = rule
    for n, override in enumerate(file.overrides):
        if override.index is None and override.team is None:
            raise marked.error(("overrides", n), "an override names an `index`, a `team` or both")
        for name, change in override.rails.items():
            where = ("overrides", n, "rails", name)
            if name not in rules:
                raise marked.error(where, f"no such rule; there are {', '.join(rules)}")
            _check_action(rules[name], change.action, marked, (*where, "action"))


def _check_action(rule: Rule, action: Action | None, marked: Marked, where: Steps) -> None:
    if action == "rephrase" and set(rule.on) != {"input"}:
        raise marked.error(where, "only a question can be rephrased")
    if action == "redact" and "passages" in rule.on:
        raise marked.error(where, "a passage is quoted as it is: flag it, or block it to drop it")


def _changed(rule: Rule, change: Change) -> Rule:
    said = change.model_dump(exclude_none=True)
    if "options" in said:
        said["options"] = {**rule.options, **said["options"]}
    return rule.model_copy(update=said)
