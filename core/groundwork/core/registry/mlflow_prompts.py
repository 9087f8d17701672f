"""Prompts of releases in MLflow's prompt registry: each text once, and an alias for each line whose champion uses it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from groundwork.core.registry.base import CHAMPION, Line

_FILE = re.compile(r"(?P<name>[a-z][a-z0-9_-]*)\.(?P<version>[1-9][0-9]*)\.yaml")
_PREFIX = "groundwork-prompt-"
_DIGEST = "digest."


class Prompts:
    """A prompt's file is `NAME.VERSION.yaml`; its versions in MLflow count texts, whatever their files call them."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def register(self, files: Mapping[str, bytes], release: str) -> dict[str, dict[str, Any]]:
        """Those among a release's files; by `name@version`, where MLflow has them."""
        found = {}
        for name, content in files.items():
            parts = _FILE.fullmatch(name)
            if parts is not None:
                kept = _PREFIX + parts["name"]
                number = self._version(kept, content.decode(), f"{name} of {release}")
                said = f"{parts['name']}@{parts['version']}"
                found[said] = {"prompt": kept, "version": number}
        return found

    def point(self, prompts: Mapping[str, Mapping[str, Any]], line: Line) -> None:
        """The line's champion uses these from now on."""
        alias = f"{CHAMPION}-{line.kind}-{re.sub('[^a-z0-9-]', '-', line.name)}"
        for each in prompts.values():
            self._client.set_prompt_alias(each["prompt"], alias, each["version"])

    def _version(self, name: str, text: str, why: str) -> int:
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        known = self._client.get_prompt(name)
        if known is not None and (number := known.tags.get(_DIGEST + digest)):
            return int(number)
        made = self._client.register_prompt(name, text, commit_message=why)
        self._client.set_prompt_tag(name, _DIGEST + digest, str(made.version))
        return int(made.version)
