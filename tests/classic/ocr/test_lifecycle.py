"""A reader lives the life that every kind of release does."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from groundwork.classic.ocr.loader import OcrLoader
from groundwork.classic.ocr.model import ALPHABET, BUNDLED, FILES, RECOGNISER
from groundwork.classic.ocr.reader import Reader
from groundwork.core.registry.base import OCR, Candidate, Line
from groundwork.core.registry.gate import GateSettings, Measured
from groundwork.core.settings import Settings
from tests.contracts.lifecycle import Kind, Lifecycle, Which

LINE = Line(OCR, "cards")
EXAMPLES = 120


@cache
def make(which: Which) -> tuple[Candidate, Measured]:
    """The shipped networks; the better release is measured a little better on the same examples, the worse one much worse."""
    mean = {"first": 0.972, "better": 0.985, "broken": 0.985, "worse": 0.85}[which]
    metrics = [rule.metric for rule in GateSettings.read(kind=OCR).rules]
    rows: dict[str, dict[str, float | None]] = {
        f"example-{n}": dict.fromkeys(metrics, mean + 0.01 * (n % 2)) for n in range(EXAMPLES)
    }
    files: dict[str, bytes | Path] = {
        name: (BUNDLED / name).read_bytes() for name in (*FILES, ALPHABET)
    }
    if which == "broken":
        held = files[RECOGNISER]
        assert isinstance(held, bytes)
        files[RECOGNISER] = held[: len(held) // 2]
    sources = {name: f"group-{n % 12}" for n, name in enumerate(rows)}
    return Candidate(LINE, {"which": which}, files), Measured(which, rows, sources)


def ask(loaded: Reader) -> str:
    return loaded.lines_engine.read([np.full((32, 64), 255, np.uint8)])[0].text


class TestOcr(Lifecycle):
    """The suite."""

    @pytest.fixture
    def kind(self, tmp_path: Path) -> Kind[Reader]:
        return Kind(LINE, make, OcrLoader(Settings(home=tmp_path / "home")), ask)
