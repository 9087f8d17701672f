"""Recommending to everybody at once: read, features, predict, write. A run that was cut off goes on where it stopped.

Each part of the people is one file in `OUT.parts`, written whole; the last step joins them into OUT and removes them. Parts
belong to a release and its features: other parts are thrown away.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.classic.recommender import metrics
from groundwork.classic.recommender.features.online import SqliteFeatures
from groundwork.classic.recommender.ratings import Ratings
from groundwork.classic.recommender.release import FEATURES, load_ranker
from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from groundwork.classic.recommender.rank import Ranker
    from groundwork.core.registry.base import Line, Registry

_PART = 2048


@dataclass(frozen=True, slots=True)
class Batch:
    """What a run made: rows, people, and how many parts were there from before."""

    path: Path
    people: int
    rows: int
    resumed: int


@dataclass(frozen=True, slots=True)
class Job:
    """Whom to recommend to (everybody in an online store), with which release, how many films, and where to."""

    features: Path
    release: str
    out: Path
    k: int = 20
    part: int = _PART


def predict_all(ranker: Ranker, job: Job, progress: Progress) -> Batch:
    """Columns: user_id, rank (from 1), film_id, score (float32), release. Ordered by user and rank.

    People who have seen everything that the model knows have fewer rows. Raises NotFound where there are no features.
    """
    from pyarrow import parquet

    histories = read_histories(job.features)
    folder = job.out.with_name(job.out.name + ".parts")
    _claim(folder, job)
    parts = -(-len(histories.users) // job.part)
    progress.stage("recommend", total=len(histories.users), unit="people")
    resumed = 0
    for n in range(parts):
        path = folder / f"{n:06d}.parquet"
        chosen = slice(n * job.part, (n + 1) * job.part)
        if path.is_file():
            resumed += 1
        else:
            _write(path, _lists(ranker, histories, chosen, job))
        progress.advance(len(histories.users[chosen]))
    progress.stage("write")
    temporary = job.out.with_name(f".{job.out.name}.new")
    rows = 0
    with parquet.ParquetWriter(temporary, _schema()) as writer:
        for n in range(parts):
            table: pa.Table = parquet.read_table(folder / f"{n:06d}.parquet")
            rows += len(table)
            writer.write_table(table)
    temporary.replace(job.out)
    shutil.rmtree(folder)
    return Batch(job.out, len(histories.users), rows, resumed)


def predict_release(
    registry: Registry,
    line: Line,
    reference: str,
    out: Path,
    progress: Progress,
    *,
    k: int = 20,
    features: Path | None = None,
) -> Batch:
    """With a release of the registry, and the features that it brings or those of a fresher store.

    This is what a pipeline's step calls. Raises NotFound, Unavailable.
    """
    release = registry.find(reference, line)
    progress.stage("read")
    with tempfile.TemporaryDirectory() as folder:
        files = registry.files(release, Path(folder))
        job = Job(features or files / FEATURES, release.id, out, k)
        return predict_all(load_ranker(files), job, progress)


@dataclass(frozen=True, slots=True)
class Histories:
    """People by ascending id, and what each has rated: rows `begin[n]` to `begin[n + 1]` of the other columns."""

    users: NDArray[np.int64]
    begin: NDArray[np.int64]
    films: NDArray[np.int64]
    stars: NDArray[np.float32]


def read_histories(path: Path) -> Histories:
    """Of everybody in an online store. Raises NotFound."""
    import numpy as np

    if not path.is_file():
        raise NotFound(
            f"there are no features at {path}; train first: groundwork train recommender --data FOLDER",
            field="features",
        )
    store = SqliteFeatures(path)
    try:
        held = {
            user: (record["seen_films"], record["seen_stars"]) for user, record in store.everybody()
        }
    finally:
        store.close()
    users = sorted(user for user, (films, _) in held.items() if films is not None)
    films = [held[user][0] for user in users]
    stars = [held[user][1] for user in users]
    lengths = [len(one) for one in films]
    return Histories(
        np.array(users, dtype=np.int64),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        np.concatenate(films) if films else np.empty(0, np.int64),
        np.concatenate(stars) if stars else np.empty(0, np.float32),
    )


def _lists(ranker: Ranker, histories: Histories, chosen: slice, job: Job) -> Mapping[str, Any]:
    import numpy as np

    users = histories.users[chosen]
    begin = histories.begin[chosen.start : chosen.start + len(users) + 1]
    rows = slice(begin[0], begin[-1])
    row = np.repeat(np.arange(len(users)), np.diff(begin))
    films, stars = histories.films[rows], histories.stars[rows]
    history = Ratings(users[row], films, stars, np.zeros(len(films), dtype=np.int64))
    scores = ranker.score_many(history, users)
    place = np.minimum(np.searchsorted(ranker.films.ids, films), len(ranker.films) - 1)
    seen = ranker.films.ids[place] == films
    scores[row[seen], place[seen]] = -np.inf
    lists = metrics.best(scores, job.k)
    filled = lists >= 0
    person, rank = np.nonzero(filled)
    return {
        "user_id": users[person],
        "rank": (rank + 1).astype(np.int32),
        "film_id": ranker.films.ids[lists[filled]],
        "score": scores[person, lists[filled]],
        "release": [job.release] * len(person),
    }


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("user_id", pa.int64()),
            ("rank", pa.int32()),
            ("film_id", pa.int64()),
            ("score", pa.float32()),
            ("release", pa.string()),
        ]
    )


def _write(path: Path, columns: Mapping[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    temporary = path.with_name(f".{path.name}.new")
    parquet.write_table(pa.table(dict(columns), schema=_schema()), temporary)
    temporary.replace(path)


def _claim(folder: Path, job: Job) -> None:
    """Make the folder of parts this job's; what another job left there goes. Raises InvalidInput where it is no folder."""
    if job.out.is_dir():
        raise InvalidInput(f"{job.out} is a folder; name a file", field="out")
    with job.features.open("rb") as file:
        features = hashlib.file_digest(file, "sha256").hexdigest()
    mark = orjson.dumps([job.release, features, job.k, job.part])
    marked = folder / "job.json"
    if marked.is_file() and marked.read_bytes() == mark:
        return
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    marked.write_bytes(mark)


def read_lists(path: Path) -> Iterator[tuple[int, list[int]]]:
    """(user, films best first) of a file that `predict_all` wrote."""
    from pyarrow import parquet

    table = parquet.read_table(path, columns=["user_id", "film_id"])
    current: int | None = None
    films: list[int] = []
    for user, film in zip(*(column.to_pylist() for column in table.columns), strict=True):
        if user != current:
            if current is not None:
                yield current, films
            current, films = user, []
        films.append(film)
    if current is not None:
        yield current, films
