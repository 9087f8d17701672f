"""Ingest from a cold start, again with nothing changed, with one page changed; and the plain way beside it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.data import PYTHON_DOC, ROOT, SHARED
from benchmarks.process import Run, run
from groundwork.core.settings import Settings

KUBEFLOW = SHARED / "corpora" / "kubeflow" / "content" / "en" / "docs"
# What keeps this part below eight minutes on two cores.
PYTHON_PAGES = 40
REPETITIONS = 2
_COMMAND = str(Path(sys.executable).parent / "groundwork")
_EXPORT = (
    "import sys; from pathlib import Path; from groundwork.retrieval.embed.export import exported; "
    "exported('all-MiniLM-L6-v2', Path(sys.argv[1]))"
)
_SENTENCE = " This sentence was not on the page when it was indexed."


@dataclass(slots=True)
class Measured:
    """One corpus: a run of each kind a repetition, and what Groundwork and the plain way said of theirs."""

    name: str
    cold: list[Run] = field(default_factory=list)
    again: list[Run] = field(default_factory=list)
    changed: list[Run] = field(default_factory=list)
    plain: list[Run] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    embedded: int = 0
    plain_chunks: int = 0


def main(
    settings: Settings,
    kubeflow_pages: int | None = None,
    python_pages: int = PYTHON_PAGES,
    repetitions: int = REPETITIONS,
) -> None:
    """Print Markdown tables. Every run is a process of its own, and every cold run has a new home."""
    del settings
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        models = work / "models"
        models.mkdir()
        export = run([sys.executable, "-c", _EXPORT, str(models)], work)
        corpora = (
            ("Kubeflow, Markdown", "hugo", _some(KUBEFLOW, "*.md", kubeflow_pages, work / "kubeflow")),
            ("Python manual, HTML", "sphinx", _some(PYTHON_DOC, "*.html", python_pages, work / "python")),
        )  # fmt: skip
        measured = [
            _measure(name, site, folder, models, repetitions) for name, site, folder in corpora
        ]
    print(f"Medians of {repetitions} repetitions, the two ways in turn. {_load()}")
    print(
        f"One-off export of the model, not in the times below: {export.wall:.1f} s ({export.cpu:.1f} CPU-s).\n"
    )
    _print(measured)


def _some(source: Path, pattern: str, pages: int | None, target: Path) -> Path:
    """The first `pages` of a corpus, sorted by path, or all of it."""
    hidden = ("_", "genindex", "py-modindex")
    chosen = [
        path
        for path in sorted(source.rglob(pattern))
        if pattern == "*.md" or not path.relative_to(source).as_posix().startswith(hidden)
    ][:pages]
    assert chosen, f"{source} holds no {pattern}"
    for path in chosen:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return target


def _measure(name: str, site: str, folder: Path, models: Path, repetitions: int) -> Measured:
    measured = Measured(name)
    for repetition in range(repetitions):
        ways = [_ours, _plain]
        # In turn, and not always the same first, so that neither has the quieter machine.
        for way in ways if repetition % 2 == 0 else reversed(ways):
            way(measured, site, folder, models)
    return measured


def _ours(measured: Measured, site: str, folder: Path, models: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        shutil.copytree(models, home / "models")
        command = [_COMMAND, "ingest", str(folder), "--index", "bench", "--site", site, "--json"]
        here = {"GROUNDWORK_HOME": str(home)}
        cold = run(command, home, here)
        measured.cold.append(cold)
        measured.said = json.loads(cold.stdout)
        again = run(command, home, here)
        assert json.loads(again.stdout)["unchanged"]
        measured.again.append(again)
        page, before = _change(folder, measured.said)
        try:
            changed = run(command, home, here)
        finally:
            page.write_bytes(before)
        said = json.loads(changed.stdout)
        assert len(said["changed"]) == 1, said["changed"]
        measured.changed.append(changed)
        measured.embedded = said["stats"]["embedded"]


def _plain(measured: Measured, site: str, folder: Path, models: Path) -> None:
    del site, models
    with tempfile.TemporaryDirectory() as temporary:
        # NLTK refuses files with more than one link, as which installers place them: it gets a copy.
        nltk = Path(temporary) / "nltk"
        shutil.copytree(_bundled_nltk(), nltk)
        plain = run(
            [sys.executable, "-m", "benchmarks.plain", str(folder)],
            ROOT,
            {"HF_HUB_OFFLINE": "1", "NLTK_DATA": str(nltk)},
        )
    measured.plain.append(plain)
    measured.plain_chunks = json.loads(plain.stdout.splitlines()[-1])["chunks"]


def _bundled_nltk() -> Path:
    """LlamaIndex's own copy of NLTK's stop words and sentence model, found without importing it."""
    spec = find_spec("llama_index.core")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "_static" / "nltk_cache"


def _change(folder: Path, said: dict[str, Any]) -> tuple[Path, bytes]:
    """A sentence more on the middle page of those that went in; the page, and what it held."""
    pages = sorted(set(said["added"]) - {skipped["page"] for skipped in said["skipped"]})
    page = folder / pages[len(pages) // 2]
    before = page.read_bytes()
    if page.suffix == ".html":
        # Half-way down, so that it is the content and not the page's frame that changes.
        end = before.index(b"</p>", len(before) // 2)
        page.write_bytes(before[:end] + _SENTENCE.encode() + before[end:])
    else:
        page.write_bytes(before.rstrip() + _SENTENCE.encode() + b"\n")
    return page, before


def _print(measured: Iterable[Measured]) -> None:
    rows = list(measured)
    print("| corpus | pages | chunks | s | CPU-s | pages/s | chunks/s | peak RSS MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        pages, chunks = row.said["pages"], row.said["chunks"]
        wall, cpu, peak = _medians(row.cold)
        print(
            f"| {row.name} | {pages:,} | {chunks:,} | {wall:.1f} | {cpu:.1f} | {pages / wall:.1f} | "
            f"{chunks / wall:.0f} | {peak:.0f} |"
        )
    print(
        "\n| corpus | nothing changed, s | share of the first | one page changed, s | chunks embedded |"
    )
    print("|---|---|---|---|---|")
    for row in rows:
        again, first = _medians(row.again)[0], _medians(row.cold)[0]
        print(
            f"| {row.name} | {again:.2f} | {again / first:.1%} | {_medians(row.changed)[0]:.2f} | "
            f"{row.embedded:,} |"
        )
    print(
        "\n| corpus | plain way: chunks | s | CPU-s | peak RSS MiB | its wall / ours | its CPU / ours |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        wall, cpu, peak = _medians(row.plain)
        ours = _medians(row.cold)
        print(
            f"| {row.name} | {row.plain_chunks:,} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | "
            f"{wall / ours[0]:.2f} | {cpu / ours[1]:.2f} |"
        )


def _medians(runs: list[Run]) -> tuple[float, float, float]:
    return (
        median(each.wall for each in runs),
        median(each.cpu for each in runs),
        median(each.peak_mib for each in runs),
    )


def _load() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end."
