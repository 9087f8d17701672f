"""groundwork models export."""

from __future__ import annotations

from pathlib import Path

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, json_option
from groundwork.core.errors import Conflict


@click.group()
def models() -> None:
    """Models as files."""


@models.command()
@click.argument("out", type=click.Path(path_type=Path))
@json_option
def export(out: Path, *, as_json: bool) -> None:
    """Write the embedding model to the folder OUT, as it runs on processors.

    A service with GROUNDWORK_EMBEDDER__MODEL set to that folder needs neither torch nor the ten seconds of an export, and
    embeds to the same vectors.
    """
    import shutil
    import tempfile

    from groundwork.retrieval.embed.export import exported
    from groundwork.retrieval.embed.onnx import OnnxEmbedder

    if out.exists():
        raise Conflict(f"{out} exists; name a folder that does not", field="out")
    settings = load()
    folder = exported(settings.embedder.model, settings.models)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: an image must not be built on half a model.
    work = Path(tempfile.mkdtemp(prefix=".export-", dir=out.parent))
    try:
        shutil.copytree(folder, work, dirs_exist_ok=True)
        work.chmod(0o755)
        work.rename(out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    identity = OnnxEmbedder(out).identity
    if as_json:
        echo_json({"folder": str(out), "embedder": identity})
    else:
        click.echo(f"{identity}\nwritten to {out}")
