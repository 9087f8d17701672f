"""Raw HTML inside Markdown: what a reader sees of it, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from groundwork.core.documents import BlockKind

TAG = re.compile(
    r"<(?P<close>/)?(?P<name>[A-Za-z][\w.:-]*)"
    r"(?P<attributes>(?:\{(?:[^{}]|\{[^{}]*\})*\}|\"[^\"]*\"|'[^']*'|[^<>{}\"']){0,4000}?)(?P<empty>/)?>"
)
_TOKEN = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>|<[!?][^>]*>|" + TAG.pattern, re.DOTALL)
_ATTRIBUTE = re.compile(
    r"""([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^}]*\}?)\}|([^\s"'>]+)))?"""
)
_HIDING_STYLE = re.compile(
    r"display['\"]?\s*:\s*['\"]?none|visibility['\"]?\s*:\s*['\"]?(?:hidden|collapse)"
    r"|font-?size['\"]?\s*:\s*['\"]?0(?![.\d]*[1-9])|font-?size['\"]?\s*:\s*['\"]?1(?:px|pt)?(?![.\d\w%])|opacity['\"]?\s*:\s*['\"]?0(?![.\d]*[1-9])",
    re.IGNORECASE,
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID = _names("area base br col embed hr img input link meta param source track wbr")
_UNSEEN = _names("script style template head title svg iframe object video audio noscript")
_BLOCK_LEVEL = _names(
    "address article aside blockquote body button center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol p pre section select summary table "
    "tbody tfoot thead tr td th ul caption option"
)
_INLINE_LEVEL = _names(
    "a abbr acronym b bdi bdo big canvas cite code data datalist del dfn em font i ins kbd label map mark math "
    "meter output picture progress q rp rt ruby s samp slot small span strike strong sub sup textarea time "
    "tt u var"
)
_KNOWN = _VOID | _UNSEEN | _BLOCK_LEVEL | _INLINE_LEVEL
_CLOSING = re.compile(r"</([A-Za-z][\w.:-]*)")
_LANGUAGE = re.compile(r"\blang(?:uage)?-([\w+#-]+)")


def attributes(source: str) -> dict[str, str]:
    """The attributes of a tag; one without a value has ""."""
    return {
        match[1].lower(): next((part for part in match.groups()[1:] if part is not None), "")
        for match in _ATTRIBUTE.finditer(source)
    }


def closed_names(source: str) -> frozenset[str]:
    """The names of the elements that are closed in `source`."""
    return frozenset(_CLOSING.findall(source)) if "</" in source else frozenset()


def is_placeholder(tag: re.Match[str], closed: frozenset[str]) -> bool:
    """Whether `<your-name>` is meant to be read: no element of HTML, nothing in it, never closed."""
    name = tag["name"]
    if name.lower() in _KNOWN or tag["close"] or tag["attributes"].strip() or tag["empty"]:
        return False
    return name not in closed


class Hidden:
    """Follows the tags of a page and knows whether readers see the text between them."""

    def __init__(self) -> None:
        self._name = ""
        self._depth = 0

    def __bool__(self) -> bool:
        return self._depth > 0

    def reset(self) -> None:
        """Nothing is hidden any more: the paragraph that held the tag has ended."""
        self._depth = 0

    def tag(self, tag: re.Match[str]) -> None:
        """One more tag."""
        name = tag["name"].lower()
        if name in _VOID or tag["empty"]:
            return
        if self._depth:
            if name == self._name:
                self._depth += -1 if tag["close"] else 1
        elif not tag["close"] and (name in _UNSEEN or self._hides(tag["attributes"])):
            self._name, self._depth = name, 1

    @staticmethod
    def _hides(source: str) -> bool:
        if not source.strip():
            return False
        found = attributes(source)
        return "hidden" in found or bool(_HIDING_STYLE.search(found.get("style", "")))


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of visible text in HTML: a block of `kind`, or a heading where `level` is above 0."""

    start: int
    end: int
    plain: str
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    anchor: str = ""
    language: str = ""


class HtmlReader:
    """Cuts raw HTML into segments.

    Markdown ends a block of HTML at a blank line, so that one element can be spread over several blocks:
    the reader keeps what is open between calls.
    """

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden
        self._table = 0
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[str] = []
        self._start: int | None = None
        self._end = 0
        self._kind = BlockKind.PARAGRAPH
        self._level = 0
        self._anchor = ""
        self._language = ""
        self._pre = False

    def read(self, source: str, start: int, end: int) -> Iterator[Segment]:
        """The segments of `source[start:end]`; offsets are into `source`.

        A segment without text that has an anchor names the heading after it.
        """
        position = start
        closed = closed_names(source[start:end])
        for match in _TOKEN.finditer(source, start, end):
            self._text(source, position, match.start())
            position = match.end()
            if match["name"] is None:
                continue
            if is_placeholder(match, closed):
                self._text(source, match.start(), match.end())
                continue
            yield from self._tag(match)
        self._text(source, position, end)
        yield from self._flush()

    def _text(self, source: str, start: int, end: int) -> None:
        text = source[start:end]
        if self._hidden or not text:
            return
        if text.strip():
            if self._start is None:
                self._start = start if self._pre else start + len(text) - len(text.lstrip())
            self._end = start + len(text.rstrip())
        self._pieces.append(text.replace("\n", " ") if self._table else text)

    def _tag(self, tag: re.Match[str]) -> Iterator[Segment]:
        was_hidden = bool(self._hidden)
        self._hidden.tag(tag)
        if was_hidden or self._hidden:
            return
        name = tag["name"].lower()
        if name == "br":
            self._pieces.append(" ")
        elif name == "table":
            yield from self._flush()
            self._table = max(0, self._table + (-1 if tag["close"] else 1))
        elif self._table:
            self._cell(name, closing=bool(tag["close"]))
        elif name in _BLOCK_LEVEL:
            yield from self._flush()
            if not tag["close"]:
                self._open(name, tag)
        elif not tag["close"]:
            self._inline(name, tag)

    def _inline(self, name: str, tag: re.Match[str]) -> None:
        found = attributes(tag["attributes"])
        if name == "a" and not self._anchor:
            self._anchor = found.get("id") or found.get("name", "")
        elif name == "code" and self._pre:
            self._set_language(found)

    def _cell(self, name: str, *, closing: bool) -> None:
        if name == "tr" and closing:
            self._pieces.append("\n")
        elif name in {"td", "th"} and closing:
            self._pieces.append(" | ")
        elif name in _BLOCK_LEVEL:
            self._pieces.append(" ")

    def _open(self, name: str, tag: re.Match[str]) -> None:
        found = attributes(tag["attributes"])
        self._anchor = found.get("id", "") if name != "pre" else ""
        if name == "li":
            self._kind = BlockKind.LIST_ITEM
        elif name == "pre":
            self._kind, self._pre = BlockKind.CODE, True
            self._set_language(found)
        elif len(name) == 2 and name[0] == "h" and name[1].isdigit():
            self._level = int(name[1])

    def _set_language(self, found: dict[str, str]) -> None:
        match = _LANGUAGE.search(found.get("class", found.get("classname", "")))
        self._language = match[1] if match else self._language

    def _flush(self) -> Iterator[Segment]:
        start, kind = self._start, self._kind
        if self._table:
            kind = BlockKind.TABLE
        plain = self._plain(kind)
        if start is not None and plain:
            yield Segment(start, self._end, plain, kind, self._level, self._anchor, self._language)
        elif self._anchor:
            yield Segment(0, 0, "", anchor=self._anchor)
        self._begin()

    def _plain(self, kind: BlockKind) -> str:
        text = unescape("".join(self._pieces))
        if kind is BlockKind.CODE:
            return text.strip("\n").rstrip()
        lines = (" ".join(line.split()).strip("| ") for line in text.split("\n"))
        if kind is BlockKind.TABLE:
            return "\n".join(line for line in lines if line)
        joined = " ".join(line for line in lines if line)
        return f"- {joined}" if kind is BlockKind.LIST_ITEM and joined else joined
