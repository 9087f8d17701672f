"""The nightly evaluation of a configured assistant and of a registered release; what follows the run cannot lose it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from groundwork.core.errors import InvalidInput, NotFound, Unavailable
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import Candidate, Line, Lineage, Registered
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import NoCarrier, Reason, promote
from groundwork.core.registry.tracking import MemoryTracker
from groundwork.core.settings import (
    EmbedderSettings,
    RetrievalSettings,
    Settings,
    SlackSettings,
)
from groundwork.evals.evaluate import Job
from groundwork.evals.nightly import Outside, conclude, nightly
from groundwork.evals.report.history import history
from groundwork.evals.store import Run, RunFolder, Runs
from groundwork.serving.releases.recipe import candidate_of
from groundwork.serving.services import build_services
from tests.evals.handbook_set import rows, write_set
from tests.serving.handbook import publish
from tests.serving.slack_double import PUBLIC, SECRET, running_slack

QUESTIONS = len(rows())


def settings_of(home: Path, **changes: object) -> Settings:
    given: dict[str, object] = {
        "home": home,
        "embedder": EmbedderSettings(engine="hashing"),
        "retrieval": RetrievalSettings(threshold=0.0),
    }
    return Settings(**{**given, **changes})  # type: ignore[arg-type]


class World:
    def __init__(self, home: Path) -> None:
        self.settings = settings_of(home / "home")
        self.version = publish(self.settings, home / "pages", "first")
        self.registry = MemoryRegistry()
        self.tracker = MemoryTracker()
        self.set = write_set(home / "set.jsonl")

    @property
    def outside(self) -> Outside:
        return Outside(lambda _: self.registry, lambda _: self.tracker)

    def job(self, release: str | None = None) -> Job:
        return Job("nightly", (self.set,), "handbook", release=release)

    def register(self, **changes: object) -> Registered:
        settings = self.settings.model_copy(update=changes)
        services = build_services(settings)
        try:
            candidate = candidate_of(
                services.assistant, "handbook", self.version, settings, Lineage()
            )
            return self.registry.register(candidate)
        finally:
            services.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_registered_release_is_evaluated_and_keeps_its_figures(world: World) -> None:
    narrow = world.register(retrieval=RetrievalSettings(threshold=0.0, passages=2))
    champion = world.register()
    promote(world.registry, champion, Reason("someone", "first"), NoCarrier())
    first = nightly(world.settings, world.job("champion"), NoProgress(), world.outside)
    night = nightly(world.settings, world.job(narrow.id), NoProgress(), world.outside)
    assert (first.folder.run.release, night.folder.run.release) == (champion.id, narrow.id)
    assert not night.troubles
    answered = [row for row in night.folder.rows() if row.answered]
    # It is the release that answers, and not what is configured.
    assert answered
    assert {len(row.retrieved) for row in answered} == {2}
    assert {row.release for row in night.folder.rows()} == {narrow.id}
    assert night.summary.former is not None
    assert night.summary.former.id == first.folder.run.id
    kept = world.registry.find(narrow.id)
    assert kept.metrics["eval/passed"] == pytest.approx(
        next(one.now.mean for one in night.summary.lines if one.metric == "passed")
    )
    assert f"{night.folder.run.id}.html" in kept.digests
    (_, tracked) = world.tracker.runs
    assert (tracked.experiment, tracked.state, tracked.id) == (
        "evaluation",
        "finished",
        night.tracked,
    )
    assert tracked.params["release"] == narrow.id
    assert {"passed", "attacks_stopped", "category/attack"} <= tracked.curves.keys()
    assert tracked.files["rows.jsonl"].count(b"\n") == QUESTIONS
    assert {"report.html", "report.md", "plots/scores.svg", "plots/trend-passed.svg"} <= set(
        tracked.files
    )
    assert tracked.files["plots/trend-passed.svg"].startswith(b'<svg xmlns="http')
    assert tracked.noted["gate"] in {"passed", "refused"}
    assert "Over the last 2 runs" in night.report.read_text()


def test_prices_of_another_day_leave_a_release_what_it_is(world: World) -> None:
    made = world.register()
    other = Candidate(
        made.line,
        {**made.content, "prices": "prices-of-last-year"},
        dict(world.registry._files[made.id]),
    )
    old = world.registry.register(other)
    night = nightly(world.settings, world.job(old.id), NoProgress(), world.outside)
    assert night.folder.run.release == old.id
    assert {row.release for row in night.folder.rows()} == {made.id}
    assert "eval/passed" in world.registry.find(old.id).metrics


def test_a_release_that_is_not_there_or_asks_nothing(world: World) -> None:
    with pytest.raises(NotFound, match="rel-123456789abc"):
        nightly(world.settings, world.job("rel-123456789abc"), NoProgress(), world.outside)
    ocr = world.registry.register(Candidate(Line("ocr", "cards"), {"a": 1}))
    with pytest.raises(InvalidInput, match="ocr/cards"):
        nightly(world.settings, world.job(ocr.id), NoProgress(), world.outside)
    assert Runs(world.settings.home).all() == []


def test_a_registry_and_a_tracker_that_do_not_answer_lose_no_run(world: World) -> None:
    def gone(settings: Settings) -> MemoryRegistry:
        raise Unavailable("the server is away")

    night = nightly(world.settings, world.job(), NoProgress(), Outside(gone, gone))  # type: ignore[arg-type]
    assert night.tracked == ""
    assert len(night.troubles) == 3
    assert any("groundwork eval log" in one for one in night.troubles)
    assert len(night.folder.rows()) == QUESTIONS
    assert night.report.is_file()
    again = conclude(world.settings, night.folder, world.outside, post=False)
    assert (again.tracked, again.troubles) == ("run-0", ())
    # What is not registered has no figures to keep.
    assert world.registry.lines() == []


async def test_the_report_is_told_in_the_channel(world: World) -> None:
    async with running_slack() as slack:
        told = SlackSettings(
            bot_token=SecretStr("xoxb-1"),
            signing_secret=SecretStr(SECRET),
            base_url=slack.base_url,
            report_channel=PUBLIC,
        )
        settings = world.settings.model_copy(update={"slack": told})
        night = await asyncio.to_thread(nightly, settings, world.job(), NoProgress(), world.outside)
        assert night.troubles == ()
        (message,) = slack.messages
        assert message.channel == PUBLIC
        assert night.folder.run.id in message.text
        assert "attacks_stopped" in message.text
        slack.faults["chat.postMessage"] = [(200, "not_in_channel")]
        again = await asyncio.to_thread(conclude, settings, night.folder, world.outside)
        assert "not_in_channel" in again.troubles[0]
        assert len(slack.messages) == 1


def test_runs_of_one_second_are_told_apart(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    begun = Run(
        "20260131-010101-ffff",
        "nightly",
        "set",
        1,
        "docs",
        "v1",
        "as",
        1,
        "2026-01-31T01:01:01.100Z",
    )
    then = replace(begun, id="20260131-010101-0000", started_at="2026-01-31T01:01:01.900Z")
    summary = '{"metrics": {"passed": {"mean": 0.5, "interval": [0.4, 0.6], "n": 10}}}'
    for second, run in enumerate((begun, then)):
        folder = RunFolder(runs.folder / run.id)
        folder.begin(run)
        folder.write("summary.json", summary)
        folder.finish(run.started_at)
        os.utime(folder.path / "run.json", (second, second))
    assert [one.run.id for one in runs.all()] == [then.id, begun.id]
    assert runs.open("latest").run.id == then.id
    assert [point.run.id for point in history(runs, then)] == [begun.id]
    assert history(runs, begun) == ()
