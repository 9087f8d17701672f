"""groundwork cost prices list | import | show, cost close-gpu, cost retire."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from groundwork.cli.commands.cost_options import open_ledger
from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option


@click.group()
def prices() -> None:
    """The price book: dated prices that are never changed, only followed by others."""


@prices.command("list")
@click.option("--on", metavar="DATE", help="The prices in force on this day; today if not given.")
@json_option
def list_(on: str | None, as_json: bool) -> None:
    """The prices in force."""
    from groundwork.core.metering.catalogue import Catalogue
    from groundwork.core.metering.postings import day_of, now_ms
    from groundwork.core.metering.prices import embedded_book

    settings = load()
    with open_ledger() as ledger:
        base = embedded_book(settings.embedder.model, currency=settings.ledger.currency)
        book = Catalogue(ledger.engine).book(on or day_of(now_ms()), base)
    rows = [
        {"model": model, "meter": meter, **_unit(price), "currency": book.currency}
        for (model, meter), price in sorted(book.prices.items())
    ]
    if as_json:
        echo_json({"book": book.name, "digest": book.digest, "prices": rows})
        return
    click.echo(f"book {book.name}, digest {book.digest}")
    _table(rows, "model", "meter", "each", "per_million", "currency")


@prices.command()
@click.argument("model")
@json_option
def show(model: str, as_json: bool) -> None:
    """Every price that MODEL ever had, imported ones only."""
    from groundwork.core.errors import NotFound
    from groundwork.core.metering.catalogue import Catalogue

    with open_ledger() as ledger:
        found = Catalogue(ledger.engine).history(model)
    if not found:
        raise NotFound(f"no price of {model} was ever imported", field="model")
    names = ("model", "meter", "valid_from", "currency", "source")
    rows = [{**{name: row[name] for name in names}, **_unit(row["unit_picodollars"])} for row in found]  # fmt: skip
    if as_json:
        echo_json(rows)
    else:
        _table(rows, "meter", "valid_from", "each", "per_million", "currency", "source")


@prices.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "valid_from", metavar="DATE", help="From which day on they hold; today if not given. A YAML file may say it.")  # fmt: skip
@click.option("--only", multiple=True, metavar="PATTERN", help="Only models like this, such as 'gpt-*'; may be repeated.")  # fmt: skip
@json_option
def import_(file: Path, valid_from: str | None, only: tuple[str, ...], as_json: bool) -> None:
    """Add the prices of FILE: LiteLLM's table (.json), or a YAML file of your own.

    Importing the same again does nothing; another price for the same day is refused.
    """
    from groundwork.core.metering.catalogue import Catalogue
    from groundwork.core.metering.postings import day_of, now_ms
    from groundwork.core.metering.price_files import read_prices

    found = read_prices(file, valid_from or day_of(now_ms()), only)
    with open_ledger() as ledger:
        added = Catalogue(ledger.engine).add(found.prices, source=file.name, actor=_actor())
    if as_json:
        echo_json({"prices": len(found.prices), "added": added, "refused": dict(found.refused), "tiered": list(found.tiered)})  # fmt: skip
        return
    models = len({price.model for price in found.prices})
    click.echo(f"{len(found.prices):,} prices of {models:,} models, {added:,} of them new")
    for model, why in found.refused.items():
        click.echo(f"refused {model}: {why}")
    if found.tiered:
        click.echo(
            f"{len(found.tiered)} models cost more beyond a length of the prompt, and only their base price is "
            "imported; --json names them"
        )


@click.command("close-gpu")
@click.argument("pool")
@click.argument("day")
@click.option("--model", "models", multiple=True, required=True, help="A model that runs on these GPUs only; may be repeated.")  # fmt: skip
@click.option("--per-hour", required=True, metavar="DECIMAL", help="What one GPU costs an hour.")
@click.option("--gpus", type=click.IntRange(min=1), default=1, show_default=True, help="How many.")
@json_option
def close_gpu(pool: str, day: str, models: tuple[str, ...], per_hour: str, gpus: int, as_json: bool) -> None:  # fmt: skip
    """Charge the idle time of POOL on DAY (UTC), so that the day's charges add up to its bill."""
    from groundwork.core.errors import InvalidInput
    from groundwork.core.metering.gpu import GpuPool, close_day
    from groundwork.core.money import format_dollars, parse_dollars

    try:
        hour = parse_dollars(per_hour)
    except ValueError as error:
        raise InvalidInput(str(error), field="per-hour") from None
    with open_ledger() as ledger:
        closed = close_day(ledger, GpuPool(pool, models, hour, gpus), day, _actor())
    shown = {name: format_dollars(getattr(closed, name)) for name in ("bill", "used", "idle")}
    if as_json:
        echo_json({"pool": pool, "day": closed.day, **shown, "lowered": closed.lowered})
        return
    click.echo(f"{pool} on {closed.day}: bill {shown['bill']}, used {shown['used']}, idle {shown['idle']}")  # fmt: skip
    if closed.lowered:
        click.echo(f"{closed.lowered} charges were lowered: requests side by side exceeded the bill")  # fmt: skip


@click.command()
@click.option("--before", required=True, metavar="DATE", help="The first day that stays (UTC).")
@click.option("--to", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The new .csv.gz to write first.")  # fmt: skip
@json_option
def retire(before: str, path: Path, as_json: bool) -> None:
    """Export old charges to a file, then delete them. Sums by day stay, and who did it is kept."""
    from groundwork.core.metering.retention import retire as retire_charges
    from groundwork.core.money import format_dollars

    with open_ledger() as ledger:
        gone = retire_charges(ledger, before, path, _actor())
    shown = {"rows": gone.rows, "amount": format_dollars(gone.picodollars), "file": str(gone.path), "sha256": gone.sha256}  # fmt: skip
    if as_json:
        echo_json(shown)
    else:
        click.echo(f"{gone.rows:,} charges ({shown['amount']}) are in {gone.path} and no longer in the ledger")  # fmt: skip
        click.echo(f"sha256 {gone.sha256}")


def _unit(picodollars: int) -> dict[str, str]:
    from groundwork.core.money import format_dollars

    return {"each": format_dollars(picodollars), "per_million": format_dollars(picodollars * 10**6)}


def _table(rows: list[dict[str, Any]], *names: str) -> None:
    heading = tuple(name.upper().replace("_", " ") for name in names)
    echo_table([heading, *(tuple(str(row[name]) for name in names) for row in rows)])


def _actor() -> str:
    return f"cli:{getpass.getuser()}"
