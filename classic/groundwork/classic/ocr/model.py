"""The three networks as a release holds them, and sessions over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECOGNISER, LOCATOR, LINER = FILES = ("recogniser.onnx", "locator.onnx", "liner.onnx")
ALPHABET = "alphabet.json"
RELEASE = "release.json"
BUNDLED = Path(__file__).parent / "released"


@dataclass(frozen=True)
class Models:
    """The bytes of a release's networks, with the characters that the recogniser's classes stand for."""

    files: Mapping[str, bytes]
    characters: str
    threads: int = 1

    @classmethod
    def load(cls, folder: Path = BUNDLED, threads: int = 1) -> Models:
        """From a release's folder. Raises ConfigurationError that names what is missing or broken."""
        try:
            files = {name: (folder / name).read_bytes() for name in (*FILES, ALPHABET)}
            return cls.of(files, threads)
        except OSError as error:
            raise ConfigurationError(f"no models of the reader in {folder}: {error}") from None

    @classmethod
    def of(cls, files: Mapping[str, bytes], threads: int = 1) -> Models:
        """From the files of a release. Raises ConfigurationError."""
        try:
            characters = json.loads(files[ALPHABET])["characters"]
            return cls({name: files[name] for name in FILES}, characters, threads)
        except (KeyError, ValueError, TypeError) as error:
            raise ConfigurationError(f"these are no models of the reader: {error!r}") from None

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 by file."""
        return {name: hashlib.sha256(raw).hexdigest() for name, raw in self.files.items()}

    @property
    def release(self) -> str:
        """`ocr-` and 12 hex digits of the networks' content."""
        joined = json.dumps({**self.digests, "characters": self.characters}, sort_keys=True)
        return "ocr-" + hashlib.sha256(joined.encode()).hexdigest()[:12]

    def recognise(self, lines: NDArray[np.float32]) -> NDArray[np.float32]:
        """(lines, 1, 32, width) to (lines, width / 4, classes)."""
        return self._run(self._recogniser, lines)

    def locate(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(pictures, 3, 224, 224) in 0..1 to (pictures, 1, 56, 56) log-odds."""
        return self._run(self._locator, pictures)

    def find_lines(self, cards: NDArray[np.float32]) -> NDArray[np.float32]:
        """(cards, 1, height, width) to (cards, 3, height / 4, width / 4)."""
        return self._run(self._liner, cards)

    @staticmethod
    def _run(session: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = session.run(None, {"in": values})[0]
        return found

    @cached_property
    def _recogniser(self) -> Any:
        return self._session(RECOGNISER)

    @cached_property
    def _locator(self) -> Any:
        return self._session(LOCATOR)

    @cached_property
    def _liner(self) -> Any:
        return self._session(LINER)

    def _session(self, name: str) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        # Pictures come in every size: memory planned for each would be kept for ever.
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        broken = onnxruntime.capi.onnxruntime_pybind11_state
        try:
            return onnxruntime.InferenceSession(
                self.files[name], options, providers=["CPUExecutionProvider"]
            )
        except (broken.Fail, broken.InvalidProtobuf, broken.InvalidGraph) as error:
            raise ConfigurationError(f"{name} cannot be opened: {error}") from None
