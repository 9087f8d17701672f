"""What stands beside a classifier's weights: where they came from and what they reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from groundwork.classic.injection.data import Corpus
from groundwork.classic.injection.evaluate import METRICS, Share, shares
from groundwork.classic.injection.features import VERSION
from groundwork.classic.injection.model import WEIGHTS
from groundwork.classic.injection.train import Trained
from groundwork.core.registry.base import MEASURED, Candidate, Line, Lineage
from groundwork.core.registry.gate import Measured
from groundwork.core.registry.measured import to_json

RELEASE = "release.json"


def describe(trained: Trained, corpus: Corpus, seed: int) -> dict[str, Any]:
    """The release as data; the same run gives the same text."""
    return {
        "model": "injection",
        "weights": trained.weights.digest,
        "features": VERSION,
        "embedder": trained.weights.embedder,
        "seed": seed,
        "data": corpus.digest(),
        "sources": corpus.sources,
        "rows": trained.counts,
    }


def candidate(line: Line, folder: Path, measured: Measured, lineage: Lineage) -> Candidate:
    """The release of a folder's weights, with what they reach on held-out data."""
    about: dict[str, Any] = orjson.loads((folder / RELEASE).read_bytes())
    figures = shares(measured)
    about["held_out"] = {
        name: {
            "share": round(share.value, 4),
            "interval": [round(bound, 4) for bound in share.interval],
            "of": share.total,
        }
        for name, share in figures.items()
    }
    decides = ("model", "weights", "features", "embedder")
    return Candidate(
        line=line,
        content={name: about[name] for name in decides},
        files={
            WEIGHTS: (folder / WEIGHTS).read_bytes(),
            RELEASE: orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
            MEASURED: to_json(measured),
        },
        lineage=lineage,
        metrics={
            metric: sum(values) / len(values)
            for metric in METRICS
            if (values := measured.values(metric).values())
        },
        card=_card(about, figures),
    )


def _card(about: dict[str, Any], figures: dict[str, Share]) -> str:
    rows = ["| Held out | Share (95 %) |", "|---|---|"]
    rows += [f"| {name} | {share} |" for name, share in figures.items()]
    made = ", ".join(f"{count} {name}" for name, count in about["sources"].items())
    return "\n".join(
        [
            "# Injection classifier",
            "",
            f"Made of {made}; seed {about['seed']}. It finds orders to the assistant in questions and in pages.",
            "",
            *rows,
            "",
            "It knows what the templates and sets know: an attack in another language or of another kind may pass.",
            "",
        ]
    )


def write(folder: Path, raw: bytes, release: dict[str, Any]) -> None:
    """Weights and release.json into the folder, each complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    text = orjson.dumps(release, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    for name, content in ((WEIGHTS, raw), (RELEASE, text)):
        temporary = folder / f".{name}.new"
        temporary.write_bytes(content)
        temporary.replace(folder / name)
