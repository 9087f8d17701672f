"""Which vector engine the settings name."""

from __future__ import annotations

from groundwork.core.settings import Settings
from groundwork.retrieval.index.base import IndexStore


def open_store(settings: Settings) -> IndexStore:
    """Qdrant Edge under the home, or the Qdrant server at `index.url`. Raises Unavailable."""
    index = settings.index
    if index.url is None:
        from groundwork.retrieval.index.edge import EdgeStore

        return EdgeStore(settings.indexes)
    from groundwork.retrieval.index.server import connect
    from groundwork.retrieval.index.server_options import Access, ServerOptions

    api_key = index.api_key.get_secret_value() if index.api_key is not None else None
    options = ServerOptions(
        shared=index.layout == "shared",
        quantisation=index.quantisation,
        oversampling=index.oversampling,
        shards=index.shards,
        replicas=index.replicas,
        access=Access(index.url, index.snapshot_url or index.url, api_key),
    )
    return connect(index.url, api_key, index.timeout_seconds, options)
