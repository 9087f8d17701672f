"""Front matter: the block of metadata that static-site generators read at the top of a page."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field

from groundwork.ingestion.parse.base import DocumentBuilder, scalar_metadata
from groundwork.ingestion.parse.options import ParseError

_YAML = re.compile(r"---[ \t]*\n(.*?)(?:^|\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\+\+\+[ \t]*\n(.*?)(?:^|\n)\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_SIMPLE = re.compile(r"""^([\w-]+)[ \t]*[:=][ \t]*(["']?)(.*?)\2[ \t]*$""", re.MULTILINE)
# A page may begin with a thematic break: only lines that look like keys make it front matter.
_YAML_KEY = re.compile(r"^(?:[\w.\"' -]+:(?:[ \t]|$)|#|\s*$|[-}\]]|[ \t])")
_TRUE = frozenset({"true", "yes"})
_VERSION_KEYS = ("version", "product_version")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What was found. `end` is where the page itself begins, 0 without front matter."""

    end: int = 0
    syntax: str = ""  # yaml, toml, json
    values: dict[str, object] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """A value as text, "" where it is missing or no scalar."""
        value = self.values.get(key)
        return str(value).strip() if isinstance(value, str | int | float) else ""


def read_front_matter(text: str) -> FrontMatter:
    """YAML between ---, TOML between +++, or a JSON object, at the very top of the page.

    Values that do not parse are read line by line instead: a stray colon in a description is common and
    no reason to lose the page.
    """
    if text.startswith("---"):
        match = _YAML.match(text)
        if match and all(_YAML_KEY.match(line) for line in match[1].split("\n")):
            return FrontMatter(match.end(), "yaml", _yaml(match[1]))
    elif text.startswith("+++"):
        match = _TOML.match(text)
        if match:
            return FrontMatter(match.end(), "toml", _toml(match[1]))
    elif text.startswith("{\n"):
        return _json(text)
    return FrontMatter()


def apply_front_matter(builder: DocumentBuilder, found: FrontMatter) -> None:
    """Give the page what its front matter says. Raises ParseError("draft") where it is a draft."""
    values = found.values
    draft = values.get("draft")
    if draft is True or (isinstance(draft, str) and draft.lower() in _TRUE):
        raise ParseError("draft", "The page's front matter marks it as a draft.")
    builder.metadata.update(scalar_metadata(values))
    aliases = _words(values.get("aliases"))
    if aliases:
        builder.metadata["aliases"] = " ".join(aliases)
    builder.title = found.text("title") or found.text("linkTitle")
    builder.tags = (*_words(values.get("tags")), *_words(values.get("keywords")))
    builder.product_version = next((found.text(k) for k in _VERSION_KEYS if found.text(k)), None)


def _yaml(source: str) -> dict[str, object]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        values = yaml.load(source, Loader=loader)  # noqa: S506 - both loaders are the safe ones
    except (yaml.YAMLError, ValueError, RecursionError):
        # ValueError: a date such as 2024-13-45 passes the scanner and fails in its constructor.
        return _by_lines(source)
    return {str(k): v for k, v in values.items()} if isinstance(values, dict) else {}


def _toml(source: str) -> dict[str, object]:
    try:
        return tomllib.loads(source)
    except (tomllib.TOMLDecodeError, RecursionError):
        return _by_lines(source)


def _json(text: str) -> FrontMatter:
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except (json.JSONDecodeError, RecursionError):
        return FrontMatter()
    if not isinstance(values, dict) or "title" not in values:
        return FrontMatter()
    return FrontMatter(end, "json", values)


def _by_lines(source: str) -> dict[str, object]:
    return {match[1]: match[3] for match in _SIMPLE.finditer(source) if match[3]}


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list):
        return tuple(str(part).strip() for part in value if isinstance(part, str | int | float))
    return ()
