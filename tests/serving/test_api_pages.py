"""The viewer of indexed pages."""

from __future__ import annotations

import hashlib

import httpx

from groundwork.core.documents import BlockKind, Chunk, Unit
from groundwork.ingestion.chunk import chunk_id
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.index.base import Point
from groundwork.retrieval.index.manifest import Manifest, PageEntry
from groundwork.retrieval.index.memory import MemoryStore
from groundwork.retrieval.live import LiveReaders
from groundwork.retrieval.sparse import document_vector
from groundwork.serving.api.pages import _render


def store_of(texts: list[str]) -> MemoryStore:
    embedder = HashingEmbedder(32)
    store = MemoryStore()
    points = []
    for n, text in enumerate(texts):
        chunk = Chunk(
            chunk_id("a b.md", n), "a b.md", n, "T<i>tle", None, f"s{n}", ("T", f"H{n}"), "r", 0,
            len(text), text, text, hashlib.sha256(text.encode()).hexdigest()[:32],
            (Unit(BlockKind.PARAGRAPH, 0, len(text)),),
        )  # fmt: skip
        points.append(Point(chunk, embedder.embed([text])[0], document_vector(text)))
    entry = PageEntry("a b.md", "h", "r", "T", None, tuple("d" for _ in texts))
    manifest = Manifest("docs", "a" * 16, "2026-01-01T00:00:00Z", None, {}, ("s",), (entry,))
    with store.begin("docs", dimension=32) as writer:
        writer.upsert(points)
        writer.put_blob("manifest", manifest.to_json())
        writer.seal("a" * 16)
    store.promote("docs", "a" * 16)
    return store


def test_a_page_shows_its_sections_and_never_markup() -> None:
    store = store_of(["first <script>alert(1)</script>", "second & last"])
    shown = _render(LiveReaders(store, 60), "docs", "a b.md")
    assert '<section id="s0">' in shown
    assert '<section id="s1">' in shown
    assert "<script>" not in shown
    assert "first &lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<h1>T&lt;i&gt;tle</h1>" in shown


async def test_the_route_answers_with_a_problem_for_what_is_not_there(
    client: httpx.AsyncClient,
) -> None:
    missing = await client.get("/pages/nothing/absent.md")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert (await client.get("/pages/No%20Index/x")).status_code in {404, 422}
