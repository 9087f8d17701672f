"""A service and the registry: what answers follows the champions, what answers as configured is written down, trials are watched.

One thread does all of it; requests never wait for the registry.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from groundwork.core.errors import GroundworkError
from groundwork.core.metering.observations import LedgerObservations
from groundwork.core.registry.base import ASSISTANT, Line, Registry
from groundwork.core.registry.canary import CanaryWatch
from groundwork.core.registry.follow_metrics import FollowMetrics
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.leftovers import Leftovers
from groundwork.core.registry.open import mark_of, open_registry
from groundwork.core.registry.promotion import Carrier, NoCarrier, Reason
from groundwork.core.settings import Settings
from groundwork.retrieval.index.base import LIVE
from groundwork.serving.parts import Parts
from groundwork.serving.releases.carrier import IndexCarrier
from groundwork.serving.releases.load import AssistantLoader, Loaded
from groundwork.serving.releases.publish import is_managed, publish
from groundwork.serving.releases.recipe import line_of
from groundwork.serving.services import Services

_log = logging.getLogger("groundwork.releases")
ACTOR = "service"


class Following:
    """Made by `following`; `start` begins, `close` ends. Tests call `look` instead of starting the thread."""

    def __init__(
        self,
        settings: Settings,
        services: Services,
        parts: Parts,
        open_registry: Callable[[], Registry],
    ) -> None:
        self._settings = settings
        self._services = services
        self._parts = parts
        self._loader = AssistantLoader(settings, parts, services.assistant.guard)
        # Index versions that were registered: two services with different settings would take turns otherwise.
        self._seen: dict[str, str] = {}
        self.observations = LedgerObservations(settings.ledger_url)
        self._watch = CanaryWatch(
            self.observations,
            promote_passed=settings.canary.promote_after_canary,
            carrier_of=self._carrier,
            look_seconds=settings.canary.look_seconds,
        )
        self.followers = Followers(
            open_registry,
            settings.home / "releases",
            settings.registry.follow_seconds,
            add=self.observations.add,
            beside=self._beside,
            mark=mark_of(settings),
        )
        self._leftovers = leftovers_of(settings)
        self._looked = _is_new(settings)

    def start(self) -> None:
        """Begin to follow. Where only the champion may answer, its indexes wait for it from now on."""
        self._services.metrics.registry.register(FollowMetrics(self.followers))
        if self._settings.registry.serve == "champion":
            for index in self._parts.index_store.names():
                self._follow(index)
        self.followers.start()

    def look(self) -> None:
        """One round. Not beside the thread."""
        self.followers.look()

    @property
    def state(self) -> tuple[bool, str]:
        """Whether it is known what has to answer, and a sentence about it."""
        error = self.followers.error
        behind = [each for each in self.followers.status() if each.wanted != each.champion]
        if behind and self._settings.registry.serve == "champion":
            return False, f"the champion of {behind[0].line} is not loaded"
        if error:
            return True, f"the registry does not answer, what is loaded serves on: {error}"
        return self._looked, "follows the registry" if self._looked else "asking the registry"

    def close(self) -> None:
        """Stop following; what is leased closes with its last lease."""
        self.followers.close()
        self.observations.close()

    def _beside(self, registry: Registry, followers: Followers) -> None:
        store = self._parts.index_store
        for index in store.names():
            version = store.alias(index, LIVE)
            if version is None:
                continue
            if is_managed(registry, self._settings, index):
                self._follow(index)
                continue
            self._services.assistants.unfollow(index)
            if self._settings.registry.register_live and self._seen.get(index) != version:
                self._register(registry, index, version)
        self._looked = True
        self._watch.beside(registry, followers)
        self._leftovers.beside(registry, followers)

    def _follow(self, index: str) -> None:
        configured = Loaded(self._services.assistant, None)
        strict = self._settings.registry.serve == "champion"
        follower = self.followers.follow(
            line_of(index), self._loader, None if strict else configured
        )
        self._services.assistants.follow(index, follower)

    def _register(self, registry: Registry, index: str, version: str) -> None:
        reason = Reason(ACTOR, "answers as configured")
        assistant = self._services.assistant
        try:
            release = publish(
                registry, self._settings, self._parts, assistant, index, version, reason
            )
        except GroundworkError as error:
            _log.warning("what answers from %s was not registered: %s", index, error.detail)
            return
        self._seen[index] = version
        _log.info("%s answers as release %s", index, release.id)

    def _carrier(self, line: Line) -> Carrier:
        if line.kind == ASSISTANT:
            return IndexCarrier(self._parts.index_store)
        return NoCarrier()


def leftovers_of(settings: Settings) -> Leftovers:
    """Where a home keeps files of releases, and what trainings had."""
    home = settings.home
    return Leftovers(
        releases=(
            home / "releases",
            home / "pipelines" / "work" / "champion",
            home / "ocr" / "checked",
            home / "recommender" / "checked",
        ),
        work=(home / "pipelines" / "work" / "data", home / "ocr" / "training"),
    )


def _is_new(settings: Settings) -> bool:
    """Whether the registry cannot know anything yet: then nobody waits for it."""
    url = settings.registry.url
    return url is None and not (settings.home / "mlflow" / "mlflow.db").exists()


def following(settings: Settings, services: Services) -> Following | None:
    """For services with real parts; None for those that are made of fakes, and where the registry has no say."""
    idle = settings.registry.serve == "settings" and not settings.registry.register_live
    if services.parts is None or idle:
        return None
    return Following(settings, services, services.parts, partial(open_registry, settings))


def followers_of(settings: Settings, follows: Following | None) -> Followers:
    """Those of the service; where the registry has no say, some that look at nothing: what ships answers."""
    if follows is not None:
        return follows.followers
    return Followers(
        partial(open_registry, settings),
        settings.home / "releases",
        settings.registry.follow_seconds,
    )
