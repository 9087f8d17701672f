"""groundwork pipeline plan."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.core.errors import InvalidInput


def _dollars(_ctx: click.Context, _param: click.Parameter, value: str) -> Decimal:
    """A decimal that is not negative."""
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is no amount") from None
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter(f"{value!r} is no amount")
    return amount


@click.command()
@click.option(
    "--chunks",
    default="1e6,1e7,1e8",
    show_default=True,
    help="How many, with commas; 1e6 is a million.",
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0.1),
    default=12.0,
    show_default=True,
    help="How long a first ingest may take; decides the workers.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Cores that embed, instead of --hours.")
@click.option(
    "--embed-rate",
    type=click.FloatRange(min=0.1),
    help="Chunks a second of one worker, such as a GPU; what was measured on a core if not given.",
)
@click.option(
    "--node-memory",
    type=click.FloatRange(min=1),
    default=64.0,
    show_default=True,
    help="GiB of a Qdrant node.",
)
@click.option(
    "--replicas",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Copies of each Qdrant shard.",
)
@click.option("--core-hour", callback=_dollars, default="0.04", show_default=True, help="Dollars.")
@click.option(
    "--memory-month",
    callback=_dollars,
    default="4",
    show_default=True,
    help="Dollars for a GiB of memory for a month.",
)
@click.option(
    "--disk-month",
    callback=_dollars,
    default="0.10",
    show_default=True,
    help="Dollars for a GiB of disk for a month.",
)
@json_option
def plan(chunks: str, *, as_json: bool, **wanted: Any) -> None:
    """What an index of so many chunks takes.

    Shards, cores and hours of a first ingest, and nodes, memory, packing and price of a Qdrant cluster: computed from rates
    that the benchmark measured and from prices that you can give.
    """
    from groundwork.pipelines.plan import Prices, Rates, Wish, assumptions
    from groundwork.pipelines.plan import plan as planned

    rates = Rates.read()
    prices = Prices(wanted["core_hour"], wanted["memory_month"], wanted["disk_month"])
    wish = Wish(
        wanted["hours"], wanted["workers"], wanted["node_memory"], wanted["replicas"],
        wanted["embed_rate"], prices,
    )  # fmt: skip
    shard_bytes = load().pipelines.shard_bytes
    plans = [planned(count, rates, wish, shard_bytes) for count in _counts(chunks)]
    rest = assumptions(rates, wish)
    if as_json:
        echo_json({"plans": [one.to_dict() for one in plans], "assumptions": dict(rest)})
        return
    echo_table(_rows(plans))
    click.echo()
    for name, text in rest.items():
        click.echo(f"{name}: {text}")


def _counts(text: str) -> list[int]:
    found = []
    for part in text.split(","):
        try:
            value = float(part)
            count = int(value)
        except (ValueError, OverflowError):
            raise InvalidInput(f"{part!r} is no number of chunks", field="chunks") from None
        if count != value or count < 1:
            raise InvalidInput(f"{part!r} is no number of chunks", field="chunks")
        found.append(count)
    return found


def _rows(plans: list[Any]) -> list[tuple[str, ...]]:
    columns: list[tuple[str, Any]] = [
        ("Chunks", lambda one: f"{one.chunks:,}"),
        ("Pages, GiB", lambda one: f"{one.source_gib:,.1f}"),
        ("Shards", lambda one: f"{one.shards:,} of {one.shard_mib:,.0f} MiB"),
        ("Workers", lambda one: f"{one.workers:,}"),
        ("Where", lambda one: one.where),
        ("Core-hours", lambda one: f"{one.core_hours:,.0f}"),
        ("Hours, first ingest", lambda one: f"{one.hours:,.1f}"),
        ("  of them the last step", lambda one: f"{one.build_hours:,.1f}"),
        ("Memory of the last step, GiB", lambda one: f"{one.build_memory_gib:,.1f}"),
        ("Files between steps, GiB", lambda one: f"{one.artifacts_gib:,.0f}"),
        ("Quantisation", lambda one: one.quantisation),
        ("Qdrant shards x copies", lambda one: f"{one.qdrant_shards} x {one.replicas}"),
        ("Qdrant nodes", lambda one: f"{one.nodes}"),
        ("Qdrant memory, GiB", lambda one: f"{one.memory_gib:,.1f}"),
        ("Qdrant disk, GiB", lambda one: f"{one.disk_gib:,.0f}"),
        ("First ingest, $", lambda one: f"{one.ingest_dollars:,}"),
        ("Qdrant a month, $", lambda one: f"{one.month_dollars:,}"),
    ]
    names = [one.settings for one in plans]
    rows = [(title, *(shown(one) for one in plans)) for title, shown in columns]
    return rows + [(name, *(each[name] for each in names)) for name in names[0]]
