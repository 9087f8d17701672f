"""What a set of ratings looks like, small enough to travel with a release: later sets are compared with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.classic.recommender.ratings import Ratings
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROFILE = "profile.json"
# Half stars from 0.5 to 5.
STEPS = 10
_TOP_FILMS = 1000


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts, the share of each half star (ten numbers), and the films rated most with their counts."""

    ratings: int
    users: int
    films: int
    first_at: int
    last_at: int
    histogram: tuple[float, ...]
    top: dict[str, int]

    def to_json(self) -> bytes:
        """One document."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, content: bytes) -> Profile:
        """What `to_json` wrote. Raises InvalidInput."""
        try:
            data: dict[str, Any] = orjson.loads(content)
            return cls(**{**data, "histogram": tuple(data["histogram"])})
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"this is no profile of ratings: {error}", field="profile") from None


def profile_of(ratings: Ratings) -> Profile:
    """Of ratings that passed the checks, at least one."""
    import numpy as np

    films, counts = np.unique(ratings.film, return_counts=True)
    # Ties by id, so that equal sets have equal profiles.
    best = np.lexsort((films, -counts))[:_TOP_FILMS]
    return Profile(
        ratings=len(ratings),
        users=len(np.unique(ratings.user)),
        films=len(films),
        first_at=int(ratings.at.min()),
        last_at=int(ratings.at.max()),
        histogram=tuple(round(float(share), 6) for share in histogram(ratings.rating)),
        top={str(films[n]): int(counts[n]) for n in best},
    )


def histogram(ratings: NDArray[np.float32]) -> NDArray[np.float64]:
    """The share of each half star, ten numbers; what is no number counts as the least."""
    import numpy as np

    halves = np.rint(np.nan_to_num(ratings) * 2)
    steps = np.clip(halves, 1, STEPS).astype(np.int64) - 1
    return np.bincount(steps, minlength=STEPS) / max(1, len(ratings))
