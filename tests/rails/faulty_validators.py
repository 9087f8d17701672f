"""guardrails-ai validators that go wrong. Imported by the policy's dotted path, once guardrails-ai is there."""

from __future__ import annotations

import threading
from typing import Any

from guardrails.validator_base import Validator, register_validator
from guardrails_ai.types import PassResult

RELEASE = threading.Event()


@register_validator(name="test/raises", data_type="string")
class Raises(Validator):  # type: ignore[misc]
    """Raises what nobody expects."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        raise KeyError(value)


@register_validator(name="test/hangs", data_type="string")
class Hangs(Validator):  # type: ignore[misc]
    """Waits until it is let go."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        RELEASE.wait(30)
        return PassResult()
