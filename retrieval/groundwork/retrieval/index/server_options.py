"""How versions are laid out on a Qdrant server, from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdrant_client import models


@dataclass(frozen=True, slots=True)
class Access:
    """How the server is reached; `own_url` is how it reaches itself, to fetch a snapshot of its own."""

    url: str
    own_url: str
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a new collection is made with.

    `shared` puts versions of all indexes into one collection, as tenants: for many small indexes, each of which would
    cost a collection's memory and files. `quantisation` is none, scalar (int8, a quarter of the memory) or binary (a thirty-second); the vectors themselves
    then lie on disk, and `oversampling` times as many candidates are scored again by them. `shards` and `replicas` are
    the cluster's own defaults where None. `access` is None where there is no server, only its client.
    """

    shared: bool = False
    quantisation: str = "none"
    oversampling: float = 2.0
    shards: int | None = None
    replicas: int | None = None
    access: Access | None = None

    @property
    def quantised(self) -> bool:
        """Whether candidates are found by packed vectors."""
        return self.quantisation != "none"

    def packing(self) -> models.ScalarQuantization | models.BinaryQuantization | None:
        """As the server takes it. The packed vectors stay in memory."""
        from qdrant_client import models

        if self.quantisation == "scalar":
            # The outermost percent would stretch the scale of all others.
            scalar = models.ScalarQuantizationConfig(
                type=models.ScalarType.INT8, quantile=0.99, always_ram=True
            )
            return models.ScalarQuantization(scalar=scalar)
        if self.quantisation == "binary":
            return models.BinaryQuantization(
                binary=models.BinaryQuantizationConfig(always_ram=True)
            )
        return None

    def rescoring(self) -> models.QuantizationSearchParams | None:
        """How a search makes up for it."""
        from qdrant_client import models

        if not self.quantised:
            return None
        return models.QuantizationSearchParams(rescore=True, oversampling=self.oversampling)
