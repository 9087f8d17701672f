"""A version as a copy of another, made by the server from a snapshot: nothing travels through this process.

The snapshot is taken on the server, fetched by the server from itself, and deleted. Where that is not permitted, where
the server does not reach itself, and on a cluster of several nodes (each has a snapshot of its own shards only), the
caller copies the points instead.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from urllib.parse import quote

from groundwork.core.errors import GroundworkError
from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.server_calls import Calls
from groundwork.retrieval.index.server_options import Access, ServerOptions
from groundwork.retrieval.index.server_place import Place

_log = logging.getLogger(__name__)
# A snapshot of a big collection is as long a job as copying its files.
_PATIENCE_SECONDS = 6 * 3600


def clone(calls: Calls, base: Place, target: Place, options: ServerOptions) -> bool:
    """Fill the empty collection `target` with all of `base`.

    False where that was not possible. A recovery that broke midway may have left anything in `target`, but not the
    sign of its builder. Tenants have no snapshots of their own.
    """
    tenants = base.tenant is not None or target.tenant is not None
    if options.access is None or tenants or _peers(calls) > 1:
        return False
    if not _alike(calls, base.collection, target.collection):
        return False
    try:
        with _patient(options.access, calls) as patient:
            _recover(patient, base.collection, target.collection, options.access)
        if layout.count(calls, base) == layout.count(calls, target):
            _conform(calls, target.collection, options)
            layout.remove_blobs(calls, target)
            return True
        reason = "the copy has another number of points"
    except GroundworkError as error:
        reason = error.detail
    _log.warning(
        "no clone of %s by snapshot, copying its points instead: %s", base.collection, reason
    )
    return False


def _recover(patient: Calls, base: str, target: str, access: Access) -> None:
    from qdrant_client import models

    made = patient.once(patient.client.create_snapshot, base)
    if made is None:
        raise GroundworkError(f"the server made no snapshot of {base}")
    try:
        place = f"/collections/{quote(base)}/snapshots/{quote(made.name)}"
        patient.once(
            patient.client.recover_snapshot,
            target,
            location=access.own_url.rstrip("/") + place,
            api_key=access.api_key,
            checksum=made.checksum,
            priority=models.SnapshotPriority.SNAPSHOT,
        )
    finally:
        # It takes as much disk as the collection; the first error is what matters.
        with contextlib.suppress(GroundworkError):
            patient(patient.client.delete_snapshot, base, made.name)


@contextlib.contextmanager
def _patient(access: Access, calls: Calls) -> Iterator[Calls]:
    from qdrant_client import QdrantClient

    client = QdrantClient(
        url=access.url, api_key=access.api_key, timeout=_PATIENCE_SECONDS, check_compatibility=False
    )
    try:
        yield Calls(client, calls.address)
    finally:
        client.close()


def _alike(calls: Calls, base: str, target: str) -> bool:
    """A snapshot brings its shards and vectors along; both must be what a new collection would have."""
    params = [calls(calls.client.get_collection, name).config.params for name in (base, target)]
    wanted = [
        (each.shard_number, each.replication_factor, _dimension(each.vectors)) for each in params
    ]
    return wanted[0] == wanted[1]


def _dimension(vectors: object) -> object:
    return vectors[layout.DENSE].size if isinstance(vectors, dict) else None


def _peers(calls: Calls) -> int:
    """Nodes of the cluster; 1 where the server is no cluster or does not tell."""
    try:
        answer = calls(calls.client.http.distributed_api.cluster_status)
    except GroundworkError:
        return 1
    return max(1, len(getattr(answer.result, "peers", None) or {}))


def _conform(calls: Calls, target: str, options: ServerOptions) -> None:
    """Quantisation came along with the snapshot; the settings may have changed since."""
    from qdrant_client import models

    held = calls(calls.client.get_collection, target).config.quantization_config
    wanted = options.packing()
    if held != wanted:
        calls(
            calls.client.update_collection,
            target,
            quantization_config=wanted or models.Disabled.DISABLED,
            vectors_config={layout.DENSE: models.VectorParamsDiff(on_disk=options.quantised)},
        )
