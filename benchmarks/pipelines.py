"""Pipelines: what running an ingest as one costs, what two workers gain, and the rates that plans are made of.

The rates are written to the package (`pipelines/groundwork/pipelines/rates.json`), where `groundwork pipeline plan` reads them.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.data import SHARED
from benchmarks.process import Run, run
from groundwork.core.progress import NoProgress
from groundwork.core.settings import Settings, load
from groundwork.ingestion import shards as sharded
from groundwork.ingestion.shards_files import ShardFiles, read_chunks
from groundwork.ingestion.shards_plan import Cut, Found, Shard
from groundwork.pipelines.compose import ingest_request, open_index_store, open_tools, parse_options
from groundwork.pipelines.plan import Rates
from groundwork.pipelines.runs import RunFolders, StepState, states
from groundwork.retrieval.index.base import Point
from groundwork.retrieval.index.codec import to_payload
from groundwork.retrieval.sparse import document_vector

KUBEFLOW = SHARED / "corpora" / "kubeflow" / "content" / "en" / "docs"
SHARDS = 5
_COMMAND = str(Path(sys.executable).parent / "groundwork")
_WORKERS = (1, 2)


def main(settings: Settings, pages: int | None = None) -> None:
    """Print Markdown tables. `pages` takes the first of the corpus only, for a look."""
    if not KUBEFLOW.is_dir():
        print("The Kubeflow documentation is not here; skipped.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        corpus = _some(KUBEFLOW, pages, work)
        # Exported once, and not counted.
        models = settings.models
        task = _overhead(corpus, models, work)
        _shards(corpus, models, work, task)


def _overhead(corpus: Path, models: Path, work: Path) -> float:
    """The pipeline beside the command; returns CPU-seconds that a step costs besides its work."""
    direct_home, piped_home = _home(work / "direct", models), _home(work / "piped", models)
    direct = run([_COMMAND, "ingest", str(corpus), "--json"], work, _environment(direct_home))
    piped = run(
        [_COMMAND, "pipeline", "run", "ingest", "--source", str(corpus), "--param", f"shards={SHARDS}", "--json"],
        work,
        _environment(piped_home),
    )  # fmt: skip
    first, second = json.loads(direct.stdout), json.loads(piped.stdout)["result"]
    assert first["version"] == second["version"], "the pipeline made another version"
    print(
        f"{first['pages']} pages, {first['chunks']:,} chunks; the same version {first['version']} by both.\n"
    )
    print("| Kubeflow's documentation, from a cold start | wall s | CPU s | peak MiB |")
    print("|---|---|---|---|")
    for name, one in (
        ("groundwork ingest", direct),
        (f"pipeline run ingest, {SHARDS} shards", piped),
    ):
        print(f"| {name} | {one.wall:.1f} | {one.cpu:.1f} | {one.peak_mib:,.0f} |")
    print(f"| overhead | {_more(piped.wall, direct.wall)} | {_more(piped.cpu, direct.cpu)} | |\n")
    (folder,) = RunFolders(piped_home).all()
    steps = states(folder.events())
    _print_steps(steps, piped)
    return max(0.0, piped.cpu - direct.cpu) / len(steps)


def _print_steps(steps: list[StepState], piped: Run) -> None:
    """Seconds of steps overlap where shards run side by side, so shares are of their sum and what lies between."""
    names = list(dict.fromkeys(one.step for one in steps))
    sums = {name: sum(one.seconds for one in steps if one.step == name) for name in names}
    covered = _covered([(one.began, one.began + one.seconds) for one in steps])
    total = sum(sums.values()) + (piped.wall - covered)
    print("| step | tasks | seconds | share |\n|---|---|---|---|")
    for name in names:
        count = sum(one.step == name for one in steps)
        print(f"| {name} | {count} | {sums[name]:.1f} | {sums[name] / total:.0%} |")
    between = piped.wall - covered
    print(f"| starting processes | {len(steps)} | {between:.1f} | {between / total:.0%} |\n")


def _covered(spans: list[tuple[float, float]]) -> float:
    """Seconds in which any step was at work."""
    total, end = 0.0, 0.0
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _shards(corpus: Path, models: Path, work: Path, task_seconds: float) -> None:
    home = _home(work / "shards", models)
    settings = load(home=home, embedder={"workers": 1})
    files = ShardFiles(settings.artifacts_url)
    with open_index_store(settings) as store, open_tools(settings, parse_options({})) as tools:
        request = ingest_request(settings, [str(corpus)], "docs", {})
        found = sharded.discover(request, store, tools, files, NoProgress())
        plan = sharded.plan_shards(found, files, Cut(SHARDS))
        began = time.process_time()
        for shard in plan:
            sharded.chunk_shard(shard, tools, files, NoProgress())
        parse = time.process_time() - began
    print(f"| {len(plan)} shards embedded by | wall s | CPU s | against one |\n|---|---|---|---|")
    walls: dict[int, float] = {}
    cpu = 0.0
    for workers in _WORKERS:
        walls[workers], cpu = _embedded(plan, home, workers)
        gain = walls[_WORKERS[0]] / walls[workers]
        print(
            f"| {workers} worker{'s'[: workers > 1]} | {walls[workers]:.1f} | {cpu:.1f} | {gain:.2f} x |"
        )
    print()
    rates = _rates(found, plan, settings, parse, cpu, task_seconds)
    rates.write_to()
    print("| measured for plans | |\n|---|---|")
    for name in (
        "page_bytes",
        "units",
        "terms",
        "payload_bytes",
        "parse",
        "embed",
        "write",
        "task_seconds",
    ):
        print(f"| {name} | {getattr(rates, name):,.2f} |")


def _embedded(plan: list[Shard], home: Path, workers: int) -> tuple[float, float]:
    """All shards by so many processes, none of which knows a vector; wall and CPU seconds."""
    for path in home.glob("**/vectors/*.parquet"):
        path.unlink()
    shutil.rmtree(home / "cache", ignore_errors=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(_warm, [str(home)] * workers))
        began = time.perf_counter()
        spent = list(pool.map(_embed, [str(home)] * len(plan), [one.to_dict() for one in plan]))
        return time.perf_counter() - began, sum(spent)


def _warm(home: str) -> None:
    """Imports and the model, which a worker loads once."""
    settings = load(home=Path(home), embedder={"workers": 1})
    with open_tools(settings, parse_options({})) as tools:
        tools.embedder.embed(["warm"])


def _embed(home: str, shard: dict[str, Any]) -> float:
    settings = load(home=Path(home), embedder={"workers": 1})
    began = time.process_time()
    with open_tools(settings, parse_options({})) as tools:
        files = ShardFiles(settings.artifacts_url)
        sharded.embed_shard(Shard.from_dict(shard), tools, files, NoProgress())
    return time.process_time() - began


def _rates(
    found: Found, plan: list[Shard], settings: Settings, parse: float, embed: float, task: float
) -> Rates:
    from groundwork.ingestion.check import Limits

    files = ShardFiles(settings.artifacts_url)
    began = time.process_time()
    with open_index_store(settings) as store:
        built = sharded.assemble(found, plan, store, files, Limits(1, 1), NoProgress())
        write = time.process_time() - began
        points = _points(store.open("docs", built.version))
    chunks = [
        one for shard in plan for page in read_chunks(files.chunks(shard.key))[1] for one in page
    ]
    count = len(chunks)
    return Rates(
        at=datetime.now(UTC).date().isoformat(),
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
        corpus="Kubeflow's documentation",
        chunks=count,
        dimension=int(found.config["dimension"]),
        page_bytes=round(found.bytes / count, 1),
        units=round(sum(len(one.units) for one in chunks) / count, 2),
        terms=round(sum(len(document_vector(one.lexical_text).indices) for one in chunks) / count, 1),
        payload_bytes=round(sum(len(json.dumps(to_payload(one))) for one in points) / count, 1),
        parse=round(count / parse, 1),
        embed=round(count / embed, 1),
        write=round(count / write, 1),
        task_seconds=round(task, 2),
    )  # fmt: skip


def _points(reader: Any) -> list[Point]:
    try:
        return [point for batch in reader.points() for point in batch]
    finally:
        reader.close()


def _some(corpus: Path, pages: int | None, work: Path) -> Path:
    if pages is None:
        return corpus
    target = work / "corpus"
    for path in sorted(corpus.rglob("*.md"))[:pages]:
        copy = target / path.relative_to(corpus)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return target


def _home(home: Path, models: Path) -> Path:
    """An empty one that has the exported model already."""
    home.mkdir()
    models.mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models)
    return home


def _environment(home: Path) -> dict[str, str]:
    # The registry would cost both the same: three seconds of MLflow.
    return {"GROUNDWORK_HOME": str(home), "GROUNDWORK_REGISTRY__REGISTER_LIVE": "false"}


def _more(one: float, other: float) -> str:
    return f"{one - other:+.1f} ({one / other - 1:+.0%})"
