"""What stands between the steps of an ingest in shards: documents, chunks and vectors as Parquet files.

<store>/documents/<digest>.parquet      raw pages that are to be parsed, in the sources' order
<store>/chunks/<key>.parquet            a shard's chunks; entries of its pages, and those left out, in the metadata
<store>/vectors/<key>.parquet           the vectors of a shard's chunks, by digest

`<key>` names what the file is made of (`shards_plan.Shard`). A file appears when it is complete, so a step that finds its
file has nothing to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core import storage
from groundwork.core.documents import BlockKind, Chunk, RawDocument, Skipped, Unit
from groundwork.core.errors import SourceError
from groundwork.core.scan import Verdict
from groundwork.ingestion.build import Built
from groundwork.retrieval.embed.base import PassageVectors
from groundwork.retrieval.index.manifest import PageEntry, Quarantined

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "1"
# Rows are read by group, so a group is what a shard reads more than it needs at most: a few mebibytes.
_GROUP_BYTES = 4 * 2**20
_GROUP_ROWS = 1024
_ABOUT = b"groundwork"


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """Names of the files below a URL: a folder here, or object storage."""

    url: str

    def documents(self, digest: str) -> str:
        """Raw pages."""
        return storage.join(self.url, "documents", f"{digest}.parquet")

    def chunks(self, key: str) -> str:
        """A shard's chunks."""
        return storage.join(self.url, "chunks", f"{key}.parquet")

    def vectors(self, key: str) -> str:
        """A shard's vectors."""
        return storage.join(self.url, "vectors", f"{key}.parquet")


def identity(raw: RawDocument, verdict: Verdict | None) -> str:
    """What decides how a page is parsed, hex."""
    parts = (raw.page, raw.content_hash, raw.revision, raw.url, raw.media_type, verdict)
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def write_documents(
    path: Path,
    work: Iterable[RawDocument],
    verdicts: Mapping[str, Verdict],
    config: Mapping[str, Any],
) -> str:
    """Write pages to a file of this machine, and return the digest that names it. `config` says how they are to be cut up."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [
            pa.field("page", pa.string()),
            pa.field("content", pa.binary()),
            pa.field("content_hash", pa.string()),
            pa.field("revision", pa.string()),
            pa.field("url", pa.string()),
            pa.field("media_type", pa.string()),
            pa.field("verdict", pa.string()),
            pa.field("bytes", pa.int64()),
            pa.field("identity", pa.string()),
        ],
        {_ABOUT: orjson.dumps(config)},
    )
    digest = hashlib.sha256(f"documents {FORMAT}\n".encode())
    digest.update(orjson.dumps(config, option=orjson.OPT_SORT_KEYS))
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(work):
            rows = [_document_row(raw, verdicts.get(raw.content_hash)) for raw in group]
            for row in rows:
                digest.update(row["identity"].encode())
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return digest.hexdigest()[:32]


def _document_row(raw: RawDocument, verdict: Verdict | None) -> dict[str, Any]:
    return {
        **asdict(raw),
        "verdict": verdict,
        "bytes": len(raw.content),
        "identity": identity(raw, verdict),
    }


def _groups(work: Iterable[RawDocument]) -> Iterator[list[RawDocument]]:
    held: list[RawDocument] = []
    size = 0
    for raw in work:
        held.append(raw)
        size += len(raw.content)
        if size >= _GROUP_BYTES or len(held) >= _GROUP_ROWS:
            yield held
            held, size = [], 0
    if held:
        yield held


def read_config(url: str) -> dict[str, Any]:
    """How the pages of a documents file are to be cut up: `version.configuration` where they were found."""
    with _opened(url) as file:
        return _about(file.schema_arrow)


def read_sizes(url: str) -> tuple[list[int], list[str]]:
    """Bytes and identity of every page of a documents file, without the pages."""
    with _opened(url) as file:
        table = file.read(columns=["bytes", "identity"])
    return table.column("bytes").to_pylist(), table.column("identity").to_pylist()


def read_documents(url: str, start: int, stop: int) -> Iterator[tuple[RawDocument, Verdict | None]]:
    """The pages from row `start` up to `stop`, and what people decided about each."""
    with _opened(url) as file:
        row = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            if row < stop and row + count > start:
                table = file.read_row_group(group)
                low, high = max(start - row, 0), min(stop - row, count)
                for one in table.slice(low, high - low).to_pylist():
                    verdict = one.pop("verdict")
                    del one["bytes"], one["identity"]
                    yield RawDocument(**one), verdict
            row += count


def write_chunks(url: str, pages: Iterable[Sequence[Chunk]], built: Built) -> None:
    """Write a shard's chunks and what became of its pages. `built` is complete when `pages` is used up."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [_chunk_row(chunk) for page in pages for chunk in page]
    table = pa.Table.from_pylist(rows, _chunk_schema())
    about = {
        "pages": [asdict(entry) for entry in built.pages],
        "failed": [asdict(one) for one in built.failed],
        "quarantined": [asdict(one) for one in built.quarantined],
    }
    with storage.writing(url) as target:
        parquet.write_table(_described(table, about), target, compression="zstd")


def read_built(url: str) -> Built:
    """What became of a shard's pages, without their chunks."""
    with _opened(url) as file:
        return _built(_about(file.schema_arrow))


def read_chunks(url: str) -> tuple[Built, list[list[Chunk]]]:
    """What became of a shard's pages, and the chunks of each page that went in; a page may have none."""
    with _opened(url) as file:
        about = _about(file.schema_arrow)
        rows = file.read().to_pylist()
    built = _built(about)
    held = {
        page: [_chunk(row) for row in group]
        for page, group in groupby(rows, key=lambda row: str(row["page"]))
    }
    return built, [held.get(entry.page, []) for entry in built.pages]


def write_vectors(
    url: str,
    vectors: Iterable[tuple[str, PassageVectors]],
    computed: Mapping[str, int],
    dimension: int,
) -> None:
    """Write vectors by digest; `computed` has the tokens of those that no cache knew."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [
            pa.field("digest", pa.string()),
            pa.field("dense", pa.list_(pa.float32(), dimension)),
            pa.field("units", pa.binary()),
            pa.field("tokens", pa.int32()),
        ]
    )
    with (
        storage.writing(url) as target,
        parquet.ParquetWriter(target, schema, compression="none") as writer,
    ):
        for group in _of_size(vectors, _GROUP_ROWS):
            flat = np.concatenate([one.dense for _, one in group]).astype(np.float32, copy=False)
            columns = [
                pa.array([digest for digest, _ in group]),
                pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension),
                pa.array(
                    [None if one.units is None else one.units.tobytes() for _, one in group],
                    pa.binary(),
                ),
                pa.array([computed.get(digest) for digest, _ in group], pa.int32()),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def read_vectors(url: str) -> dict[str, PassageVectors]:
    """Vectors by digest."""
    import numpy as np

    with _opened(url) as file:
        table = file.read(columns=["digest", "dense", "units"]).combine_chunks()
    if not table.num_rows:
        return {}
    digests = table.column("digest").to_pylist()
    dense = table.column("dense").chunk(0).flatten().to_numpy().reshape(len(digests), -1)
    units = [
        None if one is None else np.frombuffer(one, dtype=np.int8).reshape(-1, dense.shape[1])
        for one in table.column("units").to_pylist()
    ]
    return {digest: PassageVectors(dense[n], units[n]) for n, digest in enumerate(digests)}


def read_computed(url: str) -> dict[str, int]:
    """The tokens, by digest, of the vectors that were computed for this file."""
    with _opened(url) as file:
        table = file.read(columns=["digest", "tokens"])
    pairs = zip(table.column("digest").to_pylist(), table.column("tokens").to_pylist(), strict=True)
    return {digest: tokens for digest, tokens in pairs if tokens is not None}


def _of_size(
    vectors: Iterable[tuple[str, PassageVectors]], size: int
) -> Iterator[list[tuple[str, PassageVectors]]]:
    held: list[tuple[str, PassageVectors]] = []
    for one in vectors:
        held.append(one)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    """A Parquet file. Raises NotFound, Unavailable, and SourceError where it is none."""
    import pyarrow as pa
    from pyarrow import parquet

    with storage.reading(url) as source:
        try:
            file = parquet.ParquetFile(source)
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"{storage.shown(url)} is no whole artifact ({error}); delete it and run again"
            ) from error
        yield file


def _chunk_schema() -> pa.Schema:
    import pyarrow as pa

    unit = pa.struct(
        [
            pa.field("kind", pa.string()),
            pa.field("start", pa.int64()),
            pa.field("end", pa.int64()),
            pa.field("plain", pa.string()),
            pa.field("language", pa.string()),
        ]
    )
    words = pa.list_(pa.string())
    texts = ("id", "page", "title", "url", "anchor", "revision", "text", "embedding_text", "digest")
    return pa.schema(
        [
            *(pa.field(name, pa.string()) for name in texts),
            *(pa.field(name, pa.int64()) for name in ("ordinal", "start", "end")),
            pa.field("heading_path", words),
            pa.field("tags", words),
            pa.field("product_version", pa.string()),
            pa.field("units", pa.list_(unit)),
        ]
    )


def _chunk_row(chunk: Chunk) -> dict[str, Any]:
    row = asdict(chunk)
    for unit in row["units"]:
        unit["kind"] = unit["kind"].value
    return row


def _chunk(row: dict[str, Any]) -> Chunk:
    units = tuple(Unit(**{**one, "kind": BlockKind(one["kind"])}) for one in row.pop("units"))
    heading_path, tags = tuple(row.pop("heading_path")), tuple(row.pop("tags"))
    return Chunk(**row, heading_path=heading_path, tags=tags, units=units)


def _described(table: pa.Table, about: dict[str, Any]) -> pa.Table:
    return table.replace_schema_metadata({_ABOUT: orjson.dumps(about)})


def _built(about: dict[str, Any]) -> Built:
    return Built(
        pages=[PageEntry(**{**one, "chunks": tuple(one["chunks"])}) for one in about["pages"]],
        failed=[Skipped(**one) for one in about["failed"]],
        quarantined=[Quarantined(**one) for one in about["quarantined"]],
    )


def _about(schema: pa.Schema) -> dict[str, Any]:
    return dict(orjson.loads(schema.metadata[_ABOUT]))
