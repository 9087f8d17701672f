"""Any guardrails-ai validator as a rail, named in the policy by its package or its class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from importlib import import_module
from typing import Any

from groundwork.core.errors import ConfigurationError
from groundwork.guardrails.library import load_library
from groundwork.guardrails.rails.base import Context, Finding, Parts, Rail, Reach, Stage

_PACKAGE = "guardrails-ai-"
_WORD = re.compile(r"\w")


class External(Rail):
    """A validator that others wrote. It runs in a thread of its own, and its spans are widened to whole words.

    Some validators report spans that are off by one, and taking those literally would leave a letter behind. A
    validator that gives neither spans nor a fix has found the whole text.
    """

    name = "external"
    stages: frozenset[Stage] = frozenset({"input", "passages", "output"})
    isolated = True
    # Nobody knows what a foreign validator goes by.
    repeatable = False

    def __init__(self, validator: Any, title: str, reach: Reach) -> None:
        super().__init__(None, Parts())
        self.reach = reach
        self._validator = validator
        self._title = title

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """What the validator's FailResult points at."""
        result = self._validator.validate(text, {"index": context.index, "on": context.on})
        if getattr(result.outcome, "value", result.outcome) == "pass":
            return ()
        spans = [(each.start, each.end) for each in result.error_spans or ()]
        if not spans and isinstance(result.fix_value, str):
            spans = changed_spans(text, result.fix_value)
        spans = [widened(text, start, end) for start, end in spans] or [(0, len(text))]
        return [Finding(self._title, start, end) for start, end in spans]


def widened(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with the whole words that it touches, and the one that it begins right behind of."""
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    while start > 0 and _WORD.match(text[start - 1]):
        start -= 1
    while end < len(text) and end > 0 and _WORD.match(text[end - 1]) and _WORD.match(text[end]):
        end += 1
    return start, max(start, end)


def changed_spans(text: str, fixed: str) -> list[tuple[int, int]]:
    """Where `fixed` differs from `text`."""
    matcher = SequenceMatcher(None, text, fixed, autojunk=False)
    return [(i, j) for tag, i, j, _, _ in matcher.get_opcodes() if tag != "equal" and i < j]


def external_rail(use: str, options: dict[str, Any], reach: Reach) -> External:
    """The validator that `use` names, made with `options`. Imports guardrails-ai.

    Raises ConfigurationError where it is not installed or does not take the options.
    """
    load_library()
    try:
        made = _class_of(use)(**options, on_fail="noop")
    except ImportError as error:
        package = use if use.startswith(_PACKAGE) else use.partition(".")[0]
        raise ConfigurationError(f"{package} is not installed: {error}") from None
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{use} does not take these options: {error}") from None
    return External(made, use.removeprefix(_PACKAGE).rpartition(".")[2].replace("-", " "), reach)


def _class_of(use: str) -> Any:
    from guardrails.validator_base import Validator

    if not use.startswith(_PACKAGE):
        module, _, name = use.rpartition(".")
        if not module:
            raise ConfigurationError(
                f"{use!r} is neither a package guardrails-ai-<name> nor the dotted path of a class"
            )
        found = getattr(import_module(module), name, None)
        if not isinstance(found, type) or not issubclass(found, Validator):
            raise ConfigurationError(f"{use} is no guardrails-ai validator")
        return found
    module = "guardrails_ai." + use.removeprefix(_PACKAGE).replace("-", "_")
    exported = vars(import_module(module)).values()
    classes = [each for each in exported if isinstance(each, type) and issubclass(each, Validator)]
    chosen = [each for each in classes if each is not Validator]
    if len(chosen) != 1:
        raise ConfigurationError(
            f"{use} has {len(chosen)} validators; name one by its dotted path, {module}.<class>"
        )
    return chosen[0]
