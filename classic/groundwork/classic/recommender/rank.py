"""From what somebody has rated to a score for every film of the catalogue: the thing that a release holds.

A score is the model's, plus a little popularity that decides where the model has nothing to say (nobody's history is too short
for an answer), and for films that the model does not know what films like them have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from groundwork.classic.recommender.arrays import pack, unpack
from groundwork.classic.recommender.matrix import Signal, Vocabulary, matrix, weigh
from groundwork.classic.recommender.models import FAMILIES, Model
from groundwork.classic.recommender.models.sparse import Rows
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.core.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ids = NDArray[np.int64]

# Changes where the arrays or what is computed from them do.
FORMAT = 1
# What a borrowed score counts: docs/decisions/recommender.md has the figures.
_BORROWED = 0.5


@dataclass(frozen=True)
class Ranker:
    """A fitted model over a catalogue.

    `vocabulary` are the films that the model knows, all of them in `films`; `share` (vocabulary,) is how many of the people
    liked each, and counts `prior` times in a score. `borrowed` is (cold films, vocabulary), rows as in `cold`.
    """

    films: Films
    vocabulary: Vocabulary
    signal: Signal
    model: Model
    share: Floats
    prior: float
    borrowed: Rows

    @cached_property
    def warm(self) -> Ids:
        """Where the films of the vocabulary stand in the catalogue."""
        import numpy as np

        return np.searchsorted(self.films.ids, self.vocabulary.films)

    @cached_property
    def cold(self) -> Ids:
        """Where the films stand that the model does not know."""
        import numpy as np

        rest = np.ones(len(self.films), dtype=bool)
        rest[self.warm] = False
        return np.flatnonzero(rest)

    @cached_property
    def share_of_film(self) -> Floats:
        """(catalogue,): the share of people who liked each film."""
        import numpy as np

        share = np.zeros(len(self.films), dtype=np.float32)
        share[self.warm] = self.share
        return share

    def history(self, films: Ids, ratings: Floats) -> tuple[Ids, Floats]:
        """The columns and weights of a history for the model: what it does not know, and what weighs nothing, is left out."""
        columns = self.vocabulary.columns(films)
        weights = weigh(ratings, self.signal)
        kept = (columns >= 0) & (weights > 0)
        return columns[kept], weights[kept]

    def scores(self, films: Ids, ratings: Floats) -> Floats:
        """(catalogue,) for one person who rated these films so."""
        import numpy as np

        warm = np.float32(self.prior) * self.share
        seen, weights = self.history(films, ratings)
        if len(seen):
            warm = warm + self.model.scores(seen, weights)
        spread: Floats = self._spread(warm[None, :])[0]
        return spread

    def score_many(self, history: Ratings, users: Ids) -> Floats:
        """(users, catalogue); `users` ascend."""
        import numpy as np

        rows = matrix(history, self.vocabulary, self.signal, users)
        warm = self.model.score_many(rows) + np.float32(self.prior) * self.share
        return self._spread(warm)

    def because(self, films: Ids, ratings: Floats, chosen: Ids) -> Floats:
        """(chosen, films): what each rated film adds to the score of each chosen position of the catalogue.

        0 for what the model does not know, on either side.
        """
        import numpy as np

        terms = np.zeros((len(chosen), len(films)), dtype=np.float32)
        column = self.vocabulary.columns(films)
        target = self.vocabulary.columns(self.films.ids[chosen])
        weights = weigh(ratings, self.signal)
        have, want = np.flatnonzero((column >= 0) & (weights > 0)), np.flatnonzero(target >= 0)
        if len(have) and len(want):
            found = self.model.because(column[have], weights[have], target[want])
            terms[np.ix_(want, have)] = found
        return terms

    def with_prior(self, prior: float) -> Ranker:
        """The same with another weight of popularity."""
        return replace(self, prior=prior)

    def _spread(self, warm: Floats) -> Floats:
        """From (people, vocabulary) to (people, catalogue)."""
        import numpy as np

        scores = np.zeros((len(warm), len(self.films)), dtype=np.float32)
        scores[:, self.warm] = warm
        if len(self.cold):
            scores[:, self.cold] = _BORROWED * _times(warm, self.borrowed)
        return scores

    def to_bytes(self) -> bytes:
        """The file of a release."""
        import numpy as np

        model = {f"model.{name}": array for name, array in self.model.arrays().items()}
        films = {f"films.{name}": array for name, array in self.films.arrays().items()}
        return pack(
            {
                **model,
                **self.borrowed.arrays("borrowed"),
                "meta": np.array([str(FORMAT), self.model.family, self.signal, repr(self.prior)]),
                **films,
                "vocabulary": self.vocabulary.films,
                "share": self.share,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Back from `to_bytes`. Raises ConfigurationError where other code wrote it."""
        return cls._of(unpack(raw))

    @classmethod
    def _of(cls, arrays: Mapping[str, Any]) -> Self:
        try:
            version, family, signal, prior = (str(value) for value in arrays["meta"])
            if int(version) != FORMAT:
                raise ConfigurationError(
                    f"this recommender was written in format {version}, this is {FORMAT}; train it anew: "
                    "groundwork train recommender --data FOLDER"
                )
            films = Films.from_arrays(_under("films.", arrays))
            own = _under("model.", arrays)
            return cls(
                films,
                Vocabulary(arrays["vocabulary"]),
                signal,  # type: ignore[arg-type]  # one of SIGNALS, as written
                FAMILIES[family].from_arrays(own),
                arrays["share"],
                float(prior),
                Rows.from_arrays("borrowed", arrays),
            )
        except (KeyError, ValueError) as error:
            raise ConfigurationError(f"this is no recommender: {error!r}") from None


def _under(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _times(warm: Floats, borrowed: Rows) -> Floats:
    """(people, cold): each cold film's weighted mean of warm scores."""
    import numpy as np

    if len(warm) > 1:
        many: Floats = np.asarray(borrowed.scipy().dot(warm.T), dtype=np.float32).T
        return many
    terms = borrowed.value * warm[0][borrowed.column]
    # One past the end for empty rows at the end; `reduceat` gives those the wrong sum, so they are set after.
    sums = np.zeros(len(borrowed.begin) - 1, dtype=np.float32)
    filled = np.diff(borrowed.begin) > 0
    if filled.any():
        sums[filled] = np.add.reduceat(terms, borrowed.begin[:-1][filled])
    return sums[None, :]
