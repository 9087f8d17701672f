"""One prompt file: its fields, checked, and its messages, filled in.

A prompt is a YAML file `NAME.VERSION.yaml`:

    name, version      what the file's name says too
    changelog          one line a version, newest last; it says what this version changed
    settings           temperature, max_tokens, stop; what the engine is asked with
    variables          every `{{ name }}` of the messages, and no other
    sentinel           optional: what the model writes where nothing answers
    messages           in order: `role` and `content`, or the word `history` where earlier turns go
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groundwork.core.answers import Turn
from groundwork.core.errors import ConfigurationError
from groundwork.serving.engine.base import Message
from groundwork.serving.prompts.fence import neutral

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_FILE_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_-]*)\.(?P<version>[1-9][0-9]*)\.yaml")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModelSettings(_Strict):
    """What the engine is asked with. `max_tokens` bounds the answer."""

    temperature: float = Field(0.0, ge=0, le=2)
    max_tokens: int = Field(gt=0)
    stop: list[str] = Field(default_factory=list, max_length=4)


class _Template(_Strict):
    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class _Content(_Strict):
    name: str
    version: int = Field(ge=1)
    changelog: list[str] = Field(min_length=1)
    settings: ModelSettings
    variables: list[str]
    sentinel: str | None = Field(None, pattern=r"^[A-Z][A-Z_]{7,}$")
    messages: list[_Template | Literal["history"]] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A checked prompt. `id` is `name@version`; `digest` changes with anything that decides what is sent."""

    name: str
    version: int
    changelog: tuple[str, ...]
    settings: ModelSettings
    variables: frozenset[str]
    sentinel: str | None
    templates: tuple[_Template | Literal["history"], ...] = field(repr=False)
    source: str = ""

    @property
    def id(self) -> str:
        """As records and releases name it."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """16 hex digits."""
        content = {
            "id": self.id,
            "settings": self.settings.model_dump(),
            "sentinel": self.sentinel,
            "messages": [
                each if isinstance(each, str) else each.model_dump() for each in self.templates
            ],
        }
        packed = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(packed).hexdigest()[:16]

    def render(self, *, turns: Sequence[Turn] = (), **values: str) -> tuple[Message, ...]:
        """The messages with every variable put in, once: what a value holds is never read as a variable, and
        nothing in it is read as a token of a chat template (`fence.neutral`).

        `turns` go where the file says `history`. Neighbours of one role become one message, because many chat
        templates insist that user and assistant take turns. Raises ValueError where a value is missing or unknown;
        `sentinel` is filled in by the file itself.
        """
        if self.sentinel is not None:
            values = {"sentinel": self.sentinel, **values}
        if values.keys() != self.variables:
            wrong = ", ".join(sorted(values.keys() ^ self.variables))
            raise ValueError(f"prompt {self.id}: wrong values: {wrong}")
        messages: list[Message] = []
        for each in self.templates:
            if isinstance(each, str):
                for turn in turns:
                    _append(messages, Message(turn.role, neutral(turn.content)))
            else:
                _append(messages, Message(each.role, _fill(each.content, values)))
        return tuple(messages)


def _append(messages: list[Message], message: Message) -> None:
    if messages and messages[-1].role == message.role:
        before = messages.pop()
        message = Message(message.role, f"{before.content}\n\n{message.content}")
    messages.append(message)


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: neutral(values[found[1]]), template).strip()


def read_prompt(path: Path) -> Prompt:
    """Raises ConfigurationError that names the file, and the line or the field."""
    named = _FILE_NAME.fullmatch(path.name)
    if named is None:
        raise ConfigurationError(
            f"{path}: a prompt file is named NAME.VERSION.yaml, such as answer.2.yaml"
        )
    content = _parse(path)
    if (content.name, content.version) != (named["name"], int(named["version"])):
        raise ConfigurationError(
            f"{path}: name and version inside are {content.name} and {content.version}; make them"
            " what the file's name says"
        )
    _check_variables(path, content)
    return Prompt(
        name=content.name,
        version=content.version,
        changelog=tuple(content.changelog),
        settings=content.settings,
        variables=frozenset(content.variables),
        sentinel=content.sentinel,
        templates=tuple(content.messages),
        source=str(path),
    )


def _parse(path: Path) -> _Content:
    try:
        loaded: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(f"{path}{line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    if not isinstance(loaded, dict):
        raise ConfigurationError(f"{path}: a prompt is a mapping with name, version, messages …")
    try:
        return _Content.model_validate(loaded)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ConfigurationError(f"{path}: {where}: {first['msg']}") from None


def _check_variables(path: Path, content: _Content) -> None:
    used: set[str] = set()
    for number, each in enumerate(content.messages):
        if isinstance(each, str):
            continue
        used.update(_VARIABLE.findall(each.content))
        if "{{" in _VARIABLE.sub("", each.content):
            raise ConfigurationError(f"{path}: messages.{number}: {{{{ without a name and }}}}")
    declared = set(content.variables)
    for names, problem in (
        (used - declared, "are used and not declared in variables"),
        (declared - used, "are declared in variables and not used"),
    ):
        if names:
            raise ConfigurationError(f"{path}: variables: {', '.join(sorted(names))} {problem}")
    if ("sentinel" in declared) != (content.sentinel is not None):
        raise ConfigurationError(
            f"{path}: sentinel: set it exactly where {{{{ sentinel }}}} is used, so that the model is told"
        )
