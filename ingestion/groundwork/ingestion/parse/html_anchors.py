"""The fragment ids of a page, and which of them a heading or a term answers to."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from lxml import etree

from groundwork.ingestion.parse.html_classes import FRAME_IDS, MAIN_IDS
from groundwork.ingestion.parse.html_tree import with_attribute

HEADING_LEVELS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_HEADED = frozenset((*HEADING_LEVELS, "dt"))
_LEVELS = 4  # how deep themes wrap a permalink


@dataclass(slots=True)
class Anchors:
    """Every fragment id of a page, with the element that a browser would go to.

    `given` holds what a permalink said of its heading, before it was removed.
    """

    first: dict[str, etree._Element] = field(default_factory=dict)
    given: dict[etree._Element, str] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element) -> Anchors:
        """The ids and, for `a`, the names of the page."""
        anchors = cls()
        # As browsers look a fragment up: all ids before any name.
        for element in with_attribute(root, "id"):
            anchors.first.setdefault(element.get("id", ""), element)
        for element in root.iter("a"):
            anchors.first.setdefault(element.get("name", ""), element)
        anchors.first.pop("", None)
        return anchors

    def of_element(self, element: etree._Element) -> str:
        """The element's own id or name, "" where it has none or where another element comes first."""
        for name in _names(element):
            if self.first.get(name) is element:
                return name
        return ""

    def of_heading(self, heading: etree._Element) -> str:
        """What the heading's permalink says, else its own id, else the first id within."""
        given = self.given.get(heading) or self.of_element(heading)
        return given or self.within(heading)

    def within(self, element: etree._Element) -> str:
        """The first id of what is in the element."""
        names = (self.of_element(inside) for inside in element.iterdescendants(etree.Element))
        return next((name for name in names if name), "")

    def remember(self, removed: etree._Element) -> None:
        """Note for its heading what an element says that is about to be removed."""
        heading = heading_of(removed)
        if heading is None:
            return
        href = removed.get("href", "")
        linked = self._existing(href[1:]) if href.startswith("#") else ""
        name = linked or self.of_element(removed) or self.within(removed)
        if name:
            self.given.setdefault(heading, name)

    def _existing(self, fragment: str) -> str:
        return next((name for name in (fragment, unquote(fragment)) if name in self.first), "")


class NearbyAnchors:
    """The ids passed since the last text, of which the next heading takes one.

    First that of the innermost section begun, then that of the last empty element, then that of the
    innermost other element, unless it only frames the page.
    """

    def __init__(self, anchors: Anchors) -> None:
        self._anchors = anchors
        self._found = ["", "", ""]

    def section(self, element: etree._Element) -> None:
        """A section begins."""
        name = self._anchors.of_element(element)
        if name not in MAIN_IDS:
            self._note(0, name)

    def empty(self, element: etree._Element) -> None:
        """An element without text is passed."""
        self._note(1, self._anchors.of_element(element) or self._anchors.within(element))

    def block(self, element: etree._Element) -> None:
        """Another element begins."""
        name = self._anchors.of_element(element)
        if name not in FRAME_IDS:
            self._note(2, name)

    def clear(self) -> None:
        """Text came."""
        self._found = ["", "", ""]

    def best(self) -> str:
        """The id for a heading that comes next, "" for none."""
        return next((name for name in self._found if name), "")

    def _note(self, rank: int, name: str) -> None:
        if name:
            self._found[rank] = name


def heading_of(link: etree._Element) -> etree._Element | None:
    """The heading or term that a link stands in, or right behind."""
    above = link.getparent()
    for _ in range(_LEVELS):
        if above is None or above.tag in _HEADED:
            break
        above = above.getparent()
    if above is not None and above.tag in _HEADED:
        return above
    before = link.getprevious()
    if before is None or before.tag not in HEADING_LEVELS or (before.tail or "").strip():
        return None
    return before


def _names(element: etree._Element) -> list[str]:
    own = element.get("id")
    named = element.get("name") if element.tag == "a" else None
    return [name for name in (own, named) if name and not name.isspace()]
