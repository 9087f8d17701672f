"""Making a release of what is live, by itself: after an ingest, after a change of settings, after a rollback of an index.

A line of releases is managed in one of two ways. As long as nobody promoted a release by hand, what the settings say and the
index's live version answer, and the champion is written down afterwards. From the first promotion, rollback or canary on, the
champion decides what answers, and a new index version becomes a release of the champion's settings. See
docs/releases.md.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from groundwork.core.registry.base import CHAMPION, Candidate, Lineage, Registered, Registry
from groundwork.core.registry.managed import MANAGED
from groundwork.core.registry.promotion import Reason, promote
from groundwork.core.registry.revision import code_revision
from groundwork.core.registry.trial import TRIAL
from groundwork.core.settings import Settings
from groundwork.serving.assistant import Assistant
from groundwork.serving.parts import Parts
from groundwork.serving.releases.carrier import IndexCarrier
from groundwork.serving.releases.recipe import candidate_of, line_of, settings_of


def is_managed(registry: Registry, settings: Settings, index: str) -> bool:
    """Whether the champion of this index decides, rather than the settings."""
    serve = settings.registry.serve
    if serve != "auto":
        return serve == "champion"
    # While something is tried, its champion has to be what it is compared with.
    return not registry.tags(line_of(index)).keys().isdisjoint({MANAGED, TRIAL})


def publish(
    registry: Registry,
    settings: Settings,
    parts: Parts,
    assistant: Assistant,
    index: str,
    version: str,
    reason: Reason,
) -> Registered:
    """Register what answers with this version of the index, and make it the champion. Doing it twice changes nothing.

    `assistant` is the one that the settings make.
    """
    candidate = next_release(registry, settings, parts, assistant, index, version)
    release = registry.register(candidate)
    return promote(registry, release, reason, IndexCarrier(parts.index_store))


def next_release(
    registry: Registry,
    settings: Settings,
    parts: Parts,
    assistant: Assistant,
    index: str,
    version: str,
) -> Candidate:
    """The release that this version of the index makes: of the champion's settings where it decides, else of ours."""
    champion = registry.aliases(line_of(index)).get(CHAMPION)
    lineage = Lineage(code=code_revision(), parents=(champion,) if champion else ())
    if champion is None or not is_managed(registry, settings, index):
        return candidate_of(assistant, index, version, settings, lineage)
    with tempfile.TemporaryDirectory() as temporary:
        release = registry.find(champion, line_of(index))
        folder = registry.files(release, Path(temporary))
        theirs = settings_of(folder, settings)
        candidate = candidate_of(parts.assemble(theirs), index, version, theirs, lineage)
        # The files are gone with the folder.
        files = {
            name: content if isinstance(content, bytes) else content.read_bytes()
            for name, content in candidate.files.items()
        }
        return replace(candidate, files=files)
