from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.core.metering.ledger import Ledger
from tests.postgres import empty_tables, new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    server: str = request.getfixturevalue("postgres_server")
    return new_database(server, f"empty_{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    Ledger.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    url = new_database(postgres_server, "ledger")
    Ledger.open(url).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind with empty tables in it; not made anew, because migrating takes longer."""
    if request.param == "sqlite":
        source: Path = request.getfixturevalue("migrated_sqlite")
        return f"sqlite:///{shutil.copy(source, tmp_path / 'ledger.sqlite')}"
    url: str = request.getfixturevalue("migrated_postgres")
    empty_tables(url, keep="alembic_version")
    return url


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = Ledger.open(ledger_url)
    yield opened
    opened.close()
