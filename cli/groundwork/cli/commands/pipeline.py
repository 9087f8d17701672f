"""groundwork pipeline list | compile | run | runs | submit | schedule | status | plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from groundwork.cli.compose import load
from groundwork.cli.lazy import LazyGroup
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.core.errors import GateRefused, InvalidInput

_CLUSTER = "groundwork.cli.commands.pipeline_cluster"
_HERE = "groundwork.cli.commands.pipeline"
_COMMANDS = {
    "list": (f"{_HERE}:list_pipelines", "List the pipelines with their steps."),
    "compile": (f"{_HERE}:compile_pipelines", "Write pipelines as Kubeflow's YAML."),
    "run": (f"{_HERE}:run", "Run a pipeline on this machine, with a view of its steps."),
    "runs": (f"{_HERE}:runs", "List the runs of this machine, newest first."),
    "submit": (f"{_CLUSTER}:submit", "Run a pipeline on Kubeflow Pipelines."),
    "schedule": (f"{_CLUSTER}:schedule", "Run a pipeline there again and again."),
    "status": (f"{_CLUSTER}:status", "Show runs there, their steps and what failed."),
    "plan": ("groundwork.cli.commands.pipeline_plan:plan", "What so many chunks would take."),
}  # fmt: skip


@click.group(name="pipeline", cls=LazyGroup, commands_at=_COMMANDS)
def pipeline() -> None:
    """Batch jobs as Kubeflow pipelines: run here, or by a cluster."""


def parameters(given: tuple[str, ...], sources: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of `--param` and `--source`. Raises InvalidInput."""
    pairs = []
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--param wants NAME=VALUE, not {one!r}", field="param")
        pairs.append((name, value))
    return pairs + [("sources", _absolute(spec)) for spec in sources]


def _absolute(spec: str) -> str:
    """A path as seen from anywhere, so that a run goes on from another folder as well."""
    path = Path(spec).expanduser()
    return str(path.resolve()) if "://" not in spec and path.exists() else spec


param_option = click.option(
    "--param",
    "params",
    metavar="NAME=VALUE",
    multiple=True,
    help="An argument; a list's name may be given several times, NAME.KEY=VALUE sets one entry of options.",
)
source_option = click.option(
    "--source",
    "sources",
    metavar="SOURCE",
    multiple=True,
    help="ingest: a source, as groundwork ingest takes it; repeatable.",
)


@click.command(name="list")
@json_option
def list_pipelines(*, as_json: bool) -> None:
    """List the pipelines with their steps."""
    from groundwork.pipelines.catalogue import PIPELINES

    if as_json:
        echo_json(
            [
                {"name": one.name, "purpose": one.purpose, "steps": list(one.steps)}
                for one in PIPELINES.values()
            ]
        )
        return
    rows = [("PIPELINE", "STEPS", "PURPOSE")]
    rows += [(one.name, " ".join(one.steps), one.purpose) for one in PIPELINES.values()]
    echo_table(rows)


@click.command(name="compile")
@click.argument("names", metavar="[NAME]…", nargs=-1)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder for NAME.yaml; this one if not given.",
)
@json_option
def compile_pipelines(names: tuple[str, ...], out: Path, *, as_json: bool) -> None:
    """Write pipelines as the YAML that Kubeflow Pipelines takes; all of them if none is named."""
    from groundwork.pipelines.catalogue import PIPELINES, compiled, definition

    settings = load()
    chosen = [definition(name).name for name in names] or list(PIPELINES)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name in chosen:
        target = out / f"{name}.yaml"
        target.write_text(compiled(name, settings).text, encoding="utf-8")
        written.append(str(target))
    if as_json:
        echo_json({"written": written})
    else:
        for path in written:
            click.echo(path)


@click.command()
@click.argument("name")
@param_option
@source_option
@click.option(
    "--resume",
    metavar="RUN",
    is_flag=False,
    flag_value="latest",
    help="Go on with a run that did not succeed: its id, or the newest of this pipeline.",
)
@json_option
def run(
    name: str,
    params: tuple[str, ...],
    sources: tuple[str, ...],
    resume: str | None,
    *,
    as_json: bool,
) -> None:
    """Run a pipeline on this machine.

    Steps run as processes, shards two at a time. Ctrl-C ends all of them; with --resume the run goes on, and what was
    complete is not done again. Exits with 3 where a gate said no.
    """
    from groundwork.cli.commands.pipeline_view import RunView
    from groundwork.pipelines.catalogue import arguments, compiled, definition
    from groundwork.pipelines.local import execute, start
    from groundwork.pipelines.runs import RunFolders

    settings, known = load(), definition(name)
    if resume is None:
        given = arguments(compiled(name, settings), parameters(params, sources))
        folder = start(settings, name, given)
    else:
        if params or sources:
            raise InvalidInput("a run goes on with its own arguments", field="resume")
        folders = RunFolders(settings.home)
        folder = folders.unfinished(name) if resume == "latest" else folders.open(resume)
        if folder.run.pipeline != name:
            raise InvalidInput(f"{folder.run.id} is a run of {folder.run.pipeline}", field="resume")
        folder.go_on()
    ended = execute(folder, RunView(known.steps))
    result = folder.result()
    if as_json:
        echo_json({"run": ended.id, "state": ended.state, "result": result})
    else:
        _print(ended.id, result)
    if result.get("refusal"):
        raise GateRefused(str(result["refusal"]))


@click.command()
@json_option
def runs(*, as_json: bool) -> None:
    """List the runs of this machine, newest first."""
    from dataclasses import asdict

    from groundwork.pipelines.runs import RunFolders

    found = [folder.run for folder in RunFolders(load().home).all()]
    if as_json:
        echo_json([asdict(one) for one in found])
        return
    rows = [("RUN", "STATE", "BEGAN", "ENDED", "ERROR")]
    rows += [
        (one.id, one.state, one.began_at, one.ended_at or "-", one.error[:60]) for one in found
    ]
    echo_table(rows)


def _print(name: str, result: dict[str, Any]) -> None:
    click.echo(f"run {name} succeeded")
    for key, value in result.items():
        if value not in (None, [], "") and not isinstance(value, dict | list):
            click.echo(f"  {key}: {value}")
