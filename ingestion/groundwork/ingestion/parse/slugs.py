"""Heading anchors, by the rule of the generator that publishes the page.

An anchor is what a citation links to, so it has to be the id that the published page really has.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Rule = Literal["github", "hugo", "docusaurus", "sphinx", "mkdocs", "jupyter"]

_NOT_GITHUB = re.compile(r"[^\w\- ]")
_NOT_MAKE_ID = re.compile(r"[^a-z0-9]+")
_MAKE_ID_ENDS = re.compile(r"^[-0-9]+|-+$")
_NOT_TOC = re.compile(r"[^\w\s-]")
_TOC_SEPARATORS = re.compile(r"[-\s]+")
_TOC_NUMBERED = re.compile(r"^(.*)_([0-9]+)$")
# Letters that NFKD leaves whole, as docutils spells them (docutils.nodes._non_id_translate).
_MAKE_ID_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ŧ": "t", "ß": "sz", "æ": "ae", "œ": "oe"}
)


def slugify(text: str, rule: Rule) -> str:
    """The id of a heading before duplicates are told apart; it can be empty.

    `text` is the heading's visible text; for Hugo it is the heading's Markdown source, from which
    goldmark makes the id (parser.generateAutoHeadingID).
    """
    return _RULES[rule](text)


def _github(text: str) -> str:
    """GitHub's and github-slugger's rule; Docusaurus uses the latter."""
    return _NOT_GITHUB.sub("", text.strip().lower()).replace(" ", "-")


def _hugo(text: str) -> str:
    """Hugo's autoHeadingIDType "github": letters, digits and _ stay, blanks and - become -."""
    kept = []
    for character in text.strip():
        if character in "- \t":
            kept.append("-")
        elif character == "_" or unicodedata.category(character)[0] == "L" or character.isdecimal():
            kept.append(character.lower())
    return "".join(kept)


def _make_id(text: str) -> str:
    """docutils.nodes.make_id."""
    lowered = text.lower().translate(_MAKE_ID_LETTERS)
    ascii_only = unicodedata.normalize("NFKD", lowered).encode("ascii", "ignore").decode("ascii")
    return _MAKE_ID_ENDS.sub("", _NOT_MAKE_ID.sub("-", " ".join(ascii_only.split())))


def _toc(text: str) -> str:
    """Python-Markdown's toc.slugify, which MkDocs uses."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return _TOC_SEPARATORS.sub("-", _NOT_TOC.sub("", ascii_only).strip().lower())


def _jupyter(text: str) -> str:
    """What nbconvert and nbsphinx give the headings of notebooks."""
    return text.strip().replace(" ", "-")


_RULES = {
    "github": _github,
    "docusaurus": _github,
    "hugo": _hugo,
    "sphinx": _make_id,
    "mkdocs": _toc,
    "jupyter": _jupyter,
}


class Slugger:
    """Gives each heading of one page its id, telling duplicates apart as the generator does."""

    def __init__(self, rule: Rule) -> None:
        self.rule: Rule = rule
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._last: dict[str, str] = {}
        self._serial = 0

    def reserve(self, anchor: str) -> str:
        """An id that the author gave."""
        self._taken.add(anchor)
        return anchor

    def is_taken(self, anchor: str) -> bool:
        """Whether the page has that id already; nothing can have the empty one."""
        return not anchor or anchor in self._taken

    def skip_serial(self) -> None:
        """Something else on the page took docutils' next automatic id (a footnote reference)."""
        self._next_serial()

    def slug(self, text: str) -> str:
        """The next heading's id."""
        base = slugify(text, self.rule)
        if self.rule == "mkdocs":
            anchor = self._numbered_toc(base)
        elif self.rule == "sphinx":
            anchor = base if base and base not in self._taken else self._next_serial()
        elif self.rule == "jupyter":
            anchor = base
        else:
            anchor = self._counted(base or ("heading" if self.rule == "hugo" else ""))
        self._taken.add(anchor)
        return anchor

    def _counted(self, base: str) -> str:
        anchor = base
        count = self._counts.get(base, 0)
        while anchor in self._taken:
            count += 1
            anchor = f"{base}-{count}"
        self._counts[base] = count
        return anchor

    def _numbered_toc(self, base: str) -> str:
        # Every number below the last one given for this base is taken: go on from there.
        anchor = self._last.get(base, base)
        while anchor in self._taken or not anchor:
            match = _TOC_NUMBERED.match(anchor)
            anchor = f"{match[1]}_{int(match[2]) + 1}" if match else f"{anchor}_1"
        self._last[base] = anchor
        return anchor

    def _next_serial(self) -> str:
        while True:
            self._serial += 1
            anchor = f"id{self._serial}"
            if anchor not in self._taken:
                self._taken.add(anchor)
                return anchor
