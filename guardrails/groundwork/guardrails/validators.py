"""The rails as guardrails-ai validators.

Importing this module imports guardrails-ai: see `library`. Each class can be used in a Guard of one's own; the service
runs them by `guard`, which gives each the request's context as metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, cast

from groundwork.guardrails.library import load_library
from groundwork.guardrails.rails import RAILS
from groundwork.guardrails.rails.base import Context, Finding, Parts, Rail
from groundwork.guardrails.redact import apply, regions

load_library()

from guardrails.validator_base import Validator, register_validator  # noqa: E402 -- made quiet first
from guardrails_ai.types import ErrorSpan, FailResult, PassResult  # noqa: E402

CONTEXT = "context"
FINDINGS = "findings"
Check = Callable[[str, Context], Sequence[Finding]]


class RailValidator(Validator):  # type: ignore[misc]  # guardrails-ai ships no types
    """A rail as a validator. `rail` is the rail, `threshold` the score from which a finding fails the text.

    The metadata may hold a `Context` under "context". A FailResult has the findings as error spans, the redacted
    text as its fix, and the findings themselves in its metadata.
    """

    def __init__(
        self, rail: Rail | None = None, threshold: float = 0.5, on_fail: Any = None, **options: Any
    ) -> None:
        super().__init__(on_fail=on_fail, threshold=threshold, **options)
        chosen = rail_class(self.rail_name)
        self.rail = rail or chosen(chosen.Options(**options), Parts())
        self.threshold = threshold

    rail_name: str = ""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        context = metadata.get(CONTEXT) or Context(on="output")
        found = [each for each in self.rail.check(value, context) if each.score >= self.threshold]
        if not found:
            return PassResult()
        return FailResult(
            error_message=self.rail.explain(found),
            fix_value=apply(value, regions(found), 0, len(value)),
            error_spans=[
                ErrorSpan(start=each.start, end=each.end, reason=each.kind) for each in found
            ],
            metadata={FINDINGS: found},
        )


def rail_class(name: str) -> type[Rail]:
    """The class behind a rail's name."""
    module, _, attribute = RAILS[name].partition(":")
    return cast("type[Rail]", getattr(import_module(module), attribute))


def _register(name: str) -> type[RailValidator]:
    title = "".join(word.capitalize() for word in name.split("_")) + "Validator"
    made = type(title, (RailValidator,), {"rail_name": name, "__doc__": f"The rail {name}."})
    return cast(
        "type[RailValidator]",
        register_validator(name=f"groundwork/{name}", data_type="string")(made),
    )


VALIDATORS = {name: _register(name) for name in RAILS}


def validator_check(rail: Rail) -> Check:
    """A rail's check by way of its validator: what it finds at any score."""
    validator = VALIDATORS[rail.name](rail=rail, threshold=0.0, on_fail="noop")

    def check(text: str, context: Context) -> Sequence[Finding]:
        result = validator.validate(text, {CONTEXT: context})
        return result.metadata[FINDINGS] if isinstance(result, FailResult) else ()

    return check
