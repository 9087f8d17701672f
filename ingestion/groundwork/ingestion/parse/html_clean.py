"""Takes out of a page's tree what is not its own text, before the text is read."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from groundwork.ingestion.parse.html_anchors import Anchors, heading_of
from groundwork.ingestion.parse.html_classes import (
    NOISE_CLASSES,
    NOISE_IDS,
    NOISE_ROLES,
    PERMALINK_TEXTS,
    SUSPECT_CLASS,
    Role,
    role_of,
)
from groundwork.ingestion.parse.html_hidden import hidden_elements
from groundwork.ingestion.parse.html_text import raw_text
from groundwork.ingestion.parse.html_tree import drop, with_attribute

_LINKS = 0.6  # share of a suspect's text that is linked, from which on it is navigation
# What holds more than this share of the text is the text, whatever it is called.
_MAX_SHARE = 0.6
_LITTLE = 200  # characters, of which a share says nothing
_SMALL = frozenset({"a", "span", "button", "i", "small", "sup"})
_HEADED = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dt"})
_SOURCE_LINKS = frozenset({"src", "src rightside", "srclink rightside"})  # rustdoc's
_ALWAYS = frozenset({"nav", "dialog", "footer", "form", "aside", "header"})
_CHECKED = _ALWAYS | {"a"}
_HEADING_INSIDE = etree.XPath("boolean(descendant::*[self::h1 or self::h2])")
_BLANK = str.maketrans("", "", "\u200b\u200c\u200d\u2060\ufeff\u00a0")


def drop_hidden(root: etree._Element, anchors: Anchors) -> str:
    """Remove what nobody sees from under `root`; its text, an element a line."""
    found = []
    for element in list(hidden_elements(root)):
        found.append(" ".join(raw_text(element).split()))
        _drop(element, anchors)
    return "\n".join(filter(None, found))


def clean(root: etree._Element, anchors: Anchors) -> None:
    """Remove navigation and what themes add from under `root`."""
    text = _Text(root)
    for element, verdict in list(_suspects(root)):
        if _is_noise(element, verdict, text):
            _drop(element, anchors)
    for element in with_attribute(root, "role"):
        if element.get("role") in NOISE_ROLES and not text.is_mostly_in(element):
            _drop(element, anchors)
    for name in NOISE_IDS.intersection(anchors.first):
        element = anchors.first[name]
        if root in element.iterancestors() and not text.is_mostly_in(element):
            _drop(element, anchors)


class _Text:
    """How much text the content had before anything was taken out, measured when first asked for."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._length: int | None = None

    def is_mostly_in(self, element: etree._Element) -> bool:
        """Whether most of the content's unlinked text is in this element."""
        if self._length is None:
            self._length = own_text(self._root)
        return self._length > _LITTLE and own_text(element) > _MAX_SHARE * self._length


def _suspects(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The few elements that need a look, with what their class says."""
    verdicts: dict[str | None, str] = {None: ""}
    for element in root.iterdescendants(etree.Element):
        name = element.get("class")
        verdict = verdicts.get(name)
        if verdict is None:
            verdict = verdicts[name] = _class_verdict(name.lower() if name else "")
        if verdict or element.tag in _CHECKED:
            yield element, verdict


def _class_verdict(name: str) -> str:
    if not NOISE_CLASSES.isdisjoint(name.split()):
        return "noise"
    return "suspect" if SUSPECT_CLASS.search(name) else ""


def _is_noise(element: etree._Element, verdict: str, text: _Text) -> bool:
    tag = element.tag
    if tag == "a":
        is_source = element.get("class") in _SOURCE_LINKS
        return verdict == "noise" or is_source or _is_permalink(element)
    if verdict == "noise":
        return tag in _SMALL or not text.is_mostly_in(element)
    if tag in _ALWAYS:
        return _is_noise_by_tag(element, text)
    return verdict == "suspect" and tag not in _HEADED and link_share(element) > _LINKS


def _is_noise_by_tag(element: etree._Element, text: _Text) -> bool:
    tag = element.tag
    if tag == "footer":
        parent = element.getparent()
        return parent is None or parent.tag not in {"blockquote", "figure"}
    if tag == "header":
        return not _HEADING_INSIDE(element) and link_share(element) > _LINKS
    if tag == "aside":
        return role_of(element) is not Role.BOX and link_share(element) > _LINKS
    if tag == "form":
        return not text.is_mostly_in(element)
    return True


def _is_permalink(element: etree._Element) -> bool:
    href = element.get("href", "")
    if not href.startswith("#") or len(href) < 2:
        return False
    text = raw_text(element)
    if len(text) > 12:  # more than any of PERMALINK_TEXTS with white space around it
        return False
    text = text.translate(_BLANK).strip().lower()
    if text not in PERMALINK_TEXTS:
        return False
    # Elsewhere an empty link can be the anchor of the heading behind it, and a word is a word.
    return not (text.isalpha() or not text) or heading_of(element) is not None


def _drop(element: etree._Element, anchors: Anchors) -> None:
    if element.tag in _SMALL:
        anchors.remember(element)
    drop(element)


def text_length(element: etree._Element) -> int:
    """How many characters of text an element has, white space apart."""
    return len("".join(raw_text(element).split()))


def link_length(element: etree._Element) -> int:
    """How many of them are in links."""
    links = (raw_text(link) for link in element.iter("a") if link.get("href"))
    return len("".join("".join(links).split()))


def link_share(element: etree._Element) -> float:
    """The share of an element's characters that are links, 0 to 1."""
    total = text_length(element)
    return min(link_length(element) / total, 1.0) if total else 0.0


def own_text(element: etree._Element) -> int:
    """How many characters of an element are no links."""
    return max(text_length(element) - link_length(element), 0)
