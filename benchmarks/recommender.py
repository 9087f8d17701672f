"""The recommender: every model side by side and beside libraries, how time and memory grow, features and the endpoint.

Without ../shared/data/movielens the made-up set stands in; a folder named by GROUNDWORK_MOVIELENS, such as ML-20M, is measured
by the published protocol too.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.data import SHARED
from benchmarks.recommender_library import LIBRARY, SLOW
from benchmarks.recommender_online import online
from groundwork.classic.recommender.evaluate import ACCURACY, Measurement, measure
from groundwork.classic.recommender.fit import RECIPES, Recipe, fit_ranker
from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.matrix import Vocabulary, matrix
from groundwork.classic.recommender.models import Als, Ease, Neighbours, Popularity
from groundwork.classic.recommender.protocol import strong_generalisation
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import Films, Ratings
from groundwork.classic.recommender.read import read
from groundwork.classic.recommender.train import apart
from groundwork.core.settings import Settings

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOVIELENS = SHARED / "movielens" / "ml-latest-small"
_SPLITS = 5
_SEED = 7


@dataclass(frozen=True)
class Tried:
    """One model on all splits."""

    name: str
    found: list[Measurement]
    seconds: float
    mib: float

    def row(self) -> str:
        """Of the table."""
        cells = []
        for metric in ACCURACY:
            values = np.concatenate([one.values[metric] for one in self.found])
            half = 1.96 * values.std() / np.sqrt(len(values))
            cells.append(f"{values.mean():.3f} ± {half:.3f}")
        covered = np.mean([one.coverage for one in self.found])
        cells += [f"{covered:.1%}", f"{self.seconds:.2f}", f"{self.mib:.0f}"]
        return f"| {self.name} | {' | '.join(cells)} |"


def main(settings: Settings) -> None:
    """Print the tables."""
    if MOVIELENS.is_dir():
        raw = read(MOVIELENS)
        ratings, films, name = raw.ratings, raw.films, MOVIELENS.name
    else:
        ratings, films = generate(Shape())
        name = "the made-up set (no MovieLens here)"
    print(f"{name}: {len(ratings):,} ratings, {len(np.unique(ratings.user)):,} people\n")
    side_by_side(ratings, films)
    published(ratings, films, 60)
    larger = os.environ.get("GROUNDWORK_MOVIELENS")
    if larger:
        raw = read(Path(larger))
        print(f"\n{larger}: {len(raw.ratings):,} ratings\n")
        published(raw.ratings, raw.films, 10_000, splits=1)
    growth()
    online(settings, ratings, films)


def side_by_side(ratings: Ratings, films: Films) -> None:
    """The product's protocol: people who were never trained on, the latest of what they liked."""
    kept, holdout = apart(ratings)
    print(f"\nThe latest fifth of {len(holdout.users)} people who were not trained on\n")
    _heading()
    for recipe in RECIPES:
        ranker, seconds, mib = measured_apart(
            partial(fit_ranker, recipe, kept, films, prior=0.0, seed=_SEED)
        )
        print(Tried(str(recipe), [measure(ranker, holdout, films)], seconds, mib).row(), flush=True)


def published(ratings: Ratings, films: Films, people: int, splits: int = _SPLITS) -> None:
    """The protocol of Liang et al. 2018, and the same models by libraries."""
    parts = [strong_generalisation(ratings, films, people, seed) for seed in range(splits)]
    total = sum(len(part.holdout.users) for part in parts)
    print(f"\nStrong generalisation (Liang et al.), {splits} splits, {total:,} people\n")
    _heading()
    ours: dict[str, Callable[[csr_matrix], Any]] = {
        "popularity": Popularity.fit,
        "item-knn": lambda rows: Neighbours.fit(rows, k=100, shrink=10.0),
        "als (implicit's, solved here for who asks)": lambda rows: Als.fit(
            rows, factors=64, penalty=50.0, alpha=20.0
        ),
        "ease": lambda rows: Ease.fit(rows, penalty=_penalty(rows)),
    }
    for name, fit in {**ours, **LIBRARY}.items():
        found, seconds, mib = [], 0.0, 0.0
        # The plain inverse takes minutes where the dual form takes a moment: one split is enough to see that they agree.
        chosen = parts[:1] if name in SLOW else parts
        for part in chosen:
            vocabulary = Vocabulary.of(part.train)
            rows = matrix(part.train, vocabulary, "seen")
            model, took, peak = measured_apart(partial(fit, rows))
            seconds, mib = seconds + took, max(mib, peak)
            found.append(measure(_bare(part.films, vocabulary, model), part.holdout, part.films))
        print(Tried(name, found, seconds / len(chosen), mib).row(), flush=True)
    print(
        "\nPublished for ML-20M: EASE NDCG@100 0.420, Recall@20 0.391, Recall@50 0.521 (Steck 2019)"
    )


def growth() -> None:
    """Time and memory of a fit where people, films, or both grow tenfold."""
    base = Shape(users=300, films=600, per_user=30)
    shapes = (
        ("base", base),
        ("people ×10", Shape(users=3000, films=600, per_user=30)),
        ("films ×10", Shape(users=300, films=6000, per_user=30)),
        ("both ×10", Shape(users=3000, films=6000, per_user=30)),
    )
    print("\n| | ratings | " + " | ".join(f"{name} s / MiB" for name in _FITS) + " | answer ms |")
    print("|---|---|" + "---|" * (len(_FITS) + 1))
    for name, shape in shapes:
        ratings, films = generate(shape)
        cells = []
        for recipe in _FITS.values():
            ranker, seconds, mib = measured_apart(
                partial(fit_ranker, recipe, ratings, films, prior=0.0, seed=_SEED)
            )
            cells.append(f"{seconds:.2f} / {mib:.0f}")
        mine = ratings.take(ratings.user == 1)
        began = time.perf_counter()
        for _ in range(50):
            ranker.scores(mine.film, mine.rating)
        cells.append(f"{(time.perf_counter() - began) * 20:.2f}")
        print(f"| {name} | {len(ratings):,} | {' | '.join(cells)} |", flush=True)


_FITS = {
    "popularity": Recipe("popularity", "liked"),
    "item-knn": Recipe("item-knn", "liked", {"k": 100, "shrink": 10.0}),
    "als": Recipe("als", "stars", {"factors": 64, "penalty": 50.0, "alpha": 20.0}),
    "ease": Recipe("ease", "liked", {"penalty": 100.0}),
}


def _penalty(rows: csr_matrix) -> float:
    """500 for ML-20M, as published; less where there is less."""
    return 500.0 if rows.shape[0] > 50_000 else 100.0


def _bare(films: Films, vocabulary: Vocabulary, model: Any) -> Ranker:
    """The model alone, without popularity or cold films."""
    from scipy.sparse import csr_matrix

    from groundwork.classic.recommender.models.sparse import Rows

    share = np.full(len(vocabulary), 1e-3, dtype=np.float32)
    nothing = Rows.of(csr_matrix((0, len(vocabulary)), dtype=np.float32))
    return Ranker(films, vocabulary, "seen", model, share, 0.0, nothing)


def _heading() -> None:
    print("| model | NDCG@10 | NDCG@100 | Recall@20 | Recall@50 | coverage@10 | fit CPU-s | MiB |")
    print("|---|---|---|---|---|---|---|---|", flush=True)


def measured_apart(fit: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it returns, its CPU-seconds, and by how many MiB its process grew at most; in a process of its own."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_fit, args=(fit, theirs))
    child.start()
    theirs.close()
    result: tuple[Any, float, float] = mine.recv()
    child.join()
    return result


def _fit(fit: Callable[[], Any], out: Connection) -> None:
    # The peak so far is the parent's.
    Path("/proc/self/clear_refs").write_text("5")
    before, began = _peak(), time.process_time()
    made = fit()
    seconds = time.process_time() - began
    out.send((made, seconds, (_peak() - before) / 1024))
    out.close()


def _peak() -> int:
    """The largest resident set of this process, in KiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
