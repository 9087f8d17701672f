"""Submitting, scheduling and following pipelines, against a double of Kubeflow's API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from groundwork.cli import cli
from groundwork.cli.run import run as run_command
from groundwork.core.errors import (
    ConfigurationError,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from groundwork.core.settings import load
from groundwork.pipelines.catalogue import Compiled, compiled
from groundwork.pipelines.cluster import Kubeflow, checked_cron, open_cluster
from tests.pipelines.kfp_double import KfpDouble, serving

SETTINGS = load()


@pytest.fixture(scope="module")
def ingest() -> Compiled:
    return compiled("ingest", SETTINGS)


@pytest.fixture
def double() -> Iterator[KfpDouble]:
    with serving(KfpDouble(token="secret", page=2)) as running:
        yield running


@pytest.fixture
def cluster(double: KfpDouble) -> Iterator[Kubeflow]:
    cluster = Kubeflow(double.url, "secret", None, "s3://bucket/root")
    yield cluster
    cluster.close()


GIVEN: dict[str, Any] = {"sources": ["https://docs.example.org/"], "shards": 4}


def test_a_run_is_submitted_and_followed_to_its_end(
    double: KfpDouble, cluster: Kubeflow, ingest: Compiled
) -> None:
    run = cluster.submit(ingest, GIVEN, "groundwork")
    assert (run.name, run.state, run.ended, run.finished_at) == ("ingest", "RUNNING", False, None)
    kept = double.runs[run.id]
    assert kept.runtime_config.parameters == GIVEN
    assert kept.runtime_config.pipeline_root == "s3://bucket/root"
    assert set(kept.pipeline_spec) == {"pipeline_spec", "platform_spec"}
    double.succeed(run.id)
    ended = cluster.run(run.id)
    assert (ended.state, ended.ended) == ("SUCCEEDED", True)
    assert [(task.name, task.seconds) for task in ended.tasks] == [("discover", 5.0), ("plan", 5.0)]


def test_a_failure_says_which_step_and_why(
    double: KfpDouble, cluster: Kubeflow, ingest: Compiled
) -> None:
    run = cluster.submit(ingest, GIVEN, "groundwork")
    double.fail(run.id, "no space left")
    ended = cluster.run(run.id)
    assert ended.state == "FAILED"
    assert [task.error for task in ended.tasks] == ["", "no space left"]


def test_what_kubeflow_refuses_is_said(cluster: Kubeflow, ingest: Compiled) -> None:
    with pytest.raises(InvalidInput, match="missing parameters"):
        cluster.submit(ingest, {}, "groundwork")
    with pytest.raises(NotFound, match="run-x not found"):
        cluster.run("run-x")


def test_experiments_are_made_once_and_found_on_any_page(
    double: KfpDouble, cluster: Kubeflow, ingest: Compiled
) -> None:
    for name in ("a", "b", "c", "a", "c"):
        cluster.submit(ingest, GIVEN, name)
    assert [one.display_name for one in double.experiments] == ["a", "b", "c"]
    assert len(cluster.runs("a")) == 2
    assert len(cluster.runs("b")) == 1


def test_a_schedule_replaces_the_one_of_its_name(
    double: KfpDouble, cluster: Kubeflow, ingest: Compiled
) -> None:
    for hour in (1, 2, 3):
        cluster.schedule(ingest, GIVEN, "groundwork", f"0 0 {hour} * * *", f"other-{hour}")
    first = cluster.schedule(ingest, GIVEN, "groundwork", "0 0 3 * * *", "nightly")
    again = cluster.schedule(ingest, GIVEN, "groundwork", "0 30 3 * * *", "nightly")
    assert (first.replaced, again.replaced) == (0, 1)
    kept = {one.name: one for one in cluster.schedules("groundwork")}
    assert set(kept) == {"other-1", "other-2", "other-3", "nightly"}
    assert kept["nightly"].cron == "0 30 3 * * *"
    made = double.recurring[again.id]
    assert (made.max_concurrency, made.no_catchup, made.mode) == ("1", True, "ENABLE")


@pytest.mark.parametrize("text", ["0 3 * * *", "", "0 0 3 * * * *", "0 0 3 * * $(x)"])
def test_a_schedule_has_six_fields(text: str) -> None:
    with pytest.raises(InvalidInput, match="six fields"):
        checked_cron(text)
    assert checked_cron(" 0 0  3 * * MON-FRI ") == "0 0 3 * * MON-FRI"


def test_who_may_not_is_told(double: KfpDouble, ingest: Compiled) -> None:
    stranger = Kubeflow(double.url, None, None, None)
    with pytest.raises(Unauthenticated, match="no valid token"):
        stranger.submit(ingest, GIVEN, "groundwork")
    stranger.close()


def test_an_api_that_is_broken_or_away_is_unavailable(
    double: KfpDouble, cluster: Kubeflow, ingest: Compiled
) -> None:
    double.broken = True
    with pytest.raises(Unavailable, match="the database is gone"):
        cluster.submit(ingest, GIVEN, "groundwork")
    away = Kubeflow("http://127.0.0.1:9", None, None, None)
    with pytest.raises(Unavailable, match="does not answer"):
        away.runs("groundwork")
    away.close()


def test_without_an_address_the_way_out_is_named() -> None:
    with pytest.raises(ConfigurationError, match="GROUNDWORK_PIPELINES__URL"):
        open_cluster(SETTINGS)


def test_a_run_without_cache_has_no_cached_step(
    double: KfpDouble, cluster: Kubeflow, ingest: Compiled
) -> None:
    with_cache = double.runs[cluster.submit(ingest, GIVEN, "groundwork").id]
    without = double.runs[cluster.submit(ingest, GIVEN, "groundwork", cached=False).id]
    assert "enableCache" in str(with_cache.pipeline_spec)
    assert "enableCache" not in str(without.pipeline_spec)


def test_the_commands(double: KfpDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path))
    monkeypatch.setenv("GROUNDWORK_PIPELINES__URL", double.url)
    monkeypatch.setenv("GROUNDWORK_PIPELINES__TOKEN", "secret")

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["pipeline", *arguments], catch_exceptions=False)
        return result.output

    assert "run run-0 of nightly-eval: RUNNING" in said("submit", "nightly-eval")
    nightly = said("schedule", "nightly-eval", "--cron", "0 0 3 * * *")
    assert nightly.startswith("nightly-eval runs at 0 0 3 * * * (schedule-0)")
    again = said("schedule", "nightly-eval", "--cron", "0 0 4 * * *")
    assert "in place of 1" in again
    overview = said("status")
    assert "run-0" in overview
    assert "0 0 4 * * *" in overview
    double.fail("run-0", "no golden set")
    assert run_command(cli, ["pipeline", "status", "run-0"]) == 1
    assert run_command(cli, ["pipeline", "schedule", "nightly-eval", "--cron", "0 3 * * *"]) == 2
