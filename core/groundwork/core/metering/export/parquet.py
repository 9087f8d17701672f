"""The charges as Parquet: picodollars as 64-bit integers, amounts as 128-bit decimals, never a float."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from itertools import islice
from typing import Any

from groundwork.core.metering.export.rows import ChargeRow
from groundwork.core.metering.export.table import COLUMNS

# A row group is what is held in memory.
ROW_GROUP = 20_000
_DIGITS = 38
_SCALE = 12
# `Decimal.scaleb` rounds to the context's precision, 28 digits by default.
_EXACT = Context(prec=_DIGITS)
_INTEGERS = ("charge", "corrects", "quantity", "unit_picodollars", "picodollars")


class _Sink:
    """What the writer writes to; chunks are taken out as they come, so that nothing adds up."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The chunks stay to be taken."""

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken


def as_parquet(rows: Iterable[ChargeRow]) -> Iterator[bytes]:
    """A file with the columns of the CSV; empty text stays empty, `at` is a UTC timestamp in milliseconds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(pa)
    sink = _Sink()
    remaining = iter(rows)
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        while batch := list(islice(remaining, ROW_GROUP)):
            writer.write_table(_table(pa, schema, batch))
            yield sink.take()
    yield sink.take()


def _schema(pa: Any) -> Any:
    types = dict.fromkeys(COLUMNS, pa.string())
    types |= dict.fromkeys(_INTEGERS, pa.int64())
    types["at"] = pa.timestamp("ms", tz="UTC")
    types["day"] = pa.string()
    types["amount"] = pa.decimal128(_DIGITS, _SCALE)
    return pa.schema(list(types.items()))


def _table(pa: Any, schema: Any, batch: list[ChargeRow]) -> Any:
    arrays = []
    for name, column in COLUMNS.items():
        values = [row[column] for row in batch]
        if name == "amount":
            values = [Decimal(value).scaleb(-_SCALE, _EXACT) for value in values]
        arrays.append(pa.array(values, schema.field(name).type))
    return pa.Table.from_arrays(arrays, schema=schema)
