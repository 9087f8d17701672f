"""The steps of the pipeline `ingest`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.monitoring.checks import note_check
from groundwork.core.settings import Settings
from groundwork.core.telemetry import Stage
from groundwork.ingestion import shards as sharded
from groundwork.ingestion.build import Tools
from groundwork.ingestion.check import Limits
from groundwork.ingestion.shards_files import ShardFiles
from groundwork.ingestion.shards_plan import Cut, Found, Shard
from groundwork.pipelines.compose import (
    ingest_request,
    open_index_store,
    open_tools,
    parse_options,
    traced_ingest,
)
from groundwork.pipelines.runs import MOST_PARALLEL, RunFolder
from groundwork.pipelines.steps.step import Step, keep_result, read_json, step, write_json

if TYPE_CHECKING:
    from groundwork.retrieval.index.base import IndexStore


def discover(
    sources: Sequence[str], index: str, options: Mapping[str, Any], into: str
) -> dict[str, Any]:
    """Read the sources against the live version. Returns what a person wants to know of it."""
    with step("discover") as one:
        request = ingest_request(one.settings, sources, index, options)
        with (
            traced_ingest(one.settings, index, "discover") as trace,
            open_index_store(one.settings) as store,
            open_tools(one.settings, parse_options(options)) as tools,
            trace.stage("discover") as stage,
        ):
            found = sharded.discover(request, store, tools, _files(one.settings), one)
            # All steps of an ingest know the digest of its documents.
            trace.join(found.documents)
            stage.note(pages=found.pages, bytes=found.bytes, removed=len(found.removed))
        _write_found(into, found)
        one.done = (
            "nothing changed"
            if found.unchanged
            else f"{found.pages:,} pages, {found.bytes:,} bytes"
        )
        return {
            "url": _files(one.settings).documents(found.documents),
            "pages": found.pages,
            "bytes": found.bytes,
            "unchanged": found.unchanged,
        }


def plan(found_at: str, count: int, code: str) -> list[dict[str, Any]]:
    """Cut into shards, by bytes, or into `count` where that is not 0."""
    with step("plan") as one:
        how = Cut(int(count), one.settings.pipelines.shard_bytes, code)
        found, files = _read_found(found_at), _files(one.settings)
        shards = sharded.plan_shards(found, files, how)
        if one.settings.pipelines.run is not None:
            left = sharded.files_of(found, shards, files)
            RunFolder(one.settings.pipelines.run).leave(left)
        one.done = f"{len(shards)} shards"
        return [shard.to_dict() for shard in shards]


def chunk(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Parse, scan and chunk one shard."""
    known = Shard.from_dict(dict(shard))
    with step("chunk", known.part) as one, _tools(one, one.settings, known) as tools:
        work = sharded.chunk_shard(known, tools, _files(one.settings), one)
        one.done = _said(work)
        return asdict(work)


def embed(shard: Mapping[str, Any], workers: int) -> dict[str, Any]:
    """Embed one shard's chunks with so many processes; 0 is the shard's part of this machine's cores."""
    known = Shard.from_dict(dict(shard))
    with step("embed", known.part) as one:
        settings = _with_workers(one.settings, int(workers) or _share(one.settings, known))
        with _tools(one, settings, known) as tools:
            work = sharded.embed_shard(known, tools, _files(settings), one)
        one.done = f"{_said(work)}, {work.embedded:,} vectors computed"
        return asdict(work)


def build(found_at: str, shards: Sequence[Mapping[str, Any]], into: str) -> dict[str, Any]:
    """Build the version of the index out of all shards."""
    with step("build") as one:
        found, limits = _read_found(found_at), _limits(one.settings)
        with _at_work(one, found, "write") as (store, stage):
            built = sharded.assemble(
                found,
                [Shard.from_dict(dict(shard)) for shard in shards],
                store,
                _files(one.settings),
                limits,
                one,
            )
            stage.note(pages=built.pages, chunks=built.chunks, version=built.version)
        write_json(into, asdict(built))
        one.done = f"version {built.version}: {built.pages:,} pages, {built.chunks:,} chunks"
        return asdict(built)


def promote(found_at: str, built_at: str, refusal: str, *, wanted: bool) -> dict[str, Any]:
    """Make the version live, and a release of it, where nothing speaks against it. Returns what an ingest returns."""
    from groundwork.pipelines.steps.live import release_of

    with step("promote") as one:
        found = _read_found(found_at)
        built = sharded.Assembled(**read_json(built_at))
        if refusal and built.refusal is None:
            built = sharded.Assembled(**{**asdict(built), "refusal": refusal})
        with _at_work(one, found, "publish") as (store, stage):
            result = sharded.promote(found, built, store, wanted=wanted)
            stage.note(version=result.version, promoted=result.promoted)
        told = {**asdict(result), "release": None}
    if result.promoted:
        note_check(one.settings, found.index, result.version)
    if result.promoted and not result.unchanged and result.version is not None:
        told["release"] = release_of(one.settings, found.index, result.version)
    keep_result(one.settings, told)
    return told


@contextmanager
def _at_work(one: Step, found: Found, name: str) -> Iterator[tuple[IndexStore, Stage]]:
    """The index, and the span of a step on it under the ingest's trace."""
    with (
        traced_ingest(one.settings, found.index, one.name) as trace,
        open_index_store(one.settings) as store,
        trace.stage(name) as stage,
    ):
        trace.join(found.documents)
        yield store, stage


def _limits(settings: Settings) -> Limits:
    return Limits(settings.ingest.max_failed_share, settings.ingest.max_vanished_share)


def _files(settings: Settings) -> ShardFiles:
    return ShardFiles(settings.artifacts_url)


def _write_found(path: str, found: Found) -> None:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(found.to_json())


def _read_found(path: str) -> Found:
    return Found.from_json(Path(path).read_bytes())


@contextmanager
def _tools(one: Step, settings: Settings, shard: Shard) -> Iterator[Tools]:
    """What the shard was planned for; the step is traced."""
    config = sharded.config_of(shard, _files(settings))
    names = ("url_base", "site", "product_version", "tags")
    options = parse_options({name: config[name] for name in names})
    with (
        traced_ingest(settings, "", f"{one.name} {one.part}") as trace,
        open_tools(settings, options, trace) as tools,
    ):
        trace.join(shard.documents)
        yield tools


def _share(settings: Settings, shard: Shard) -> int:
    """On this machine shards run side by side; on a cluster a shard has its pod to itself. 0 leaves it to the settings."""
    if settings.pipelines.run is None or settings.embedder.workers:
        return 0
    beside = min(settings.pipelines.parallel, MOST_PARALLEL, shard.of)
    return max(1, len(os.sched_getaffinity(0)) // beside)


def _with_workers(settings: Settings, workers: int) -> Settings:
    if not workers:
        return settings
    embedder = settings.embedder.model_copy(update={"workers": workers})
    return settings.model_copy(update={"embedder": embedder})


def _said(work: sharded.ShardWork) -> str:
    again = " (was there)" if work.skipped else ""
    return f"{work.pages:,} pages, {work.chunks:,} chunks{again}"
