"""groundwork train injection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.commands.ingest import default_docs
from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.cli.progress import ConsoleProgress
from groundwork.core.errors import GateRefused

if TYPE_CHECKING:
    from groundwork.classic.injection.evaluate import Share
    from groundwork.core.progress import Progress


@click.group()
def train() -> None:
    """Train a model of the platform, measure it on held-out data and gate it against the champion."""


@train.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Labelled sets: deepset parquet, BIPIA JSON and e-mails, JSON lines of text and label.",
)
@click.option(
    "--pages",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Clean documentation to plant orders in; repeatable. The bundled guides if not given.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where weights and release.json go; models/injection under the home if not given.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="What is drawn at random.")
@click.option("--no-gate", is_flag=True, help="Write the model even where the gate says no.")
@json_option
def injection(
    data: Path | None,
    pages: tuple[Path, ...],
    out: Path | None,
    seed: int,
    *,
    no_gate: bool,
    as_json: bool,
) -> None:
    """The classifier that finds orders to the assistant in questions and in pages.

    It is compared with the champion (the model in --out, else the one that ships) on the same held-out examples.
    Exits with 3, and writes nothing, where it is worse or under a floor.
    """
    from groundwork.classic.injection import release
    from groundwork.classic.injection.data import collect
    from groundwork.classic.injection.evaluate import figures, refusal
    from groundwork.classic.injection.model import BUNDLED, WEIGHTS
    from groundwork.classic.injection.open import bundled_embedder
    from groundwork.classic.injection.predict import InjectionClassifier
    from groundwork.classic.injection.train import train as fit

    settings = load()
    folder = out or settings.models / "injection"
    embedder = bundled_embedder(settings)
    progress = ConsoleProgress()
    try:
        corpus = collect(data, _read_pages(pages, progress), seed)
        trained = fit(corpus, embedder, seed, progress)
        progress.stage("evaluate")
        found = figures(InjectionClassifier(trained.weights, lambda: embedder), corpus, seed)
        champion_at = next((at for at in (folder, BUNDLED) if (at / WEIGHTS).is_file()), None)
        champion = None
        if champion_at is not None:
            loaded = InjectionClassifier.load(lambda: embedder, champion_at)
            champion = figures(loaded, corpus, seed)
    finally:
        progress.close()
    described = release.describe(trained, corpus, seed, found)
    why = refusal(found, champion)
    if why is None or no_gate:
        release.write(folder, trained.raw, described)
    if as_json:
        echo_json({**described, "out": str(folder), "refusal": why})
    else:
        _print(found, champion, trained.weights.digest)
        if why is None or no_gate:
            click.echo(f"written to {folder}")
    if why is not None and not no_gate:
        raise GateRefused(f"{why}; nothing was written")


def _print(found: dict[str, Share], champion: dict[str, Share] | None, digest: str) -> None:
    rows = [("HELD OUT", "CANDIDATE", "CHAMPION")]
    for name, share in found.items():
        rows.append((name, str(share), str(champion[name]) if champion else "-"))
    echo_table(rows)
    click.echo(f"weights sha256:{digest}")


def _read_pages(folders: tuple[Path, ...], progress: Progress) -> list[tuple[str, str]]:
    """(name, prose) of every page that parses."""
    from groundwork.core.documents import RawDocument
    from groundwork.core.scan import prose
    from groundwork.ingestion.parse import ParseError, ParseOptions, parse
    from groundwork.ingestion.sources import SourceOptions, open_source

    bundled = default_docs()
    chosen = folders or ((bundled,) if bundled else ())
    found = []
    progress.stage("read pages", unit="pages")
    for folder in chosen:
        for raw in open_source(str(folder), SourceOptions()).read():
            if not isinstance(raw, RawDocument):
                continue
            try:
                text = prose(parse(raw, ParseOptions()))
            except ParseError:
                continue
            if len(text) > _SHORTEST_PAGE:
                found.append((f"{folder.name}/{raw.page}", text))
            progress.advance()
    return found


_SHORTEST_PAGE = 200
