"""A small handbook in editions, ingested for real with the embedder that needs no model."""

from __future__ import annotations

from collections.abc import Container
from functools import partial
from pathlib import Path

from groundwork.core.progress import NoProgress
from groundwork.core.settings import Settings
from groundwork.ingestion.build import Tools
from groundwork.ingestion.check import Limits
from groundwork.ingestion.chunk import ChunkingConfig
from groundwork.ingestion.ingest import IngestRequest, ingest
from groundwork.ingestion.parse import ParseOptions
from groundwork.ingestion.sources import open_source
from groundwork.retrieval.embed.cache import VectorCache
from groundwork.retrieval.embed.factory import create_embedder
from groundwork.retrieval.embed.pool import EmbeddingPool
from groundwork.retrieval.index.factory import open_store

PAGES = 12


def publish(settings: Settings, folder: Path, edition: str, lost: Container[int] = ()) -> str:
    """Write the handbook's edition and ingest it; returns its version. Pages that are `lost` say nothing any more."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(PAGES):
        if n in lost:
            (folder / f"page{n}.md").write_text(f"# Topic {n}\n\nThis page is being moved.\n")
            continue
        (folder / f"page{n}.md").write_text(
            f"# Topic {n}\n\n## Set the limit\n\nThe limit of pump {n} is set with `limit={n}`. "
            f"This is edition {edition}.\n\n```ini\nlimit={n}\n```\n"
        )
    cache = VectorCache(settings.caches / "vectors.sqlite")
    embedder = create_embedder(settings)
    tools = Tools(
        embedder, cache, partial(EmbeddingPool, settings), ParseOptions(), ChunkingConfig()
    )
    request = IngestRequest("handbook", (open_source(str(folder)),), Limits(0.2, 0.5))
    result = ingest(request, open_store(settings), tools, NoProgress())
    cache.close()
    assert result.version is not None
    return result.version
