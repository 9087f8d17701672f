"""Where a page's own content is, whatever generated the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from groundwork.ingestion.parse.html_classes import MAIN_CLASSES, MAIN_IDS, NOISE_ROLES
from groundwork.ingestion.parse.html_clean import link_length, own_text, text_length
from groundwork.ingestion.parse.html_text import raw_text

_CONTAINERS = ("main", "article", "section", "div", "td", "ul", "body")
_TABLE_PARTS = ("table", "tbody", "tr")
# A container by a name that layouts share has to hold this much of the page's unlinked text.
_LEAST_SHARE = 0.4
# Of several containers of one rank, those with this share of the largest one's text count.
_ALSO_SHARE = 0.2
_NEARLY_ALL = 0.8
_NAVIGATION_LINKS = 0.9
_LONGEST_LINKS = 100  # characters: an index whose links are longer on average is none
_FEW_SENTENCES = 3
_STUB_CHARACTERS = 400
_SENTENCE_END = re.compile(r"[.!?:](?:\s|$)")
_INDEX_CLASSES = frozenset({"indextable", "genindextable", "modindextable", "indexdiv"})
_SURE_RANKS = 3


def main_content(root: etree._Element) -> etree._Element:
    """The element that holds the content; the body, or its densest part, where nothing marks it.

    Looked for in the whole tree: without a `body` tag, lxml leaves a `main` in the head.
    """
    ranked: dict[int, list[etree._Element]] = {}
    for element in root.iter(*_CONTAINERS):
        for rank in _ranks(element):
            ranked.setdefault(rank, []).append(element)
    whole: int | None = None
    for rank in sorted(ranked):
        found = _outermost(ranked[rank])
        best = found[0] if len(found) == 1 else _best(found)
        if rank < _SURE_RANKS and text_length(best):
            return best
        whole = own_text(root) if whole is None else whole
        if own_text(best) >= max(_LEAST_SHARE * whole, 1):
            return best
    whole = own_text(root) if whole is None else whole
    return _densest(root, whole)


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells a page that only leads elsewhere, read before the content is cleaned."""

    has_links: bool
    has_search: bool
    redirects: bool

    @classmethod
    def of(cls, root: etree._Element, content: etree._Element) -> Signs:
        """Of the page's content; a redirect is declared in the head."""
        links = (raw_text(link) for link in content.iter("a") if link.get("href"))
        return cls(
            has_links=any(text.strip() for text in links),
            has_search=any(_is_search(form) for form in content.iter("form")),
            redirects=any(
                meta.get("http-equiv", "").lower() == "refresh" for meta in root.iter("meta")
            ),
        )


def _is_search(form: etree._Element) -> bool:
    if form.get("role") == "search" or "search" in form.get("action", "").lower():
        return True
    return any(field.get("name") == "q" for field in form.iter("input"))


def is_navigation(content: etree._Element, signs: Signs) -> bool:
    """Whether cleaned content only leads elsewhere: an index, a search page, a redirect."""
    for element in content.iter("table", "div"):
        if not _INDEX_CLASSES.isdisjoint(element.get("class", "").split()):
            return True
    length = text_length(content)
    if length <= _STUB_CHARACTERS:
        if signs.redirects:
            return True
        heading = next(content.iter("h1", "h2"), None)
        title = "" if heading is None else raw_text(heading).strip().lower()
        if signs.has_search and title.startswith("search"):
            return True
    links = list(content.iter("a"))
    if length > _LONGEST_LINKS * len(links) or link_length(content) <= _NAVIGATION_LINKS * length:
        return False
    within = sum(len(_SENTENCE_END.findall(raw_text(link))) for link in links)
    return len(_SENTENCE_END.findall(raw_text(content))) - within < _FEW_SENTENCES


def _ranks(element: etree._Element) -> Iterator[int]:
    """How sure it is that the element is the content: 0 is surest. Nothing for most elements."""
    classes = element.get("class")
    names = set(classes.lower().split()) if classes else set()
    if names and not MAIN_CLASSES[0].isdisjoint(names):
        yield 0
    if element.tag == "main" or element.get("role") == "main":
        yield 1
    if element.get("itemprop") == "articleBody":
        yield 2
    if element.tag == "body" or element.get("role") in NOISE_ROLES:
        return
    if element.tag == "article":
        yield 3
    if names and not MAIN_CLASSES[1].isdisjoint(names):
        yield 4
    if (element.get("id") or "").lower() in MAIN_IDS:
        yield 4
    if names and not MAIN_CLASSES[2].isdisjoint(names):
        yield 5


def _outermost(elements: list[etree._Element]) -> list[etree._Element]:
    """Those that are in none of the others; `elements` is in document order."""
    kept: list[etree._Element] = []
    seen: set[etree._Element] = set()
    for element in elements:
        if seen.isdisjoint(element.iterancestors()):
            kept.append(element)
        seen.add(element)
    return kept


def _best(found: list[etree._Element]) -> etree._Element:
    """The one with the most text, or what is around all those that have much."""
    lengths = {element: own_text(element) for element in found}
    largest = max(lengths.values())
    sizeable = [element for element, length in lengths.items() if length >= _ALSO_SHARE * largest]
    if len(sizeable) == 1 or not largest:
        return max(found, key=lambda element: lengths[element])
    around = set(sizeable[0].iterancestors())
    for element in sizeable[1:]:
        around.intersection_update(element.iterancestors())
    return next(above for above in sizeable[0].iterancestors() if above in around)


def _densest(root: etree._Element, whole: int) -> etree._Element:
    """Descend while one child holds nearly all the text that is not links."""
    best = root
    while True:
        children = list(best.iterchildren(*_CONTAINERS, *_TABLE_PARTS))
        largest = max(children, key=own_text, default=None)
        if largest is None or best.find("h1") is not None:
            return best
        if own_text(largest) < _NEARLY_ALL * whole:
            return best
        best = largest
