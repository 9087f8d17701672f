from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from groundwork.retrieval.embed.base import PassageText
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.embed.recent import RecentEmbedder


class Counting(HashingEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return super().embed(texts)


def test_a_text_is_embedded_once() -> None:
    inner = Counting()
    recent = RecentEmbedder(inner)
    first, again = recent.embed(["one"]), recent.embed(["one"])
    assert inner.asked == ["one"]
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, HashingEmbedder().embed(["one"]))
    with pytest.raises(ValueError, match="read-only"):
        again[0, 0] = 1.0


def test_the_least_recent_goes() -> None:
    inner = Counting()
    recent = RecentEmbedder(inner, most=2)
    for text in ("one", "two", "one", "three", "one", "two"):
        recent.embed([text])
    assert inner.asked == ["one", "two", "three", "two"]


def test_everything_else_is_the_embedder_s() -> None:
    inner = Counting()
    recent = RecentEmbedder(inner)
    assert recent.embed(["one", "two"]).shape == (2, inner.dimension)
    recent.embed(["one", "two"])
    assert inner.asked == ["one", "two"] * 2
    assert (recent.identity, recent.model, recent.dimension, recent.max_tokens) == (
        inner.identity, inner.model, inner.dimension, inner.max_tokens,
    )  # fmt: skip
    assert recent.count_tokens("one two") == inner.count_tokens("one two")
    (vectors,) = recent.embed_passages([PassageText("one two", ())])
    np.testing.assert_array_equal(vectors.dense, inner.embed(["one two"])[0])
