"""What has to happen when a recommender goes live: it loads, and people's features are those of the data it was made of."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.recommender.features.live import offline_folder, online_path
from groundwork.classic.recommender.features.store import FeatureStore
from groundwork.classic.recommender.release import check_features, load
from groundwork.core.progress import NoProgress, Progress

if TYPE_CHECKING:
    from groundwork.core.registry.base import Registered, Registry
    from groundwork.core.settings import Settings

_log = logging.getLogger("groundwork.recommender")


class FeatureCarrier:
    """A `promotion.Carrier` for recommenders."""

    def __init__(
        self, registry: Registry, settings: Settings, progress: Progress | None = None
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._progress = progress or NoProgress()

    def check(self, release: Registered) -> None:
        """Load it as a service would. Raises ConfigurationError or NotFound."""
        check_features(release)
        with tempfile.TemporaryDirectory() as folder:
            load(self._registry.files(release, Path(folder)))

    def carry(self, release: Registered) -> None:
        """Write the online store of the release's data, where its offline tables are here.

        Where they are not, as on a machine that never trained it or after a rollback to long ago, the store stays as it
        is: what people have rated is a fact, and any release can be asked with it.
        """
        folder = offline_folder(self._settings, str(release.content["data"]["ratings"]))
        store = FeatureStore(folder)
        if not store.written():
            _log.info("no features of the data of %s are here; the online store stays", release.id)
            return
        self._progress.stage("materialise features")
        try:
            store.materialise(store.last_at(), online_path(self._settings))
        finally:
            store.close()
