"""groundwork cost report | export."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from groundwork.cli.commands.cost_options import open_ledger, query_of, query_options
from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, human_bytes, json_option

_KINDS = ("usage", "correction", "idle", "evaluation")
_SPREAD = ("answers", "mean", "p50", "p90", "p99", "highest")


@click.command()
@query_options
@click.option(
    "--by",
    multiple=True,
    default=("team",),
    show_default=True,
    metavar="NAME",
    help="team, user, project, key, channel, model, stage, meter, release, index, kind, day or month; may be repeated.",
)
@click.option("--spread", is_flag=True, help="What an answer costs: mean and percentiles.")
@click.option("--outliers", is_flag=True, help="The dearest answers.")
@click.option("--cache", is_flag=True, help="What caches saved.")
@click.option("--budgets", is_flag=True, help="Every budget: spent, remaining, forecast.")
@click.option("--forecast", is_flag=True, help="Where this month will end.")
@json_option
def report(by: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """What was spent, exact to the picodollar.

    Amounts are of the period from --from up to, not including, --to, in UTC.
    """
    from groundwork.core.metering.database import reading
    from groundwork.core.metering.summary import SECTIONS, summary

    query = query_of(options, by)
    include = [name for name in SECTIONS if options.get(name) is True]
    with open_ledger() as ledger, reading(ledger.engine) as connection:
        found = summary(connection, query, include, int(time.time() * 1000))
    if as_json:
        echo_json(found)
        return
    if not found["rows"]:
        click.echo("nothing was charged in this period")
    else:
        _rows(found)
    for name in include:
        click.echo(f"\n{name}")
        _SHOW[name](found)


@click.command()
@query_options
@click.option(
    "--format",
    "form",
    type=click.Choice(("csv", "parquet", "focus")),
    default="csv",
    show_default=True,
    help="csv and parquet: the ledger's rows. focus: FOCUS 1.2 to 1.4 as CSV.",
)
@click.option("--out", metavar="FILE", help="Where to; a name by the period if not given, - is standard output.")  # fmt: skip
@json_option
def export(form: Any, out: str | None, as_json: bool, **options: Any) -> None:
    """Every charge of the period as a file, which is there as a whole or not at all."""
    from groundwork.core.metering.export import export as exported
    from groundwork.core.metering.export import file_name
    from groundwork.core.metering.export.files import write_file

    query = query_of(options)
    with open_ledger() as ledger:
        chunks = exported(ledger.engine, query, form, load().costs)
        if out == "-":
            for chunk in chunks:
                click.echo(chunk, nl=False)
            return
        written = write_file(Path(out or file_name(form, query)), chunks)
    if as_json:
        echo_json({"path": str(written.path), "bytes": written.bytes, "sha256": written.sha256})
    else:
        click.echo(f"{written.path}: {human_bytes(written.bytes)}, sha256 {written.sha256}")


def _rows(found: dict[str, Any]) -> None:
    by = found["by"]
    kinds = [kind for kind in _KINDS if any(row[kind] != "0" for row in found["rows"])]
    columns = ["amount", *(kinds if len(kinds) > 1 else [])]
    rows = [*found["rows"], *({**dict.fromkeys(by, ""), **total} for total in found["totals"])]
    amounts = [_aligned([row[column] for row in rows]) for column in columns]
    counts = _right(["-" if row["requests"] is None else f"{row['requests']:,}" for row in rows])
    names = [[row[name] or "(none)" for row in found["rows"]] for name in by]
    labels = [[*column, *["total" if n == 0 else ""] * len(found["totals"])] for n, column in enumerate(names)]  # fmt: skip
    heading = [*(name.upper() for name in by), "CURRENCY", "REQUESTS", *(name.upper() for name in columns)]  # fmt: skip
    currencies = [row["currency"] for row in rows]
    echo_table([heading, *zip(*labels, currencies, counts, *amounts, strict=True)])


def _show_spread(found: dict[str, Any]) -> None:
    by = found["by"]
    heading = [*(name.upper() for name in by), "CURRENCY", *(name.upper() for name in _SPREAD)]
    rows = found["spread"]
    columns = [[row[name] or "(none)" for row in rows] for name in by]
    columns.append([row["currency"] for row in rows])
    columns += [_right([f"{row['answers']:,}" for row in rows])]
    columns += [_aligned([row[name] for row in rows]) for name in _SPREAD[1:]]
    echo_table([heading, *zip(*columns, strict=True)])


def _show_outliers(found: dict[str, Any]) -> None:
    names = ("request", "at", "team", "user", "model", "outcome", "amount")
    rows = [[str(row[name]) for name in names] for row in found["outliers"]]
    echo_table([[name.upper() for name in names], *rows])


def _show_cache(found: dict[str, Any]) -> None:
    for row in found["cache"]:
        click.echo(
            f"{row['saved']} {row['currency']} saved: {row['cached_answers']:,} of {row['requests']:,} answers, "
            f"{row['cached_prompt_tokens']:,} of {row['prompt_tokens']:,} prompt tokens came from a cache"
        )


def _show_budgets(found: dict[str, Any]) -> None:
    names = ("scope", "subject", "period", "limit", "spent", "reserved", "remaining", "resets_at")
    rows = [
        [*(str(row[name]) for name in names), row["forecast"]["expected"]]
        for row in found["budgets"]
    ]
    echo_table([[*(name.upper() for name in names), "EXPECTED"], *rows])


def _show_forecast(found: dict[str, Any]) -> None:
    for row in found["forecast"]:
        between = "" if row["low"] is None else f", {row['coverage_percent']} % between {row['low']} and {row['high']}"  # fmt: skip
        click.echo(
            f"{row['expected']} {row['currency']} expected at {row['ends']}{between} ({row['method']})"
        )


_SHOW: dict[str, Callable[[dict[str, Any]], None]] = {
    "spread": _show_spread,
    "outliers": _show_outliers,
    "cache": _show_cache,
    "budgets": _show_budgets,
    "forecast": _show_forecast,
}


def _aligned(amounts: Sequence[str]) -> list[str]:
    """One below the other at the decimal point."""
    pairs = [amount.partition(".") for amount in amounts]
    left = max((len(whole) for whole, _, _ in pairs), default=0)
    right = max((len(fraction) for _, _, fraction in pairs), default=0)
    return [f"{whole:>{left}}{point or ' '}{fraction:<{right}}" for whole, point, fraction in pairs]


def _right(texts: Sequence[str]) -> list[str]:
    width = max(map(len, texts), default=0)
    return [text.rjust(width) for text in texts]
