"""Arrays by name in one file of plain numpy, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from groundwork.core.errors import ConfigurationError


def pack(arrays: Mapping[str, Any]) -> bytes:
    """Like numpy.savez_compressed, without the time of day in it."""
    import zipfile

    import numpy as np

    buffer = BytesIO()
    # Level 1: factors and inverses hardly shrink, and sparse indices do at any level.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(arrays):
            content = BytesIO()
            np.lib.format.write_array(
                content, np.ascontiguousarray(arrays[name]), allow_pickle=False
            )
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()


def unpack(raw: bytes) -> dict[str, Any]:
    """Back from `pack`. Raises ConfigurationError for what it did not write."""
    import zipfile

    import numpy as np

    try:
        with np.load(BytesIO(raw), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"these are no arrays of a recommender: {error}") from None
