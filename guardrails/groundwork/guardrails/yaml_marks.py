"""YAML that remembers where each value stands, so that an error can name the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from groundwork.core.errors import ConfigurationError

Steps = tuple[str | int, ...]
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Marked:
    """A document's value, and for each path to a key or item its line (from 1). `source` names the file."""

    source: str
    value: Any
    lines: dict[Steps, int] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of `path`, or of the nearest thing around it."""
        for length in range(len(path), 0, -1):
            if tuple(path[:length]) in self.lines:
                return self.lines[tuple(path[:length])]
        return 1

    def error(self, path: Sequence[str | int], message: str) -> ConfigurationError:
        """An error that names file, line and key."""
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        return ConfigurationError(
            f"{self.source}:{self.line(path)}: {key.lstrip('.') or 'the file'}: {message}",
            field="rails.policy",
        )


def read_marked(text: str, source: str) -> Marked:
    """Parse one document. Raises ConfigurationError with the line where it is no YAML or says a key twice.

    Keys are strings, whatever they look like: `on` is not true.
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            marked = Marked(source, None, {})
            value = _build(loader, node, (), marked)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise ConfigurationError(
            f"{source}:{line}: not valid YAML: {error.problem or error.context}",
            field="rails.policy",
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"{source}:1: not valid YAML: {error}", field="rails.policy"
        ) from None
    return Marked(source, value, marked.lines)


def _build(loader: yaml.SafeLoader, node: Any, path: Steps, marked: Marked) -> Any:
    if node is None:
        return None
    if len(path) > _DEEPEST:
        # An alias can contain itself.
        raise marked.error(path, "nested too deeply")
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise marked.error(path, "a key has to be a word")
            below = (*path, key.value)
            if key.value in found:
                raise Marked(marked.source, None, {below: key.start_mark.line + 1}).error(
                    below, "said twice"
                )
            marked.lines[below] = key.start_mark.line + 1
            found[key.value] = _build(loader, value, below, marked)
        return found
    if isinstance(node, yaml.SequenceNode):
        for n, item in enumerate(node.value):
            marked.lines[*path, n] = item.start_mark.line + 1
        return [_build(loader, item, (*path, n), marked) for n, item in enumerate(node.value)]
    return loader.construct_object(node, deep=True)
