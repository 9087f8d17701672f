"""groundwork ocr read | generate | annotate | crops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image

    from groundwork.classic.ocr.reading import Reading

_PICTURE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def ocr() -> None:
    """Cards and documents: read pictures, draw examples, go to a labelling tool and come back."""


@ocr.command("read")
@click.argument("pictures", nargs=-1, required=True, type=_PICTURE)
@click.option("--page", is_flag=True, help="Read the whole picture; do not look for a card in it.")
@click.option("--boxes", type=_FOLDER, help="Where copies of the pictures with boxes go.")
@json_option
def read_pictures(
    pictures: tuple[Path, ...], boxes: Path | None, *, page: bool, as_json: bool
) -> None:
    """Read PICTURES with the release that ships, or the engine that GROUNDWORK_OCR__ENGINE names."""
    from groundwork.classic.ocr.predict import draw

    found = []
    for path, picture, reading in _read(pictures, find_card=not page):
        found.append({"picture": str(path), **reading.to_dict()})
        if boxes is not None:
            boxes.mkdir(parents=True, exist_ok=True)
            draw(picture, reading).save(boxes / f"{path.stem}.png")
        if not as_json:
            _print(path, reading)
    if as_json:
        echo_json(found)


@ocr.command()
@click.argument("folder", type=_FOLDER)
@click.option("--lines", type=click.IntRange(0), default=100, show_default=True, help="How many lines.")  # fmt: skip
@click.option("--cards", type=click.IntRange(0), default=20, show_default=True, help="How many cards.")  # fmt: skip
@click.option("--seed", type=int, default=7, show_default=True, help="What is drawn at random.")
def generate(folder: Path, lines: int, cards: int, seed: int) -> None:
    """Draw held-out examples into FOLDER: lines and photographs of cards, with their truth in held_out.json."""
    from groundwork.classic.ocr.held_out import make
    from groundwork.cli.progress import ConsoleProgress

    progress = ConsoleProgress()
    progress.stage("draw", total=lines + cards, unit="examples")
    try:
        for _ in make(folder, seed, lines, cards):
            progress.advance()
    finally:
        progress.close()
    click.echo(f"{lines} lines and {cards} cards in {folder}")


@ocr.command()
@click.argument("pictures", nargs=-1, required=True, type=_PICTURE)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file for Label Studio.")  # fmt: skip
def annotate(pictures: tuple[Path, ...], out: Path) -> None:
    """Read PICTURES into tasks with predictions for Label Studio, so that people correct instead of typing."""
    import json

    from groundwork.classic.ocr.data.labelstudio import to_tasks

    tasks = to_tasks((path.name, reading) for path, _, reading in _read(pictures, find_card=True))
    out.write_text(json.dumps(tasks, ensure_ascii=False, indent=1), encoding="utf-8")
    click.echo(f"{len(tasks)} tasks in {out}")


@ocr.command()
@click.argument("export", type=_PICTURE)
@click.option("--pictures", type=_FOLDER, required=True, help="The folder of the annotated pictures.")  # fmt: skip
@click.option("--out", type=_FOLDER, required=True, help="Where the crops and labels.tsv go.")
def crops(export: Path, pictures: Path, out: Path) -> None:
    """Cut the lines of EXPORT, Label Studio's JSON, out of their pictures, for groundwork train ocr --data."""
    import json

    from groundwork.classic.ocr.data.annotated import write_crops
    from groundwork.classic.ocr.data.labelstudio import from_tasks

    try:
        tasks = json.loads(export.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{export} is no JSON: {error}", field="export") from None
    count = write_crops(from_tasks(tasks), pictures, out)
    click.echo(f"{count} crops in {out}")


def _read(paths: tuple[Path, ...], *, find_card: bool) -> Iterator[tuple[Path, Image, Reading]]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    from groundwork.classic.ocr.predict import open_reader

    reader = open_reader(load())
    for path in paths:
        try:
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise InvalidInput(f"{path} is no picture: {error}", field="pictures") from None
        yield path, picture, reader.read(picture, find_card=find_card)


def _print(path: Path, reading: Reading) -> None:
    where = "no card found, read as a page"
    if reading.card is not None:
        where = f"a card, turned by {reading.card.rotation:.0f} degrees"
    click.echo(f"{path}: {where}; {len(reading.lines)} lines, confidence {reading.confidence:.2f}")
    if reading.fields:
        rows = [("FIELD", "VALUE", "CONFIDENCE", "FROM")]
        rows += [
            (one.name, one.value, f"{one.confidence:.2f}", one.source) for one in reading.fields
        ]
        echo_table(rows)
    else:
        for line in reading.lines:
            click.echo(line.text)
