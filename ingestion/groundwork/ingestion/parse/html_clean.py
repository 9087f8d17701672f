"""Takes out of a page's tree what is not its own text, before the text is read."""

from __future__ import annotations

from lxml import etree

from groundwork.ingestion.parse.html_anchors import Anchors, heading_around
from groundwork.ingestion.parse.html_classes import (
    ADMONITION_CLASS,
    NOISE_CLASSES,
    NOISE_IDS,
    NOISE_ROLES,
    PERMALINK_TEXTS,
    SUSPECT_CLASS,
)
from groundwork.ingestion.parse.html_hidden import hidden_elements
from groundwork.ingestion.parse.html_text import raw_text
from groundwork.ingestion.parse.html_tree import drop

_LINKS = 0.6  # share of a suspect's text that is linked, from which on it is navigation
# What holds more than this share of the text is the text, whatever it is called.
_MAX_SHARE = 0.6
_SMALL = frozenset({"a", "span", "button", "i", "small", "sup"})
_HEADED = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dt"})
_ALWAYS = frozenset({"nav", "dialog", "footer", "form", "aside", "header"})
_TEXT_LENGTH = etree.XPath("string-length(normalize-space(.))")
_HEADING_INSIDE = etree.XPath("boolean(descendant::*[self::h1 or self::h2])")
_ROLES = etree.XPath("descendant::*[@role]")
_BLANK = str.maketrans("", "", "\u200b\u200c\u200d\u2060\ufeff\u00a0")


def clean(root: etree._Element, anchors: Anchors) -> None:
    """Remove hidden text, navigation and what themes add from under `root`."""
    for element in list(hidden_elements(root)):
        _drop(element, anchors)
    total = own_text(root)
    verdicts: dict[str, str] = {}
    for element in list(root.iterdescendants(etree.Element)):
        name = element.get("class")
        verdict = ""
        if name:
            if name not in verdicts:
                verdicts[name] = _class_verdict(name.lower())
            verdict = verdicts[name]
        if _is_noise(element, verdict, total):
            _drop(element, anchors)
    for element in _ROLES(root):
        if element.get("role") in NOISE_ROLES and not _is_the_text(element, total):
            _drop(element, anchors)


def _class_verdict(name: str) -> str:
    if not NOISE_CLASSES.isdisjoint(name.split()):
        return "noise"
    return "suspect" if SUSPECT_CLASS.search(name) else ""


def _is_noise(element: etree._Element, verdict: str, total: float) -> bool:
    tag = element.tag
    if tag == "a":
        return verdict == "noise" or _is_permalink(element)
    if verdict == "noise" or (element.get("id") or "").lower() in NOISE_IDS:
        return tag in _SMALL or not _is_the_text(element, total)
    if tag in _ALWAYS:
        return _is_noise_by_tag(element, total)
    return verdict == "suspect" and tag not in _HEADED and link_share(element) > _LINKS


def _is_noise_by_tag(element: etree._Element, total: float) -> bool:
    tag = element.tag
    if tag == "footer":
        parent = element.getparent()
        return parent is None or parent.tag not in {"blockquote", "figure"}
    if tag == "header":
        return not _HEADING_INSIDE(element) and link_share(element) > _LINKS
    if tag == "aside":
        return not ADMONITION_CLASS.search(element.get("class", "").lower()) and (
            link_share(element) > _LINKS
        )
    if tag == "form":
        return not _is_the_text(element, total)
    return True


def _is_permalink(element: etree._Element) -> bool:
    href = element.get("href", "")
    if not href.startswith("#") or len(href) < 2:
        return False
    text = raw_text(element)
    if len(text) > 12:
        return False
    text = text.translate(_BLANK).strip().lower()
    if text not in PERMALINK_TEXTS:
        return False
    # Elsewhere an empty link can be the anchor of the heading behind it, and a word is a word.
    return not (text.isalpha() or not text) or heading_around(element) is not None


def _drop(element: etree._Element, anchors: Anchors) -> None:
    if element.tag in _SMALL:
        anchors.remember(element)
    drop(element)


def text_length(element: etree._Element) -> float:
    """How many characters of text an element has, runs of white space counted as one."""
    return float(_TEXT_LENGTH(element))


def link_share(element: etree._Element) -> float:
    """The share of an element's characters that are links, 0 to 1."""
    total = text_length(element)
    if not total:
        return 0.0
    linked = sum(text_length(link) for link in element.iter("a") if link.get("href"))
    return min(linked / total, 1.0)


def own_text(element: etree._Element) -> float:
    """How many characters of an element are no links."""
    return text_length(element) * (1.0 - link_share(element))


def _is_the_text(element: etree._Element, total: float) -> bool:
    """Whether most of the page's unlinked text is in this element."""
    return total > 200 and own_text(element) > _MAX_SHARE * total
