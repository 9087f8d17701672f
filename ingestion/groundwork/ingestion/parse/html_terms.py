"""Lists of terms: API references, settings, glossaries. A term with an id is a section of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from groundwork.ingestion.parse.html_outline import Outline
from groundwork.ingestion.parse.html_text import raw_text

_NAME_CHARACTERS = 80
# What comes behind a name in a signature: parameters, a type, a default.
_BEHIND_NAME = re.compile(r"\s*(?:[(\[{=]|:\s).*", re.DOTALL)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


@dataclass(slots=True)
class _Terms:
    term_is_open: bool = False
    behind_term: bool = False


class TermLists:
    """Tracks the `dl` elements that are open, and opens and ends their terms' sections."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._lists: list[_Terms] = []

    def __bool__(self) -> bool:
        return bool(self._lists)

    def open_list(self) -> None:
        """A `dl` begins."""
        self._outline.open_scope()
        self._lists.append(_Terms())

    def close_list(self) -> None:
        """It ends, and with it its last term."""
        self._end_term()
        self._lists.pop()
        self._outline.close_scope()

    def term(self, name: str, anchor: str) -> None:
        """A `dt` with an id. Those in a row share the section that the first one opened."""
        innermost = self._lists[-1]
        if not innermost.behind_term or not innermost.term_is_open:
            self._outline.term(name, anchor)
        innermost.term_is_open = innermost.behind_term = True

    def plain_term(self) -> None:
        """A `dt` without an id."""
        if self._lists and not self._lists[-1].behind_term:
            self._end_term()

    def definition(self) -> None:
        """A `dd` begins."""
        if self._lists:
            self._lists[-1].behind_term = False

    def _end_term(self) -> None:
        innermost = self._lists[-1]
        if innermost.term_is_open:
            self._outline.end_term()
        innermost.term_is_open = False


def term_name(element: etree._Element, text: str, anchor: str) -> str:
    """The short name of a term: `json.dumps` of "json.dumps(obj, *, skipkeys=False)".

    The id where it is the name with its module and class in front; else what Sphinx marks as the name;
    else the text up to the parameters.
    """
    marked = _marked_name(element)
    bare = marked.rpartition(".")[2] or _BEHIND_NAME.sub("", text).rpartition(" ")[2]
    # Sphinx's C domain puts "c." in front of its ids, rustdoc the kind of the item.
    kind, _, rest = anchor.partition(".")
    if kind in {"c", "cpp"} and marked:
        return marked
    if kind in {
        "method",
        "tymethod",
        "structfield",
        "variant",
        "associatedtype",
        "associatedconstant",
    }:
        return rest or text
    if bare and _DOTTED.fullmatch(anchor) and anchor.endswith(f".{bare}"):
        return anchor
    name = marked or _BEHIND_NAME.sub("", text) or text
    if len(name) <= _NAME_CHARACTERS:
        return name
    return name[:_NAME_CHARACTERS].rpartition(" ")[0] or name[:_NAME_CHARACTERS]


def _marked_name(element: etree._Element) -> str:
    """The name that Sphinx marks in a signature, if it marks just one."""
    prefix = ""
    names: list[str] = []
    for part in element.iter("span", "code"):
        classes = part.get("class", "")
        if "descclassname" in classes and not names:
            prefix = raw_text(part).strip()
        elif "descname" in classes:
            names.append(raw_text(part).strip())
    return prefix + names[0] if len(names) == 1 else ""
