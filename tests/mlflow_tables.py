"""MLflow's tables, made once for all tests: a new SQLite file costs two CPU-seconds of migrations."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from groundwork.core.registry.open import open_registry
from groundwork.core.settings import Settings


@pytest.fixture(scope="session")
def mlflow_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and nothing in them."""
    home = tmp_path_factory.mktemp("mlflow-tables")
    open_registry(Settings(home=home)).close()
    return home / "mlflow" / "mlflow.db"


def give_tables(tables: Path, home: Path) -> Path:
    """A home whose registry is there already; returns it."""
    (home / "mlflow").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(tables, home / "mlflow" / "mlflow.db")
    return home
