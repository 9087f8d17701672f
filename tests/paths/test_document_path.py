"""An ingest that is killed at any moment leaves the live version answering, and costs the next one nothing."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from groundwork.ingestion.chunk import chunk_id
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.index.base import LIVE
from groundwork.retrieval.index.edge import EdgeStore
from groundwork.retrieval.index.manifest import Manifest
from groundwork.retrieval.sparse import query_vector

COMMAND = shutil.which("groundwork", path=str(Path(sys.executable).parent))
PAGES = 40
RANDOM_KILLS = 3


def corpus(root: Path, round_: int) -> None:
    """A third of the pages changes every round."""
    root.mkdir(exist_ok=True)
    for n in range(PAGES):
        state = round_ if n % 3 == round_ % 3 else 0
        sections = "".join(
            f"## Part {part}\n\nTopic{n} part{part} in state{state} of the guide.\n\n"
            for part in range(6)
        )
        (root / f"page{n:02}.md").write_text(f"# Page {n}\n\n{sections}")


def start(home: Path, root: Path) -> subprocess.Popen[bytes]:
    if COMMAND is None:
        pytest.skip("the console script is not installed")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home.parent),
        "GROUNDWORK_HOME": str(home),
        "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
    }
    return subprocess.Popen(
        [COMMAND, "ingest", str(root), "--json"],
        env=environment,
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> str:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    result = orjson.loads(output)
    assert result["promoted"]
    return str(result["version"])


def kill_when(process: subprocess.Popen[bytes], due: Callable[[], bool]) -> bool:
    """SIGKILL as soon as `due`; False where the process was done before."""
    while not due():
        if process.poll() is not None:
            break
    killed = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    return killed


def check_live(home: Path) -> str:
    """The live version is whole: every chunk of its manifest is there and it answers."""
    store = EdgeStore(home / "indexes")
    version = store.alias("docs", LIVE)
    assert version in {info.version for info in store.versions("docs")}
    reader = store.open("docs")
    try:
        manifest = Manifest.from_json(store.manifest("docs", reader.version))
        ids = [chunk_id(page.page, n) for page in manifest.pages for n in range(len(page.chunks))]
        assert len(reader.fetch(ids)) == len(ids) == manifest.chunk_count
        text = "Topic7 part3"
        found = reader.candidates(HashingEmbedder().embed([text])[0], query_vector(text), 10)
        pages = {stored.chunk.page for stored in reader.fetch([hit.id for hit in found])}
        assert "page07.md" in pages
    finally:
        reader.close()
    return str(version)


def left_over(home: Path) -> list[str]:
    index = home / "indexes" / "docs"
    return [path.name for pattern in ("building-*", "views/*-*") for path in index.glob(pattern)]


@pytest.mark.slow
def test_a_killed_ingest_leaves_the_live_version_and_no_trace(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "pages"
    corpus(root, 0)
    began = time.monotonic()
    finish(start(home, root))
    whole = time.monotonic() - began
    index = home / "indexes" / "docs"
    versions = {path.name for path in (index / "versions").iterdir()}

    def after(seconds: float) -> Callable[[], bool]:
        deadline = time.monotonic() + seconds
        return lambda: time.monotonic() >= deadline

    def building() -> bool:
        return any(index.glob("building-*"))

    def sealed() -> bool:
        return {path.name for path in (index / "versions").iterdir()} != versions

    shares = [random.Random(seed).uniform(0.2, 1.0) for seed in range(RANDOM_KILLS)]
    killed = 0
    live = check_live(home)
    for round_ in range(1, RANDOM_KILLS + 3):
        corpus(root, round_)
        versions = {path.name for path in (index / "versions").iterdir()}
        process = start(home, root)
        due = (building, sealed)[round_ - 1] if round_ < 3 else after(shares[round_ - 3] * whole)
        killed += kill_when(process, due)
        now = check_live(home)
        # Either the kill came before the promotion, or the version was complete.
        assert now == live or now not in versions
        live = now
    assert killed >= 2
    version = finish(start(home, root))
    other = tmp_path / "other"
    assert version == finish(start(other, root)) == check_live(home)
    assert left_over(home) == []
    assert not list(index.glob(".aliases.json.*"))
