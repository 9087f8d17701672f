"""What stands beside a classifier's weights: where they came from and what they reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from groundwork.classic.injection.data import Corpus
from groundwork.classic.injection.evaluate import Share
from groundwork.classic.injection.features import VERSION
from groundwork.classic.injection.model import WEIGHTS
from groundwork.classic.injection.train import Trained

RELEASE = "release.json"


def describe(
    trained: Trained, corpus: Corpus, seed: int, figures: dict[str, Share]
) -> dict[str, Any]:
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
        "held_out": {
            name: {
                "share": round(share.value, 4),
                "interval": [round(bound, 4) for bound in share.interval],
                "of": share.total,
            }
            for name, share in figures.items()
        },
    }


def write(folder: Path, raw: bytes, release: dict[str, Any]) -> None:
    """Weights and release.json into the folder, each complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    text = orjson.dumps(release, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    for name, content in ((WEIGHTS, raw), (RELEASE, text)):
        temporary = folder / f".{name}.new"
        temporary.write_bytes(content)
        temporary.replace(folder / name)
