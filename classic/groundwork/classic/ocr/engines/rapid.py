"""RapidOCR's recogniser (PP-OCRv4, onnxruntime) as an engine; the extra `rapidocr` installs it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from groundwork.classic.ocr.recogniser.decode import Decoded
from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RapidEngine:
    """Only recognises: finding lines is ours, so that engines are compared on the same crops."""

    name = "rapidocr"

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._lock = threading.Lock()

    @cached_property
    def _reader(self) -> Any:
        try:
            from rapidocr_onnxruntime import RapidOCR
        except ImportError:
            raise ConfigurationError(
                "RapidOCR is not installed; pip install 'groundwork[rapidocr]', or set GROUNDWORK_OCR__ENGINE=groundwork"
            ) from None
        return RapidOCR(intra_op_num_threads=self._threads, inter_op_num_threads=self._threads)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Decoded]:
        """One result a crop, in order; see `Engine`. Its confidence is one a line, given to each character."""
        import numpy as np

        if not crops:
            return []
        pictures = [np.repeat(one[:, :, None], 3, axis=2) for one in crops]
        with self._lock:
            found, _ = self._reader.text_rec(pictures)
        return [Decoded(text.strip(), (float(sure),) * len(text.strip())) for text, sure in found]
