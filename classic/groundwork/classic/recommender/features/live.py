"""Where features are: offline ones by the data that they were made of, and the online store that services read.

Offline tables and the online store of a set are made while training, beside everything that serves. The online store is put
where services read it when a release made of that data goes live, so that ratings which a gate refused never reach a service,
and so that going live needs no Feast.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.recommender.features.store import ONLINE, FeatureStore

if TYPE_CHECKING:
    from groundwork.classic.recommender.ratings import Films, Ratings
    from groundwork.core.settings import Settings

_KEEP = 3


def online_path(settings: Settings) -> Path:
    """The file that services read."""
    return settings.recommender.features or settings.home / "recommender" / ONLINE


def offline_folder(settings: Settings, data: str) -> Path:
    """The features of a set of ratings, by its digest."""
    return settings.home / "recommender" / "features" / data[:16]


def prepared(settings: Settings, data: str) -> Path:
    """The online store of a set of ratings, ready to go live."""
    return offline_folder(settings, data) / "ready.db"


def go_live(settings: Settings, data: str) -> bool:
    """Put the online store of a set where services read it, at once and as a whole; False where it is not here."""
    ready, target = prepared(settings, data), online_path(settings)
    if not ready.is_file():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.new")
    shutil.copyfile(ready, temporary)
    temporary.replace(target)
    return True


def prepare(settings: Settings, ratings: Ratings, films: Films) -> None:
    """Make the offline tables and the online store of a set where they are not there yet."""
    store = write_offline(settings, ratings, films)
    ready = prepared(settings, ratings.digest)
    if not ready.is_file():
        try:
            store.materialise(store.last_at(), ready)
        finally:
            store.close()


def write_offline(settings: Settings, ratings: Ratings, films: Films) -> FeatureStore:
    """Make the offline tables where they are not there yet; of others the latest two are kept."""
    folder = offline_folder(settings, ratings.digest)
    store = FeatureStore(folder)
    if not store.written():
        store.write(ratings, films)
    folder.touch()
    others = [path for path in folder.parent.iterdir() if path.is_dir() and path != folder]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[: -(_KEEP - 1)]:
        shutil.rmtree(path, ignore_errors=True)
    return store
