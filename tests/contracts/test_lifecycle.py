"""The lifecycle of a release, on a kind that does nothing: in memory and on MLflow's SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.core.registry.base import ASSISTANT, Candidate, Line, Registry
from groundwork.core.registry.gate import GateSettings, Measured
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.open import open_registry
from tests.contracts.lifecycle import Kind, Lifecycle, Which
from tests.contracts.registry_world import settings_at
from tests.core.toys import Toy, ToyLoader
from tests.mlflow_tables import give_tables

LINE = Line(ASSISTANT, "toys")


def make(which: Which) -> tuple[Candidate, Measured]:
    """A release named by what it is, and full marks for each but the worse."""
    metrics = [rule.metric for rule in GateSettings.read(kind=LINE.kind).rules]
    rows: dict[str, dict[str, float | None]] = {
        f"q{n}": dict.fromkeys(metrics, float(which != "worse" or n < 40)) for n in range(200)
    }
    measured = Measured(which, rows, {name: f"page-{name}" for name in rows})
    files: dict[str, bytes | Path] = {"weights.bin": which.encode()}
    return Candidate(LINE, {"name": which}, files), measured


class TestToy(Lifecycle):
    """With each registry."""

    @pytest.fixture(params=["memory", "sqlite"])
    def registry(
        self, request: pytest.FixtureRequest, tmp_path: Path, mlflow_tables: Path
    ) -> Iterator[Registry]:
        made: Registry = MemoryRegistry()
        if request.param == "sqlite":
            made = open_registry(settings_at(give_tables(mlflow_tables, tmp_path / "home")))
        yield made
        made.close()

    @pytest.fixture
    def kind(self) -> Kind[Toy]:
        return Kind(LINE, make, ToyLoader(broken={"broken"}), Toy.ask)
