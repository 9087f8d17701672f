"""The classifier's numbers: two heads of two linear stages each, read from one file of plain arrays.

A head's first stage sees words and cues; the second sees the embedding too. Serving needs numpy and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from groundwork.classic.injection.features import BUCKETS, NAMES, VERSION
from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["question", "passage"]
KINDS: tuple[Kind, ...] = ("question", "passage")
WEIGHTS = "weights.npz"
BUNDLED = Path(__file__).parent / "released"


@dataclass(frozen=True, slots=True)
class Stage:
    """A linear model: `words` (BUCKETS,), `cues` (len(NAMES),), `vector` (dimension,) or empty, and a bias."""

    words: NDArray[np.float32]
    cues: NDArray[np.float32]
    vector: NDArray[np.float32]
    bias: float

    def logit(
        self, buckets: list[int], cues: list[float], vector: NDArray[np.float32] | None = None
    ) -> float:
        """The log-odds of one text."""
        import numpy as np

        # Texts of any length weigh alike: the words' share is divided by the root of how many there are.
        total: float = float(self.words[buckets].sum()) / max(1.0, float(len(buckets)) ** 0.5)
        total += float(np.dot(self.cues, np.asarray(cues, dtype=np.float32))) + self.bias
        return total if vector is None else total + float(np.dot(self.vector, vector))


@dataclass(frozen=True, slots=True)
class Head:
    """Two stages. The second runs where the first gives at least `worth` log-odds.

    `shift` is the log-odds of the operating point: subtracted, it makes 0.5 the score to act on. `strict` is the score
    above which a page is quarantined.
    """

    first: Stage
    second: Stage
    worth: float
    shift: float
    strict: float


@dataclass(frozen=True, slots=True)
class Weights:
    """All numbers, with the embedder they fit and the digest that names them."""

    question: Head
    passage: Head
    embedder: str
    digest: str

    def head(self, kind: Kind) -> Head:
        """One of the two heads."""
        return self.question if kind == "question" else self.passage


def pack(question: Head, passage: Head, embedder: str) -> bytes:
    """The file's bytes, the same for the same numbers."""
    import numpy as np

    arrays: dict[str, NDArray[np.generic]] = {
        "meta": np.array([VERSION, embedder]),
    }
    for kind, head in (("question", question), ("passage", passage)):
        arrays[f"{kind}.points"] = np.array([head.worth, head.shift, head.strict], dtype=np.float32)
        for name, stage in (("first", head.first), ("second", head.second)):
            flat = np.concatenate([stage.words, stage.cues, stage.vector, [stage.bias]])
            arrays[f"{kind}.{name}"] = flat.astype(np.float16)
    return _npz(arrays)


def _npz(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """Like numpy.savez_compressed, without the time of day in it."""
    import zipfile

    import numpy as np

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return buffer.getvalue()


def unpack(raw: bytes) -> Weights:
    """Back from `pack`. Raises ConfigurationError where the file fits other code."""
    import numpy as np

    with np.load(BytesIO(raw), allow_pickle=False) as arrays:
        version, embedder = (str(value) for value in arrays["meta"])
        if version != VERSION:
            raise ConfigurationError(
                f"the injection classifier was trained for features {version}, this is {VERSION}; "
                "train it anew: groundwork train injection"
            )
        heads = [_head(arrays, kind) for kind in KINDS]
    return Weights(heads[0], heads[1], embedder, hashlib.sha256(raw).hexdigest())


def _head(arrays: np.lib.npyio.NpzFile, kind: Kind) -> Head:
    worth, shift, strict = (float(value) for value in arrays[f"{kind}.points"])
    return Head(
        _stage(arrays[f"{kind}.first"]), _stage(arrays[f"{kind}.second"]), worth, shift, strict
    )


def _stage(flat: NDArray[np.generic]) -> Stage:
    import numpy as np

    numbers = flat.astype(np.float32)
    known = BUCKETS + len(NAMES)
    return Stage(numbers[:BUCKETS], numbers[BUCKETS:known], numbers[known:-1], float(numbers[-1]))
