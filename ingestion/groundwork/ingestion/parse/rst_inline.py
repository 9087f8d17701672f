"""Inline reStructuredText to what a reader reads."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MAX = 2000  # characters that one inline construct may span: keeps hostile pages linear
_PATTERN = re.compile(
    rf"""
    (?<![\\`])``(?P<literal>(?:[^`]|`(?!`)){{1,{_MAX}}}?)``(?!`)
  | (?::(?P<role>[\w:.+-]+):)?(?<!\\)(?<!\w)(?P<target>_)?
      `(?P<text>(?:\\.|[^`\\]){{1,{_MAX}}})`(?::(?P<suffix>[\w:.+-]+):|__?(?!\w))?
  | (?<![\w*\\])\*\*(?=[^\s*])(?P<strong>.{{1,{_MAX}}}?)(?<=[^\s\\])\*\*(?![\w*])
  | (?<![\w*\\])\*(?=[^\s*])(?P<emphasis>[^*]{{1,{_MAX}}}?)(?<=[^\s\\])\*(?![\w*])
  | (?<![\w|\\])\|(?=\S)(?P<substitution>[^|\n]{{1,200}}?)(?<=\S)\|_{{0,2}}(?!\w)
  | [ \t]?\[(?P<footnote>\d+|\#[\w-]*|\*)\]_(?!\w)
  | \[(?P<citation>[A-Za-z][\w.-]*)\]_(?!\w)
  | (?<![\w`.:/-])(?P<reference>[A-Za-z0-9](?:[\w.+:-]{{0,200}}?[A-Za-z0-9])?)__?(?![\w/.])
  | \\(?P<escaped>\s|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_EMBEDDED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
_SPECIAL = re.compile(r"[`*|\\_\n]")
_LINE_BREAK = re.compile(r"[ \t]*\n[ \t]*")
# Roles whose text is for the machine.
_SILENT_ROLES = frozenset({"raw-html", "raw", "cite:label"})


class Inline:
    """Renders inline markup of one page, whose substitutions and link targets are known."""

    def __init__(self, substitutions: Mapping[str, str], targets: frozenset[str]) -> None:
        self._substitutions = substitutions
        self._targets = targets

    def plain(self, source: str) -> str:
        """The text of a paragraph, cell or title, on one line."""
        if not _SPECIAL.search(source):
            return source.strip()
        return _LINE_BREAK.sub(" ", _PATTERN.sub(self._shown, source)).strip()

    def _shown(self, match: re.Match[str]) -> str:
        kind = match.lastgroup
        if match["text"] is not None:
            return self._interpreted(match)
        if kind in {"literal", "strong", "emphasis"}:
            return match[kind]
        if kind == "substitution":
            return self._substitutions.get(match["substitution"].lower(), match[0])
        if kind == "reference":
            return match[kind] if match[kind].lower() in self._targets else match[0]
        if kind == "citation":
            return f"[{match['citation']}]"
        escaped = match["escaped"]
        return "" if escaped is None or escaped.isspace() else escaped

    def _interpreted(self, match: re.Match[str]) -> str:
        text = re.sub(r"\\(.)", r"\1", match["text"], flags=re.DOTALL)
        role = match["role"] or match["suffix"]
        if role in _SILENT_ROLES:
            return ""
        embedded = _EMBEDDED.match(text)
        is_link = match[0].endswith("_") or role is not None
        if is_link and embedded:
            return embedded[1] or embedded[2].removesuffix("_")
        if role is None:
            return text
        if text.startswith("~"):
            return text[1:].rpartition(".")[2]
        return text.removeprefix("!")
