"""A reader as a release: what decides its answers, its figures, and its card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundwork.classic.ocr.evaluate import Results, Row, tables
from groundwork.classic.ocr.model import ALPHABET, FILES, RELEASE, Models
from groundwork.classic.ocr.sizes import Size
from groundwork.classic.ocr.train import CURVES, Trained
from groundwork.core.registry.base import MEASURED, OCR, Candidate, Line, Lineage
from groundwork.core.registry.gate import Measured
from groundwork.core.registry.measured import to_json

FORMAT = 1
VALIDATION = "validation.html"


def write(folder: Path, work: Path, about: Mapping[str, Any], trained: Trained) -> None:
    """The release's files out of where it was trained: the networks, the alphabet, how it came about, the curves."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*FILES, ALPHABET):
        (folder / name).write_bytes((work / name).read_bytes())
    models = Models.load(folder)
    described = {
        "model": OCR,
        "format": FORMAT,
        "release": models.release,
        "networks": models.digests,
        "bytes": {name: len(raw) for name, raw in models.files.items()},
        "cpu_seconds": {name: round(spent) for name, spent in trained.seconds.items()},
        **about,
    }
    (folder / RELEASE).write_text(
        json.dumps(described, indent=2, ensure_ascii=False) + "\n", "utf-8"
    )
    (folder / CURVES).write_text(json.dumps(trained.curves) + "\n", "utf-8")


def described(folder: Path) -> dict[str, Any]:
    """How a release came about."""
    return dict(json.loads((folder / RELEASE).read_text(encoding="utf-8")))


def measured_of(name: str, results: Results) -> Measured:
    """For the gate: every line's accuracy and whether it is exact, every card's place and fields, by example."""
    examples: dict[str, dict[str, float | None]] = {}
    sources: dict[str, str] = {}
    for line in results.lines:
        examples[line.id] = {"char_accuracy": line.accuracy, "line_exact": float(line.exact)}
        sources[line.id] = line.group
    for crop in results.crops:
        examples[crop.id] = {"crop_accuracy": crop.accuracy, "crop_exact": float(crop.exact)}
        sources[crop.id] = crop.group
    for card in results.cards:
        examples[card.id] = {"located": float(card.located), "fields": card.fields}
        sources[card.id] = card.id
    return Measured(name, examples, sources)


def candidate_of(
    line: Line, folder: Path, measured: Measured, results: Results, report: str, lineage: Lineage
) -> Candidate:
    """The release. The same networks on the same code are the same release."""
    models = Models.load(folder)
    content = {
        "kind": OCR,
        "format": FORMAT,
        "networks": models.digests,
        "characters": models.characters,
    }
    rows = tables(results)
    files: dict[str, bytes | Path] = {
        name: folder / name for name in (*FILES, ALPHABET, RELEASE, CURVES)
    }
    files |= {MEASURED: to_json(measured), VALIDATION: report.encode()}
    return Candidate(
        line=line,
        content=content,
        files=files,
        lineage=lineage,
        metrics=figures(rows),
        card=card(described(folder), rows),
    )


def figures(rows: list[Row]) -> dict[str, float]:
    """The figures over everything, by name."""
    return {
        f"{row.slice}_{row.metric}": row.interval.mean
        for row in rows
        if row.slice in ("lines", "crops", "cards")
    }


def card(about: Mapping[str, Any], rows: list[Row]) -> str:
    """Markdown for people: what it is, what it was made of, how it measured, what it is not for."""
    spent = sum(about["cpu_seconds"].values())
    size = Size(**about["size"])
    total = sum(about["bytes"].values())
    table = ["| Held out | Measure | Mean | Interval (95 %) | Examples |", "|---|---|---|---|---|"]
    for row in rows:
        one = row.interval
        table.append(
            f"| {row.slice} | {row.metric} | {one.mean:.4f} | {one.low:.4f} to {one.high:.4f} | {one.n} |"
        )
    return "\n".join([
        "# Reader of cards and documents",
        "",
        (f"Three networks, {total / 1e6:.2f} MB in all: a line recogniser (convolutions, two bidirectional LSTMs, CTC), a U-Net "
        "that finds the card, and a U-Net that finds its lines."),
        "",
        f"Made by `{about['command']}` in {spent / 60:.0f} CPU-minutes (one thread a network): "
        + ", ".join(f"{name} {value / 60:.0f}" for name, value in about["cpu_seconds"].items())
        + f". {size.recogniser_steps:,} batches of lines, {size.locator_steps:,} and {size.liner_steps:,} of pictures. "
        f"The curves are in `{CURVES}`.",
        "",
        *([str(about["history"]), ""] if "history" in about else []),
        f"Data: {about['data_source']}, digest `{about['data']}`. Everything is drawn; the people are invented.",
        "",
        *table,
        "",
        ("Not for: handwriting, scripts other than Latin, prose set in tight columns, and decisions about people without a "
        "person's look at the picture. Printed names are read without a dictionary; where a machine-readable zone's check "
        "digits hold, its document number and dates are taken."),
        "",
    ])  # fmt: skip
