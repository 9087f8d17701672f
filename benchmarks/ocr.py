"""Reading: ours beside RapidOCR and Tesseract, on drawn lines and cards that were held out, and on receipts' lines."""

from __future__ import annotations

import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import SHARED
from groundwork.classic.ocr import held_out
from groundwork.classic.ocr.data.folder import read_crops
from groundwork.classic.ocr.data.fonts import HELD_OUT, FontBook
from groundwork.classic.ocr.data.lines import draw_line
from groundwork.classic.ocr.engines.base import Engine
from groundwork.classic.ocr.engines.own import OwnEngine
from groundwork.classic.ocr.engines.rapid import RapidEngine
from groundwork.classic.ocr.engines.tesseract import TesseractEngine
from groundwork.classic.ocr.evaluate import CardResult, LineResult, char_error, judge_card, scored
from groundwork.classic.ocr.model import Models
from groundwork.classic.ocr.reader import Reader
from groundwork.core.settings import Settings

_SEED = 20_261
_LINES = 300
# Tesseract takes a sixth of a second a line.
_SLOW_LINES = 60
_CROPS = 2000
_SLOW_CROPS = 300
# Cards for ours, RapidOCR and Tesseract.
_CARDS = {"groundwork": 160, "rapidocr": 60, "tesseract": 10}

Labelled = tuple[str, str, str, NDArray[np.uint8]]


def main(settings: Settings) -> None:
    """Print the tables."""
    del settings
    models = Models.load()
    engines = _engines(models)
    _sizes(models)
    book = FontBook.find(HELD_OUT)
    sets = {
        "fields, as printed": _drawn(book, "field", plain=True),
        "fields without accents, as printed": _drawn(book, "field", plain=True, ascii_only=True),
        "fields, any condition": _drawn(book, "field", plain=False),
        "fields and arbitrary strings, any condition": _drawn(book, "card", plain=False),
        "zones, any condition": _drawn(book, "mrz", plain=False),
        "receipts drawn, any condition": _drawn(book, "receipt", plain=False),
    }
    print("\nLines in held-out fonts, one thread; `exact` is the share of whole lines.\n")
    print("| Lines | Engine | CER | interval (95 %) | exact | ms a line | lines |")
    print("|---|---|---|---|---|---|---|")
    for name, lines in sets.items():
        for engine in engines:
            some = lines if engine.name != "tesseract" else lines[:_SLOW_LINES]
            _row(name, engine, some)
    _receipts(engines)
    _cards(models, engines)


def _engines(models: Models) -> list[Engine]:
    engines: list[Engine] = [OwnEngine(models)]
    if find_spec("rapidocr_onnxruntime"):
        engines.append(RapidEngine())
    if shutil.which("tesseract"):
        engines.append(TesseractEngine())
    return engines


def _sizes(models: Models) -> None:
    print("| Engine | Models |\n|---|---|")
    parts = ", ".join(
        f"{name.split('.')[0]} {len(raw) / 1e6:.2f}" for name, raw in models.files.items()
    )
    print(f"| groundwork | {sum(map(len, models.files.values())) / 1e6:.2f} MB ({parts}) |")
    spec = find_spec("rapidocr_onnxruntime")
    if spec is not None and spec.origin:
        found = sorted((Path(spec.origin).parent / "models").glob("*.onnx"))
        total = sum(path.stat().st_size for path in found)
        print(
            f"| rapidocr | {total / 1e6:.2f} MB ("
            + ", ".join(f"{p.stem.split('_')[-2]} {p.stat().st_size / 1e6:.2f}" for p in found)
            + ") |"
        )
    data = Path("/usr/share/tesseract-ocr/5/tessdata/eng.traineddata")
    if data.exists():
        print(f"| tesseract | {data.stat().st_size / 1e6:.2f} MB (eng) |")


def _drawn(book: FontBook, use: str, *, plain: bool, ascii_only: bool = False) -> list[Labelled]:
    """`plain` keeps lines to which nothing was done."""
    found: list[Labelled] = []
    number = 0
    while len(found) < _LINES:
        one = draw_line(book, random.Random(f"bench:{_SEED}:{use}:{number}"), use)
        number += 1
        if ascii_only and not one.text.isascii():
            continue
        if not plain or not one.conditions:
            found.append((f"line-{number}", one.family, one.text, one.pixels))
    return found


def _read(engine: Engine, lines: Sequence[Labelled]) -> tuple[list[LineResult], float]:
    """Results and milliseconds a line: the median over chunks of 50, so that a busy machine counts less."""
    results, spent = [], []
    engine.read([lines[0][3]])
    for at in range(0, len(lines), 50):
        some = lines[at : at + 50]
        began = time.perf_counter()
        read = engine.read([pixels for *_, pixels in some])
        spent.append(1000 * (time.perf_counter() - began) / len(some))
        results += [
            scored(name, group, text, one.text, one.confidence)
            for (name, group, text, _), one in zip(some, read, strict=True)
        ]
    return results, statistics.median(spent)


def _row(name: str, engine: Engine, lines: Sequence[Labelled]) -> None:
    results, spent = _read(engine, lines)
    _print_row(name, engine.name, results, spent)


def _print_row(name: str, engine: str, results: Sequence[LineResult], spent: float) -> None:
    error = char_error(results)
    exact = sum(one.exact for one in results) / len(results)
    print(
        f"| {name} | {engine} | {100 * error.mean:.2f} % | {100 * error.low:.2f} to {100 * error.high:.2f} "
        f"| {100 * exact:.1f} % | {spent:.1f} | {len(results)} |",
        flush=True,
    )


def _receipts(engines: Sequence[Engine]) -> None:
    folder = SHARED / "ocr" / "sroie_lines_dev"
    if not folder.is_dir():
        print("\nNo receipts at GROUNDWORK_SHARED_DATA/ocr/sroie_lines_dev: left out.")
        return
    crops = read_crops(folder)
    random.Random(_SEED).shuffle(crops)
    lines = [(one.path.stem, one.group, one.text, one.pixels()) for one in crops[:_CROPS]]
    print(
        "\nReceipts' lines (SROIE, none of them trained on). Their labels are in capitals whatever is printed: `as labelled`"
        " counts every small letter as an error, `case apart` compares both in capitals.\n"
    )
    print("| Lines | Engine | CER | interval (95 %) | exact | ms a line | lines |")
    print("|---|---|---|---|---|---|---|")
    for engine in engines:
        some = lines if engine.name != "tesseract" else lines[:_SLOW_CROPS]
        results, spent = _read(engine, some)
        apart = [scored(one.id, one.group, one.text.upper(), one.read.upper()) for one in results]
        for count in sorted({len(results), _SLOW_CROPS}, reverse=True):
            _print_row("receipts, as labelled", engine.name, results[:count], spent)
            _print_row("receipts, case apart", engine.name, apart[:count], spent)


def _cards(models: Models, engines: Sequence[Engine]) -> None:
    print(
        "\nWhole cards: held-out layouts and fonts, 2,400 by 1,800 pixels, turned by up to 30 degrees (one in four anyhow),"
        " half in strong perspective. Finding the card and its lines is ours in each row.\n"
    )
    print(
        "| Lines read by | located | outlined | fields right | whole cards right | ms a card | cards |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for _ in held_out.make(Path(folder), _SEED, 0, max(_CARDS.values())):
            pass
        _, cards = held_out.load(Path(folder))
        ours: list[CardResult] = []
        for engine in engines:
            reader = Reader(models, engine)
            judged = [
                judge_card(one, reader.read(one.picture())) for one in cards[: _CARDS[engine.name]]
            ]
            ours = ours or judged
            _card_row(engine.name, judged)
        conditions = sorted({name for one in ours for name in one.conditions})
        both = ("rotation up to 30", "strong perspective")
        for wanted in (both, *((one,) for one in conditions)):
            some = [one for one in ours if set(wanted) <= set(one.conditions)]
            _card_row(f"groundwork: {', '.join(wanted)}", some)


def _card_row(name: str, judged: Sequence[CardResult]) -> None:
    located = sum(one.located for one in judged) / len(judged)
    outlined = sum(one.outlined for one in judged) / len(judged)
    right = sum(len(one.right) for one in judged)
    total = right + sum(len(one.wrong) for one in judged)
    whole = sum(not one.wrong for one in judged) / len(judged)
    spent = statistics.median(one.ms for one in judged)
    print(
        f"| {name} | {100 * located:.1f} % | {100 * outlined:.1f} % | {100 * right / total:.1f} % | {100 * whole:.1f} % | {spent:.0f} | {len(judged)} |",
        flush=True,
    )
