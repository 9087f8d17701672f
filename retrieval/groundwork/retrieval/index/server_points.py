"""Points on their way to a server: in batches that may be sent twice, and counted in the end."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.retrieval.index import server_layout as layout
from groundwork.retrieval.index.server_calls import Calls
from groundwork.retrieval.index.server_place import Place

if TYPE_CHECKING:
    from qdrant_client import models

_BATCH = 128
# The server answers when a batch is in its log; every so many it is waited for until it has been applied, so that
# its queue does not grow without end.
_WAIT_EVERY = 16
# Of a point's content, and of the builder that last stored or met it: what a later builder goes on from.
_PRINT, _RUN = "_print", "_run"
_NOBODY = "00000000-0000-0000-0000-000000000000"


class PointSender:
    """Sends points to one place. `resumed` says that a dead builder's points are in it already.

    Those that are the same are not sent again, only marked as met; those that this builder does not name are removed
    at the end.
    """

    def __init__(self, calls: Calls, place: Place, *, resumed: bool) -> None:
        self._calls = calls
        self._place = place
        self._collection = place.collection
        self._resumed = resumed
        self._run = secrets.token_hex(4)
        self._sent = 0

    def send(self, records: Sequence[models.PointStruct]) -> Iterator[int]:
        """Store these; yields after each request."""
        for start in range(0, len(records), _BATCH):
            batch = [self._marked(record) for record in records[start : start + _BATCH]]
            if self._resumed:
                batch = self._unmet(batch)
            if batch:
                self._sent += 1
                wait = self._sent % _WAIT_EVERY == 0
                self._calls(self._calls.client.upsert, self._collection, batch, wait=wait)
            yield len(batch)

    def remove(self, ids: Sequence[str]) -> None:
        """Drop points."""
        from qdrant_client import models

        for start in range(0, len(ids), _BATCH):
            points: list[Any] = [self._place.key(each) for each in ids[start : start + _BATCH]]
            selector = models.PointIdsList(points=points)
            self._calls(self._calls.client.delete, self._collection, selector, wait=True)

    def settled(self) -> int:
        """How many chunks the collection holds when all that was sent has been applied."""
        self._remove_unmet()
        return layout.count(self._calls, self._place)

    def _marked(self, record: models.PointStruct) -> models.PointStruct:
        payload = {k: v for k, v in (record.payload or {}).items() if k not in {_PRINT, _RUN}}
        seen = hashlib.blake2b(digest_size=12)
        seen.update(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS))
        vectors: Any = record.vector
        seen.update(orjson.dumps(vectors[layout.DENSE]))
        return record.model_copy(
            update={"payload": {**payload, _PRINT: seen.hexdigest(), _RUN: self._run}}
        )

    def _unmet(self, batch: list[models.PointStruct]) -> list[models.PointStruct]:
        held = self._calls(
            self._calls.client.retrieve,
            self._collection,
            [record.id for record in batch],
            with_payload=[_PRINT],
            with_vectors=False,
        )
        prints = {record.id: (record.payload or {}).get(_PRINT) for record in held}
        met = [each.id for each in batch if prints.get(each.id) == (each.payload or {})[_PRINT]]
        if met:
            self._calls(
                self._calls.client.set_payload,
                self._collection,
                {_RUN: self._run},
                points=met,
                wait=False,
            )
        same = set(met)
        return [each for each in batch if each.id not in same]

    def _remove_unmet(self) -> None:
        """A removal by a filter goes to every shard, after all that was sent before it: what it waits for is all."""
        from qdrant_client import models

        run = models.FieldCondition(key=_RUN, match=models.MatchValue(value=self._run))
        chunk = models.IsEmptyCondition(is_empty=models.PayloadField(key=layout.BLOB))
        nothing = models.Filter(must=[models.HasIdCondition(has_id=[_NOBODY])])
        others = models.Filter(must=[chunk], must_not=[run])
        selector = models.FilterSelector(filter=others if self._resumed else nothing)
        self._calls(self._calls.client.delete, self._collection, selector, wait=True)
