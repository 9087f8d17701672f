"""Options that the cost commands share: a period and filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from groundwork.cli.compose import load

if TYPE_CHECKING:
    from groundwork.core.metering.ledger import Ledger
    from groundwork.core.metering.query import CostQuery

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PERIOD = (
    click.option("--from", "start", metavar="TIME", help="Month, date or timestamp (UTC); inclusive."),
    click.option("--to", "end", metavar="TIME", help="Month, date or timestamp (UTC); exclusive."),
    click.option("--month", metavar="YYYY-MM", help="A whole month, instead of --from and --to."),
)  # fmt: skip
_FILTERS = ("team", "user", "project", "key", "channel", "model", "stage", "meter", "release", "index", "kind", "currency")  # fmt: skip


def query_options(command: _Command) -> _Command:
    """--from, --to, --month, and one option for each filter; `query_of` takes them."""
    for name in reversed(_FILTERS):
        option = click.option(f"--{name}", multiple=True, metavar="NAME", help=f"Only this {name}; may be repeated.")  # fmt: skip
        command = option(command)
    for option in reversed(_PERIOD):
        command = option(command)
    return command


def query_of(options: dict[str, Any], by: tuple[str, ...] = ()) -> CostQuery:
    """Out of the options that `query_options` adds. Raises InvalidInput."""
    from groundwork.core.metering.periods import Period
    from groundwork.core.metering.query import CostQuery

    period = Period.parse(options["start"], options["end"], options["month"])
    names = [part.strip() for name in by for part in name.split(",") if part.strip()]
    return CostQuery.of(period, names, {name: options[name] for name in _FILTERS})


@contextmanager
def open_ledger() -> Iterator[Ledger]:
    """The ledger that the settings name, closed afterwards."""
    from groundwork.core.metering.ledger import Ledger

    ledger = Ledger.open(load().ledger_url)
    try:
        yield ledger
    finally:
        ledger.close()
