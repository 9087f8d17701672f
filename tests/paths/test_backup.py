"""Backup, loss, restore: nothing is lost, digests are the same, answers are identical."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sql

from groundwork.cli.backups import whole
from groundwork.cli.releases import opened_registry
from groundwork.core.errors import Conflict, NotFound, SourceError
from groundwork.core.metering.database import open_engine
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import Lineage
from groundwork.core.registry.promotion import Reason, promote
from groundwork.core.settings import (
    EmbedderSettings,
    LedgerSettings,
    RegistrySettings,
    RetrievalSettings,
    Settings,
)
from groundwork.core.telemetry import Trace
from groundwork.retrieval.index.factory import open_store
from groundwork.serving.answer import complete
from groundwork.serving.case import Question
from groundwork.serving.releases.carrier import IndexCarrier
from groundwork.serving.releases.recipe import candidate_of, line_of
from groundwork.serving.services import build_services
from tests.postgres import new_database
from tests.serving.handbook import publish

QUESTIONS = [f"How is the limit of pump {n} set?" for n in range(4)]
LINE = line_of("handbook")


def settings_at(home: Path, ledger: str | None = None, registry: str | None = None) -> Settings:
    return Settings(
        home=home,
        embedder=EmbedderSettings(engine="hashing"),
        retrieval=RetrievalSettings(threshold=0.0),
        ledger=LedgerSettings(url=ledger),
        registry=RegistrySettings(url=registry),
    )


def ask(settings: Settings) -> list[dict[str, Any]]:
    services = build_services(settings)

    async def all_of_them() -> list[dict[str, Any]]:
        found = []
        for text in QUESTIONS:
            answer = await complete(Question(text, "handbook"), services.assistant, Trace())
            said = answer.to_dict()
            found.append(
                {name: said[name] for name in ("answer", "citations", "release", "index_version")}
            )
        return found

    try:
        return asyncio.run(all_of_them())
    finally:
        services.close()


def release(settings: Settings, version: str) -> None:
    services = build_services(settings)
    try:
        with opened_registry(settings) as registry:
            candidate = candidate_of(services.assistant, "handbook", version, settings, Lineage())
            made = registry.register(candidate)
            promote(registry, made, Reason("test", "first"), IndexCarrier(services.index_store))
    finally:
        services.close()


def state(settings: Settings) -> dict[str, Any]:
    """Everything that must come back: the ledger's rows, releases with their files, index versions with their digests."""
    engine = open_engine(settings.ledger_url)
    tables: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for name in sql.inspect(engine).get_table_names():
            if name.startswith(("requests", "charges", "answers", "rollup", "keys")):
                rows = connection.execute(sql.text(f"SELECT * FROM {name}")).all()  # noqa: S608
                tables[name] = sorted(str(tuple(row)) for row in rows)
    engine.dispose()
    with opened_registry(settings) as registry:
        champion = registry.find("champion", LINE)
        folder = registry.files(champion, settings.home / "checked")
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        history = registry.history(LINE)
    store = open_store(settings)
    try:
        manifests = {
            info.version: store.manifest("handbook", info.version)
            for info in store.versions("handbook")
        }
        live = store.alias("handbook")
    finally:
        store.close()
    shutil.rmtree(settings.home / "checked")
    return {
        "tables": tables, "champion": champion.id, "files": files, "history": history, "manifests": manifests, "live": live,
    }  # fmt: skip


def prepared(settings: Settings, folder: Path) -> list[dict[str, Any]]:
    publish(settings, folder, "first")
    version = publish(settings, folder, "second")
    release(settings, version)
    return ask(settings)


def test_everything_comes_back_elsewhere_and_answers_alike(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "home")
    answers = prepared(settings, tmp_path / "handbook")
    before = state(settings)
    made = whole.create(settings, str(tmp_path / "backups"), NoProgress())
    assert {index.aliases for index in made.indexes} == {("live",), ("previous",)}
    shutil.rmtree(settings.home)

    elsewhere = settings_at(tmp_path / "another" / "home")
    folder, found = whole.find(str(tmp_path / "backups"), None)
    whole.restore(elsewhere, folder, found, NoProgress())
    after = state(elsewhere)
    assert after == before
    assert len(before["tables"]["charges"]) > 0
    assert ask(elsewhere) == answers


def test_postgres_comes_back_too(tmp_path: Path, postgres_server: str) -> None:
    urls = [new_database(postgres_server, f"backup_{name}") for name in ("ledger", "registry")]
    settings = settings_at(tmp_path / "home", *urls)
    answers = prepared(settings, tmp_path / "handbook")
    before = state(settings)
    whole.create(settings, str(tmp_path / "backups"), NoProgress())
    lost = settings_at(tmp_path / "new", *urls)
    with pytest.raises(Conflict, match="not empty"):
        whole.restore(lost, *whole.find(str(tmp_path / "backups"), None), NoProgress())

    fresh = [new_database(postgres_server, f"restored_{name}") for name in ("ledger", "registry")]
    # Artifacts stay where the database says that they are.
    shutil.rmtree(settings.home)
    again = settings_at(tmp_path / "home", *fresh)
    whole.restore(again, *whole.find(str(tmp_path / "backups"), None), NoProgress())
    assert state(again) == before
    assert ask(again) == answers


def test_each_backup_is_a_moment_to_go_back_to(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "home")
    prepared(settings, tmp_path / "handbook")
    first_state = state(settings)
    url = str(tmp_path / "backups")
    first = whole.create(settings, url, NoProgress())
    ask(settings)
    second = whole.create(settings, url, NoProgress())
    assert [each.id for each in whole.backups(url)] == [second.id, first.id]
    then = settings_at(tmp_path / "then")
    whole.restore(then, *whole.find(url, first.id), NoProgress())
    assert state(then) == first_state
    with pytest.raises(Conflict, match="not empty"):
        whole.restore(then, *whole.find(url, second.id), NoProgress())
    with pytest.raises(NotFound, match=f"there is {second.id}"):
        whole.find(url, "20010101T000000000000Z")


def test_damage_is_found_before_anything_is_restored(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "home")
    prepared(settings, tmp_path / "handbook")
    url = str(tmp_path / "backups")
    made = whole.create(settings, url, NoProgress())
    folder = tmp_path / "backups" / made.id
    whole.verify(str(folder), made, NoProgress())
    target = folder / "ledger"
    raw = bytearray(target.read_bytes())
    raw[len(raw) // 2] ^= 1
    target.write_bytes(raw)
    new = settings_at(tmp_path / "new")
    with pytest.raises(SourceError, match="ledger has changed"):
        whole.restore(new, *whole.find(url, None), NoProgress())
    assert not (tmp_path / "new" / "ledger.sqlite").exists()
    target.unlink()
    with pytest.raises(SourceError, match="ledger is gone"):
        whole.verify(str(folder), made, NoProgress())
    # A backup that was cut off has no list, and is none.
    listed = orjson.loads((folder / "backup.json").read_bytes())
    assert listed["format"] == 1
    (folder / "backup.json").unlink()
    assert whole.backups(url) == []
