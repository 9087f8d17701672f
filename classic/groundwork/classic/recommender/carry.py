"""What has to happen when a recommender goes live: it loads, and people's features are those of the data it was made of."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.recommender.features.live import go_live
from groundwork.classic.recommender.release import check_features, load

if TYPE_CHECKING:
    from groundwork.core.registry.base import Registered, Registry
    from groundwork.core.settings import Settings

_log = logging.getLogger("groundwork.recommender")


class FeatureCarrier:
    """A `promotion.Carrier` for recommenders. Imports no Feast, so that a service may use it."""

    def __init__(self, settings: Settings, registry: Registry | None = None) -> None:
        """Without a registry a release is only checked for its features: whoever asks has loaded it already."""
        self._settings = settings
        self._registry = registry

    def check(self, release: Registered) -> None:
        """Load it as a service would. Raises ConfigurationError or NotFound."""
        check_features(release)
        if self._registry is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            load(self._registry.files(release, Path(folder)))

    def carry(self, release: Registered) -> None:
        """Put the online store of the release's data where services read it, where it was made on this machine.

        Where it was not, as after a rollback to long ago, the store stays as it is: what people have rated is a fact, and
        any release can be asked with it.
        """
        if not go_live(self._settings, str(release.content["data"]["ratings"])):
            _log.info("no features of the data of %s are here; the online store stays", release.id)
