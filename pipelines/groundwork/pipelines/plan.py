"""What an index of so many chunks takes: shards, hours, memory, money, and how Qdrant should keep it.

Computed from rates that the benchmark measured (`rates.json`), from the layout of vectors on a Qdrant server, and from
prices that are assumptions and can be given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import orjson

from groundwork.core.errors import InvalidInput
from groundwork.pipelines.runs import MOST_PARALLEL

RATES = Path(__file__).with_name("rates.json")
Quantisation = Literal["none", "scalar", "binary"]

_GIB = 2**30
_HOUR = 3600.0
# All shards are one parameter of a pipeline (`shards_plan.Cut.most`).
_MOST_SHARDS = 1000
# Bytes a chunk in a Qdrant server's memory besides the vectors: links of its graph (m = 16: 32 links of 4 bytes at the
# bottom, a sixteenth more above), ids and versions, the indexes of the four fields that filters use.
_GRAPH, _IDS, _FILTERS = 136, 32, 64
# A posting of the sparse index: a point's number and a weight.
_POSTING = 8
# What the build of a version holds a chunk: its digest in the page's entry and among those computed (Python objects).
_BUILD = 350
# Not all memory of a node is for points: the rest is for queries, segments being optimised, and the system.
_USABLE = 0.75
# More nodes than this for one copy, and vectors are packed to bits: where there are enough of those to tell vectors apart
# (Qdrant's own advice; docs/scale.md).
_FEW_NODES, _MANY_DIMENSIONS = 3, 1024
# Live, and the next one while it is built.
_VERSIONS = 2


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured, a chunk or a core-second; `at` and `machine` say when and on what.

    `page_bytes`, `units`, `terms` and `payload_bytes` are averages a chunk; `parse`, `embed` and `write` are chunks a second
    of one core; `task_seconds` is what a step costs besides its work.
    """

    at: str
    machine: str
    corpus: str
    chunks: int
    dimension: int
    page_bytes: float
    units: float
    terms: float
    payload_bytes: float
    parse: float
    embed: float
    write: float
    task_seconds: float

    @classmethod
    def read(cls, path: Path = RATES) -> Rates:
        """Those of a file, by default the ones that ship."""
        return cls(**orjson.loads(path.read_bytes()))

    def write_to(self, path: Path = RATES) -> None:
        """For the benchmark."""
        path.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n")


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars: a core for an hour, a GiB of memory and of disk for a month. Assumptions: put in your own."""

    core_hour: Decimal = Decimal("0.04")
    memory_month: Decimal = Decimal(4)
    disk_month: Decimal = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Wish:
    """How it is to be built and kept. `hours` is how long an ingest may take where `workers` (cores) are not given.

    `embed` is another rate of embedding, chunks a second of one worker, such as a GPU's.
    """

    hours: float = 12.0
    workers: int | None = None
    node_gib: float = 64.0
    replicas: int = 2
    embed: float | None = None
    prices: Prices = Prices()


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer. Sizes are GiB; memory and disk of Qdrant are of all copies, and of two versions on disk.

    `hours` are of a first ingest; `build_hours` of them are its last step, which one process does.
    """

    chunks: int
    source_gib: float
    shards: int
    shard_mib: float
    workers: int
    core_hours: float
    hours: float
    build_hours: float
    build_memory_gib: float
    artifacts_gib: float
    quantisation: Quantisation
    qdrant_shards: int
    replicas: int
    nodes: int
    memory_gib: float
    disk_gib: float
    ingest_dollars: Decimal
    month_dollars: Decimal

    @property
    def where(self) -> str:
        """`here`, where this machine runs as many shards at a time as there are workers, or `cluster`."""
        return "here" if self.workers <= MOST_PARALLEL else "cluster"

    @property
    def settings(self) -> dict[str, str]:
        """What to set."""
        return {
            "GROUNDWORK_PIPELINES__SHARD_BYTES": str(round(self.shard_mib * 2**20)),
            "GROUNDWORK_PIPELINES__PARALLEL": str(min(self.workers, self.shards, 512)),
            "GROUNDWORK_INDEX__QUANTISATION": self.quantisation,
            "GROUNDWORK_INDEX__SHARDS": str(self.qdrant_shards),
            "GROUNDWORK_INDEX__REPLICAS": str(self.replicas),
        }

    def to_dict(self) -> dict[str, Any]:
        """As JSON; money is a decimal string."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        money = {name: str(told[name]) for name in ("ingest_dollars", "month_dollars")}
        return {**told, **money, "where": self.where, "settings": self.settings}


def plan(chunks: int, rates: Rates, wish: Wish, shard_bytes: int) -> Plan:
    """Raises InvalidInput for fewer chunks than one. `shard_bytes` is what a shard should have at least."""
    if chunks < 1:
        raise InvalidInput("a plan is for one chunk or more", field="chunks")
    source = chunks * rates.page_bytes
    shards = max(1, min(_MOST_SHARDS, math.ceil(source / shard_bytes)))
    work, build = _work_seconds(chunks, shards, rates, wish), chunks / rates.write
    # Where the last step alone takes longer than that, more workers do not help: a quarter of the time is for them.
    left = max(wish.hours * _HOUR - build, wish.hours * _HOUR / 4)
    workers = wish.workers or max(1, math.ceil(work / left))
    workers = min(workers, shards)
    # Shards are about equal, so they end in waves.
    parallel = math.ceil(shards / workers) * work / shards
    packing, per_copy = _packed(chunks, rates, wish)
    memory = per_copy * wish.replicas
    qdrant_shards = max(1, math.ceil(per_copy / (wish.node_gib * _USABLE)))
    disk = _disk(chunks, rates, packing) * wish.replicas * _VERSIONS
    core_hours = (work + build) / _HOUR
    month = _month(memory, disk, wish.prices)
    return Plan(
        chunks=chunks,
        source_gib=source / _GIB,
        shards=shards,
        shard_mib=source / shards / 2**20,
        workers=workers,
        core_hours=core_hours,
        hours=(parallel + build) / _HOUR,
        build_hours=build / _HOUR,
        build_memory_gib=chunks * _BUILD / _GIB,
        artifacts_gib=(source + chunks * _artifact(rates)) / _GIB,
        quantisation=packing,
        qdrant_shards=qdrant_shards,
        replicas=wish.replicas,
        nodes=qdrant_shards * wish.replicas,
        memory_gib=memory,
        disk_gib=disk,
        ingest_dollars=_cents(Decimal(str(core_hours)) * wish.prices.core_hour),
        month_dollars=_cents(month),
    )


def vector_bytes(dimension: int, packing: Quantisation) -> float:
    """Of one vector in memory: float32, int8, or a bit a number."""
    return {"none": 4.0 * dimension, "scalar": 1.0 * dimension, "binary": dimension / 8}[packing]


def _work_seconds(chunks: int, shards: int, rates: Rates, wish: Wish) -> float:
    """Of workers: parse and embed, and what the two steps of each shard cost besides."""
    embed = wish.embed or rates.embed
    return chunks / rates.parse + chunks / embed + shards * 2 * rates.task_seconds


def _memory(chunks: int, rates: Rates, packing: Quantisation) -> float:
    """GiB of one copy."""
    each = vector_bytes(rates.dimension, packing)
    return chunks * (each + _GRAPH + _IDS + _FILTERS + rates.terms * _POSTING) / _GIB


def _packed(chunks: int, rates: Rates, wish: Wish) -> tuple[Quantisation, float]:
    """As they are where one node holds a copy, else int8; bits where that takes many nodes and the vectors are long."""
    plain, scalar = _memory(chunks, rates, "none"), _memory(chunks, rates, "scalar")
    node = wish.node_gib * _USABLE
    if plain <= node:
        return "none", plain
    if scalar <= node * _FEW_NODES or rates.dimension < _MANY_DIMENSIONS:
        return "scalar", scalar
    return "binary", _memory(chunks, rates, "binary")


def _disk(chunks: int, rates: Rates, packing: Quantisation) -> float:
    """GiB of one copy of one version: vectors as they are, what is kept in memory, and payloads."""
    packed = 0.0 if packing == "none" else vector_bytes(rates.dimension, packing)
    each = vector_bytes(rates.dimension, "none") + packed + _GRAPH + _IDS + _FILTERS
    return chunks * (each + rates.terms * _POSTING + rates.payload_bytes) / _GIB


def _artifact(rates: Rates) -> float:
    """Bytes of a chunk between the steps: its text and units, its vector and theirs."""
    return rates.page_bytes + 4 * rates.dimension + rates.units * rates.dimension


def _month(memory: float, disk: float, prices: Prices) -> Decimal:
    return (
        Decimal(str(memory)) * prices.memory_month / Decimal(str(_USABLE))
        + Decimal(str(disk)) * prices.disk_month
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def assumptions(rates: Rates, wish: Wish) -> Mapping[str, str]:
    """What a plan rests on, for people."""
    embed = f"{wish.embed:,.0f} (given)" if wish.embed else f"{rates.embed:,.1f} (measured)"
    return {
        "measured": f"{rates.at} on {rates.machine}, {rates.chunks:,} chunks of {rates.corpus}",
        "chunks a second of one worker": (
            f"parse {rates.parse:,.0f}, embed {embed}, write {rates.write:,.0f}"
        ),
        "a chunk": (
            f"{rates.page_bytes:,.0f} bytes of page, {rates.units:.1f} sentences, {rates.terms:.0f} terms, "
            f"{rates.payload_bytes:,.0f} bytes of payload, {rates.dimension} dimensions"
        ),
        "prices (assumed)": (
            f"${wish.prices.core_hour} a core-hour, ${wish.prices.memory_month} a GiB of memory and "
            f"${wish.prices.disk_month} of disk a month"
        ),
    }
