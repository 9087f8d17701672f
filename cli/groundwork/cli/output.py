"""How commands print: text for people, JSON on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
import orjson

_Command = TypeVar("_Command", bound=Callable[..., Any])

json_option: Callable[[_Command], _Command] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON."
)
index_option: Callable[[_Command], _Command] = click.option(
    "--index", metavar="NAME", help="The index; GROUNDWORK_INDEX__DEFAULT if not given."
)


def echo_json(value: Any) -> None:
    """One indented JSON document on standard output."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    click.echo(text.decode())


def echo_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns padded to their widest cell; the first row is the heading."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def human_bytes(size: int | None) -> str:
    """`1536` is "1.5 KiB"."""
    if size is None:
        return "-"
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("the loop ends at GiB")
