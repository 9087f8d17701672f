"""groundwork pipeline submit | schedule | status: pipelines on a cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.commands.pipeline import param_option, parameters, source_option
from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.core.errors import GroundworkError

if TYPE_CHECKING:
    from groundwork.core.settings import Settings
    from groundwork.pipelines.catalogue import Compiled
    from groundwork.pipelines.cluster import Kubeflow, RemoteRun

_LOOK_SECONDS = 2.0


@click.command()
@click.argument("name")
@param_option
@source_option
@click.option(
    "--wait", is_flag=True, help="Follow the run to its end; exits with 1 where it fails."
)
@click.option("--no-cache", is_flag=True, help="Run every step anew.")
@json_option
def submit(
    name: str,
    params: tuple[str, ...],
    sources: tuple[str, ...],
    *,
    wait: bool,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Run a pipeline on Kubeflow Pipelines (GROUNDWORK_PIPELINES__URL)."""
    settings = load()
    made, given = _prepared(settings, name, params, sources)
    with _cluster(settings) as cluster:
        run = cluster.submit(made, given, settings.pipelines.experiment, cached=not no_cache)
        if wait:
            run = _followed(cluster, run)
    _show(run, as_json=as_json)
    if wait:
        _judge(run)


@click.command()
@click.argument("name")
@param_option
@source_option
@click.option(
    "--cron",
    required=True,
    metavar="'S M H D M W'",
    help="When, in UTC: six fields, seconds first; '0 0 3 * * *' is three in the morning.",
)
@click.option(
    "--as", "title", metavar="NAME", help="The schedule's name; the pipeline's if not given."
)
@json_option
def schedule(
    name: str,
    params: tuple[str, ...],
    sources: tuple[str, ...],
    cron: str,
    title: str | None,
    *,
    as_json: bool,
) -> None:
    """Run a pipeline there again and again; a schedule of the same name is replaced."""
    settings = load()
    made, given = _prepared(settings, name, params, sources)
    with _cluster(settings) as cluster:
        made_schedule = cluster.schedule(
            made, given, settings.pipelines.experiment, cron, title or name
        )
    if as_json:
        echo_json(asdict(made_schedule))
        return
    replaced = f", in place of {made_schedule.replaced}" if made_schedule.replaced else ""
    click.echo(f"{made_schedule.name} runs at {made_schedule.cron} ({made_schedule.id}){replaced}")


@click.command()
@click.argument("run", required=False)
@json_option
def status(run: str | None, *, as_json: bool) -> None:
    """Show a run there with its steps, or without RUN the newest runs and the schedules.

    Exits with 1 where the run failed.
    """
    settings = load()
    with _cluster(settings) as cluster:
        if run is not None:
            found = cluster.run(run)
            _show(found, as_json=as_json)
            _judge(found)
            return
        newest = cluster.runs(settings.pipelines.experiment)
        schedules = cluster.schedules(settings.pipelines.experiment)
    if as_json:
        echo_json(
            {
                "runs": [asdict(one) for one in newest],
                "schedules": [asdict(one) for one in schedules],
            }
        )
        return
    rows = [("RUN", "PIPELINE", "STATE", "CREATED")]
    rows += [(one.id, one.name, one.state, one.created_at) for one in newest]
    echo_table(rows)
    click.echo()
    timed = [("SCHEDULE", "CRON", "ENABLED")]
    timed += [(one.name, one.cron, "yes" if one.enabled else "no") for one in schedules]
    echo_table(timed)


def _prepared(
    settings: Settings, name: str, params: tuple[str, ...], sources: tuple[str, ...]
) -> tuple[Compiled, dict[str, Any]]:
    from groundwork.pipelines.catalogue import arguments, compiled

    made = compiled(name, settings)
    return made, arguments(made, parameters(params, sources))


@contextmanager
def _cluster(settings: Settings) -> Iterator[Kubeflow]:
    from groundwork.pipelines.cluster import open_cluster

    cluster = open_cluster(settings)
    try:
        yield cluster
    finally:
        cluster.close()


def _followed(cluster: Kubeflow, run: RemoteRun) -> RemoteRun:
    seen: dict[str, str] = {}
    while True:
        run = cluster.run(run.id)
        for task in run.tasks:
            if seen.get(task.name) != task.state:
                seen[task.name] = task.state
                click.echo(f"{task.name}: {task.state} {task.error}".rstrip(), err=True)
        if run.ended:
            return run
        time.sleep(_LOOK_SECONDS)


def _show(run: RemoteRun, *, as_json: bool) -> None:
    if as_json:
        echo_json(asdict(run))
        return
    click.echo(f"run {run.id} of {run.name}: {run.state} {run.error}".rstrip())
    if run.tasks:
        rows = [("STEP", "STATE", "SECONDS", "ERROR")]
        rows += [
            (
                one.name,
                one.state,
                "-" if one.seconds is None else f"{one.seconds:.1f}",
                one.error,
            )
            for one in run.tasks
        ]
        echo_table(rows)


def _judge(run: RemoteRun) -> None:
    if run.state in {"FAILED", "CANCELED"}:
        failed = [f"{task.name}: {task.error}" for task in run.tasks if task.state == "FAILED"]
        raise GroundworkError(f"run {run.id} {run.state.lower()}: {'; '.join(failed) or run.error}")
