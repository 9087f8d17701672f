from __future__ import annotations

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.retrieval.index import codec
from groundwork.retrieval.index.base import Filter, Point, SparseVector

texts = st.text(max_size=30)
offsets = st.integers(0, 10**9)
units = st.builds(
    Unit,
    st.sampled_from(BlockKind),
    offsets,
    offsets,
    st.none() | texts,
    st.sampled_from(["", "py"]),
)
chunks = st.builds(
    Chunk,
    id=st.uuids().map(str),
    page=texts,
    ordinal=offsets,
    title=texts,
    url=st.none() | texts,
    anchor=texts,
    heading_path=st.lists(texts, max_size=4).map(tuple),
    revision=texts,
    start=offsets,
    end=offsets,
    text=texts,
    embedding_text=texts,
    digest=texts,
    units=st.lists(units, max_size=4).map(tuple),
    tags=st.lists(texts, max_size=3).map(tuple),
    product_version=st.none() | texts,
)


def stored(chunk: Chunk, vectors: bool) -> Point:
    rows = np.arange(len(chunk.units) * 8, dtype=np.int8).reshape(-1, 8) if vectors else None
    return Point(chunk, np.ones(8, np.float32), SparseVector((), ()), rows)


@given(chunks, st.booleans())
def test_a_chunk_survives_the_engine(chunk: Chunk, vectors: bool) -> None:
    point = stored(chunk, vectors)
    payload = orjson.loads(orjson.dumps(codec.to_payload(point)))
    back = codec.from_payload(chunk.id, payload)
    assert back.chunk == chunk
    if vectors and chunk.units:
        assert back.units is not None
        assert point.units is not None
        assert np.array_equal(back.units, point.units)
    else:
        assert back.units is None


@given(chunks)
def test_a_chunk_passes_the_filters_that_name_it(chunk: Chunk) -> None:
    payload = codec.to_payload(stored(chunk, vectors=False))
    assert codec.fits(payload, Filter())
    for folder in codec.folders(chunk.page):
        assert codec.fits(payload, Filter(path=("elsewhere", f"/{folder}/")))
    for heading in chunk.heading_path:
        assert codec.fits(payload, Filter(section=(heading.upper(), heading)))
    for tag in chunk.tags:
        assert codec.fits(payload, Filter(tags=(tag,)))
    assert not codec.fits(payload, Filter(tags=("a tag that is longer than thirty characters",)))


def test_folders_are_the_page_and_all_above_it() -> None:
    assert list(codec.folders("a/b/c.md")) == ["a/b/c.md", "a/b", "a"]
    assert list(codec.folders("/docs/")) == ["docs"]
    assert list(codec.folders("")) == []
