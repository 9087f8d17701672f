"""What the assistant's line of releases hears of an ingest."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from groundwork.core.errors import GroundworkError
from groundwork.core.settings import Settings

if TYPE_CHECKING:
    from groundwork.core.registry.base import Registered, Registry
    from groundwork.serving.services import Services

_log = logging.getLogger("groundwork.pipelines")


@contextmanager
def registry_and_services(settings: Settings) -> Iterator[tuple[Registry, Services]]:
    """Both opened, and closed afterwards. Raises Unavailable where the registry does not answer."""
    from groundwork.core.registry.open import open_registry
    from groundwork.serving.services import build_services

    services = build_services(settings)
    try:
        registry = open_registry(settings)
        try:
            yield registry, services
        finally:
            registry.close()
    finally:
        services.close()


def release_of(settings: Settings, index: str, version: str) -> str | None:
    """Make a release of a version that is live now, and promote it; its id, or None where releases are not written down.

    A registry that does not answer undoes nothing: the version is live, and the next change writes its release.
    """
    from groundwork.core.registry.promotion import Reason
    from groundwork.serving.releases.publish import publish

    chosen = settings.registry
    if not chosen.register_live and chosen.serve != "champion":
        return None
    try:
        with registry_and_services(settings) as (registry, services):
            if services.parts is None:
                raise AssertionError("built services have parts")
            reason = Reason(actor(), "pipeline ingest")
            parts, assistant = services.parts, services.assistant
            return publish(registry, settings, parts, assistant, index, version, reason).id
    except GroundworkError as error:
        _log.warning(
            "no release was made of %s@%s: %s; again with: groundwork index promote %s --index %s",
            index, version, error.detail, version, index,
        )  # fmt: skip
        return None


def candidate_of(settings: Settings, index: str, version: str) -> Registered:
    """Register the release that a version would make, without promoting it."""
    from groundwork.serving.releases.publish import next_release

    with registry_and_services(settings) as (registry, services):
        if services.parts is None:
            raise AssertionError("built services have parts")
        return registry.register(
            next_release(registry, settings, services.parts, services.assistant, index, version)
        )


def actor() -> str:
    """Who moves releases: the user of the system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "pipeline"
