"""All prompts there are: the bundled ones, and those of a folder of one's own, which come first."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from groundwork.core.errors import ConfigurationError
from groundwork.core.settings import Settings
from groundwork.serving.prompts.file import Prompt, read_prompt

_BUNDLED = Path(__file__).parent
_REFERENCE = re.compile(r"(?P<name>[a-z][a-z0-9_-]*)(?:@(?P<version>[1-9][0-9]*))?")


class PromptLibrary:
    """Prompts by name and version. A folder's file wins over a bundled one of the same name and version."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @cached_property
    def _prompts(self) -> dict[tuple[str, int], Prompt]:
        found = _read_folder(_BUNDLED)
        if self._folder is not None:
            if not self._folder.is_dir():
                raise ConfigurationError(
                    f"no folder {self._folder}; make it or unset the setting",
                    field="generator.prompts",
                )
            found.update(_read_folder(self._folder))
        return found

    def all(self) -> list[Prompt]:
        """By name, then version. Raises ConfigurationError where a file is wrong."""
        return [self._prompts[key] for key in sorted(self._prompts)]

    def get(self, reference: str) -> Prompt:
        """`name` is its newest version, `name@2` that version. Raises ConfigurationError."""
        parts = _REFERENCE.fullmatch(reference)
        if parts is None:
            raise ConfigurationError(
                f"{reference!r} names no prompt; write NAME or NAME@VERSION",
                field="generator.prompt",
            )
        versions = sorted(version for name, version in self._prompts if name == parts["name"])
        wanted = int(parts["version"]) if parts["version"] else max(versions, default=0)
        if wanted not in versions:
            known = ", ".join(prompt.id for prompt in self.all())
            raise ConfigurationError(
                f"no prompt {reference}; there are {known}", field="generator.prompt"
            )
        return self._prompts[parts["name"], wanted]


def prompts_in_force(settings: Settings, *, with_engine: bool) -> tuple[Prompt, ...]:
    """What a language model is asked with: none without an engine. Raises ConfigurationError."""
    if not with_engine:
        return ()
    library = PromptLibrary(settings.generator.prompts)
    names = [settings.generator.prompt]
    if settings.conversation.rewrite in {"auto", "model"}:
        names.append("rewrite")
    return tuple(library.get(name) for name in names)


def _read_folder(folder: Path) -> dict[tuple[str, int], Prompt]:
    prompts = [read_prompt(path) for path in sorted(folder.glob("*.yaml"))]
    return {(prompt.name, prompt.version): prompt for prompt in prompts}
