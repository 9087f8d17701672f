"""An index is as old as the last ingest that held it against its sources, whether or not that found something new."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.monitoring.checks import Check, Checks, checked_at, note_check
from groundwork.core.settings import Settings, load
from groundwork.pipelines.steps.retrain import refresh
from tests.monitoring.pumps import pump_pages
from tests.monitoring.watched_world import build_watched

DAY = 86_400.0
Status = Callable[[], dict[str, str]]


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return pump_pages(tmp_path, monkeypatch, 4, INDEX__DEFAULT="docs")


@pytest.fixture
def status(capsys: pytest.CaptureFixture[str]) -> Status:
    def call() -> dict[str, str]:
        capsys.readouterr()
        assert run(cli, ["monitor", "status", "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        return next(row for row in rows if row["what"] == "index docs")

    return call


def checks(settings: Settings) -> dict[str, Check]:
    with closing(Checks(settings.ledger_url)) as held:
        return dict(held.all())


def looked_at_days_ago(settings: Settings, version: str, days: float) -> None:
    with closing(Checks(settings.ledger_url, lambda: time.time() - days * DAY)) as held:
        held.note("docs", version)


def test_an_ingest_that_finds_nothing_new_counts_and_one_that_is_refused_does_not(
    pages: Path,
) -> None:
    settings = load()
    assert run(cli, ["ingest", str(pages)]) == 0
    version = checks(settings)["docs"].version
    looked_at_days_ago(settings, version, 9)
    for page in sorted(pages.glob("*.md"))[:3]:
        page.rename(page.with_suffix(".away"))
    assert run(cli, ["ingest", str(pages)]) == 3
    assert checks(settings)["docs"].at < time.time() - 8 * DAY
    for page in pages.glob("*.away"):
        page.rename(page.with_suffix(".md"))
    assert run(cli, ["ingest", str(pages)]) == 0
    (check,) = checks(settings).values()
    assert check.version == version
    assert check.at == pytest.approx(time.time(), abs=60)


def test_a_retraining_that_finds_nothing_new_counts(pages: Path) -> None:
    settings = load()
    run(cli, ["ingest", str(pages)])
    looked_at_days_ago(settings, checks(settings)["docs"].version, 9)
    assert refresh({"index": "docs", "sources": [str(pages)]})["unchanged"]
    assert checks(settings)["docs"].at == pytest.approx(time.time(), abs=60)


def test_status_says_when_nobody_looked_for_long(
    pages: Path, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cli, ["ingest", str(pages)])
    assert (status()["level"], "0.0 days ago" in status()["says"]) == ("ok", True)
    later = time.time() + 9 * DAY
    monkeypatch.setattr(time, "time", lambda: later)
    assert (status()["level"], "9.0 days ago" in status()["says"]) == ("look", True)


def test_a_check_of_another_version_says_nothing_of_this_one() -> None:
    assert checked_at(Check("v2", 500.0), "v2", 100.0) == 500.0
    assert checked_at(Check("v2", 500.0), "v1", 100.0) == 100.0
    assert checked_at(None, "v1", 100.0) == 100.0


async def test_the_service_shows_it(tmp_path: Path) -> None:
    watched = build_watched(tmp_path)
    name = 'groundwork_index_checked_timestamp_seconds{index="docs"} '
    async with watched.world.client() as client:

        async def shown() -> float:
            lines = (await client.get("/metrics")).text.splitlines()
            return float(next(line for line in lines if line.startswith(name)).split()[1])

        before = await shown()
        version = watched.world.services.index_store.alias("docs")
        note_check(watched.world.settings, "docs", version)
        assert before < time.time() - DAY
        assert await shown() == pytest.approx(time.time(), abs=60)
    watched.close()


def test_a_database_that_does_not_answer_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path, ledger={"url": "postgresql://nobody@127.0.0.1:1/none"})
    note_check(settings, "docs", "v1")
    assert "is not kept" in caplog.text
