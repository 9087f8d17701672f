"""The trainers that there are, by kind. Each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from groundwork.classic.trainer import Equipment, Trainer
from groundwork.core.errors import InvalidInput
from groundwork.core.registry.base import INJECTION, OCR, RECOMMENDER

# Kind -> where its `open_trainer(equipment)` is.
_MODULES = {
    INJECTION: "groundwork.classic.injection.trainer",
    OCR: "groundwork.classic.ocr.trainer",
    RECOMMENDER: "groundwork.classic.recommender.trainer",
}
KINDS = tuple(sorted(_MODULES))


def open_trainer(kind: str, equipment: Equipment) -> Trainer:
    """Raises InvalidInput for a kind that nothing trains."""
    if kind not in _MODULES:
        raise InvalidInput(f"nothing trains {kind!r}; there is {', '.join(KINDS)}", field="kind")
    return cast("Trainer", import_module(_MODULES[kind]).open_trainer(equipment))
