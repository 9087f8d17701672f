"""Features: the tables, Feast's joins in time, the online store, and the reader that does without Feast."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.classic.recommender.features import definitions
from groundwork.classic.recommender.features.compute import film_table, user_table
from groundwork.classic.recommender.features.definitions import FILM, RECENT_SECONDS, USER, View
from groundwork.classic.recommender.features.online import MemoryFeatures, SqliteFeatures
from groundwork.classic.recommender.features.records import to_bytes
from groundwork.classic.recommender.features.store import FeatureStore, Moments
from groundwork.classic.recommender.features.wire import value_of
from groundwork.classic.recommender.generate import Shape, generate
from groundwork.classic.recommender.ratings import LIKED, Films, Ratings
from groundwork.core.errors import ConfigurationError
from tests.classic.recommender.layout import encoded, write_online

RATINGS, FILMS = generate(Shape(users=60, films=150, per_user=30, seed=3))


@dataclass
class Stored:
    store: FeatureStore
    online: Path


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """Feast, with everything of the made-up ratings materialised."""
    folder = tmp_path_factory.mktemp("features")
    store = FeatureStore(folder / "feast")
    store.write(RATINGS, FILMS)
    store.materialise(int(RATINGS.at.max()), folder / "online.db")
    yield Stored(store, folder / "online.db")
    store.close()


def until(ratings: Ratings, at: int) -> Ratings:
    return ratings.take(ratings.at <= at)


def test_a_person_is_what_they_rated_until_then() -> None:
    row = user_table(RATINGS, FILMS).filter(
        [one == 5 for one in user_table(RATINGS, FILMS).column("user_id").to_pylist()]
    )
    for record in row.to_pylist():
        own = until(RATINGS.take(RATINGS.user == 5), record["user_last_at"]).in_order()
        assert record["seen_films"] == own.film.tolist()
        assert record["seen_stars"] == own.rating.tolist()
        assert record["rated"] == len(own)
        assert record["mean_stars"] == pytest.approx(own.rating.mean(), rel=1e-6)
        assert record["liked_share"] == pytest.approx((own.rating >= LIKED).mean(), rel=1e-6)
        years = FILMS.years[own.film - 1]
        assert record["mean_year"] == pytest.approx(years.mean(), rel=1e-6)
        liked = FILMS.genre_matrix[own.film[own.rating >= LIKED] - 1].sum(axis=0)
        shares = liked / max(liked.sum(), 1e-12)
        np.testing.assert_allclose(record["genre_shares"], shares, atol=1e-6)
        assert int(record["event_timestamp"].timestamp()) == int(own.at.max())


def test_a_film_is_what_was_said_of_it_until_then() -> None:
    for record in film_table(RATINGS).to_pylist()[::7]:
        own = until(RATINGS.take(RATINGS.film == record["film_id"]), record["film_last_at"])
        assert record["ratings"] == len(own)
        assert record["likes"] == int((own.rating >= LIKED).sum())
        assert record["film_mean_stars"] == pytest.approx(own.rating.mean(), rel=1e-6)
        assert record["recent_ratings"] == int((own.at > own.at.max() - RECENT_SECONDS).sum())


def test_a_long_history_keeps_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    count = definitions.LONGEST_HISTORY + 5
    films = Films(
        np.arange(1, count + 1),
        ("x",) * count,
        np.zeros(count, np.int16),
        np.zeros(count, np.uint32),
    )
    one = np.ones(count)
    ratings = Ratings(
        one.astype(np.int64), films.ids, one.astype(np.float32), 10**9 + np.arange(count)
    )
    record = user_table(ratings, films).to_pylist()[-1]
    assert record["rated"] == count
    assert record["seen_films"] == films.ids[5:].tolist()


def test_the_offline_store_loses_no_row(stored: Stored) -> None:
    """People before their first rating have no features, and are answered all the same."""
    users = np.unique(RATINGS.user)[:20]
    first = np.array([RATINGS.at[RATINGS.user == user].min() for user in users])
    last = np.array([RATINGS.at[RATINGS.user == user].max() for user in users])
    moments = Moments(np.concatenate([users, users]), np.concatenate([first - 10, last]))
    found = stored.store.at(USER, moments)
    assert len(found) == 40
    assert found[:20] == [None] * 20
    for user, record in zip(users, found[20:], strict=True):
        assert record is not None
        assert record["rated"] == int((RATINGS.user == user).sum())


def test_an_offline_store_that_loses_rows_is_found_out(tmp_path: Path) -> None:
    """Feast's own store on files does; if this begins to pass, it has been repaired."""
    store = FeatureStore(tmp_path, offline="file")
    store.write(RATINGS, FILMS)
    user = RATINGS.user[:1]
    moments = Moments(
        np.concatenate([user, user]), np.array([RATINGS.at.min() - 10, RATINGS.at.max()])
    )
    with pytest.raises(ConfigurationError, match="gave 1 rows for 2 moments; use duckdb"):
        store.at(USER, moments)
    store.close()


@pytest.mark.parametrize("view", [USER, FILM], ids=lambda view: view.name)
def test_replayed_requests_see_the_same_on_both_sides(
    tmp_path: Path, stored: Stored, view: View
) -> None:
    """At points of the past: what the online store said then is what training joins in for then, byte for byte."""
    rng = np.random.default_rng(5)
    ids = np.unique(RATINGS.user if view is USER else FILMS.ids)
    for share in (0.3, 0.8):
        at = int(np.quantile(RATINGS.at, share))
        stored.store.materialise(at, tmp_path / "then.db")
        keys = np.append(rng.choice(ids, 80), 10**9)
        offline = stored.store.at(view, Moments(keys, np.full(len(keys), at)))
        reader = SqliteFeatures(tmp_path / "then.db")
        online = [reader.read(view, int(key)) for key in keys]
        reader.close()
        assert [to_bytes(view, one) for one in online] == [to_bytes(view, one) for one in offline]
        assert 0 < sum(one is not None for one in online) < len(keys)


@pytest.mark.parametrize("view", [USER, FILM], ids=lambda view: view.name)
def test_the_reader_reads_what_feast_reads(tmp_path: Path, view: View) -> None:
    store = FeatureStore(tmp_path / "feast")
    store.write(RATINGS, FILMS)
    with pytest.MonkeyPatch.context() as patch:
        # Kept for Feast to read, too.
        patch.setattr(Path, "replace", lambda self, target: target.write_bytes(self.read_bytes()))
        store.materialise(int(RATINGS.at.max()), tmp_path / "online.db")
    keys = [1, 2, 17, 10**9]
    reader = SqliteFeatures(tmp_path / "online.db")
    ours = [reader.read(view, key) for key in keys]
    theirs = store.online(view, keys)
    assert [to_bytes(view, one) for one in ours] == [to_bytes(view, one) for one in theirs]
    assert ours[-1] is None
    store.close()
    reader.close()


def test_the_tests_own_writer_writes_what_feast_writes(tmp_path: Path, stored: Stored) -> None:
    tables = ((USER, user_table(RATINGS, FILMS)), (FILM, film_table(RATINGS)))
    write_online(tmp_path / "made.db", tables)
    for view, _ in tables:
        query = (
            f'SELECT entity_key, feature_name, value FROM "recommender_{view.name}" ORDER BY 1, 2'  # noqa: S608 -- our own names
        )
        with (
            closing(sqlite3.connect(tmp_path / "made.db")) as made,
            closing(sqlite3.connect(stored.online)) as feast,
        ):
            assert made.execute(query).fetchall() == feast.execute(query).fetchall()


def test_the_plain_store_says_the_same(stored: Stored) -> None:
    plain, reader = MemoryFeatures(user_table(RATINGS, FILMS)), SqliteFeatures(stored.online)
    for user in (*range(1, 61), 10**9):
        one, other = plain.profile(user), reader.profile(user)
        assert (one is None) == (other is None) == (user > 60)
        if one is not None and other is not None:
            assert one.films.tolist() == other.films.tolist()
            assert one.stars.tolist() == other.stars.tolist()
            assert (one.rated, one.mean_stars) == (other.rated, other.mean_stars)
            assert one.genres.tolist() == other.genres.tolist()
    reader.close()


def test_a_store_that_is_replaced_is_read_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "online.db"
    reader = SqliteFeatures(path)
    assert reader.profile(5) is None
    half = until(RATINGS, int(np.median(RATINGS.at[RATINGS.user == 5])))
    write_online(path, [(USER, user_table(half, FILMS))])
    before = reader.profile(5)
    write_online(tmp_path / "new.db", [(USER, user_table(RATINGS, FILMS))])
    (tmp_path / "new.db").replace(path)
    after = reader.profile(5)
    assert before is not None
    assert after is not None
    assert before.rated < after.rated == int((RATINGS.user == 5).sum())
    reader.close()


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.floats(width=32, allow_nan=False)))
@settings(max_examples=100, deadline=None)
def test_values_are_read_back(whole: list[int], real: list[float]) -> None:
    assert value_of(encoded("int64s", whole)).tolist() == whole
    assert value_of(encoded("float32s", real)).tolist() == real
    for one in whole:
        assert value_of(encoded("int64", one)) == one
    for number in real:
        assert value_of(encoded("float32", number)) == number


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_what_is_no_value_is_refused_or_read(raw: bytes) -> None:
    with suppress(ConfigurationError):
        value_of(raw)


def test_serving_needs_no_feast() -> None:
    """The service's modules import neither Feast nor scipy, in a process of their own."""
    code = (
        "import sys\n"
        "import numpy as np\n"
        "import groundwork.serving.recommending\n"
        "import groundwork.serving.api.recommendations\n"
        "from tests.classic.recommender.serving_child import answer\n"
        "answer()\n"
        "heavy = {'feast', 'scipy', 'pandas', 'duckdb', 'torch', 'implicit', 'mlflow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
