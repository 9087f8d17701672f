"""Where a page's own content is, whatever generated the page, and what around and inside it is furniture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from lxml import etree

from groundwork.ingestion.parse.html_tree import drop

# In this order: the first that holds text wins. Generators mark their content with one of these.
_MAIN = (
    "//main", "//*[@role='main']", "//article",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' theme-doc-markdown ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' markdown-body ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' md-content ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' rst-content ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' td-content ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' body ')][self::div]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' document ')][self::div]",
    "//*[@id='content' or @id='main' or @id='main-content' or @id='docContent']",
)  # fmt: skip
_FURNITURE_TAGS = frozenset(
    {"nav", "header", "footer", "aside", "form", "dialog", "input", "label"}
)
_FURNITURE_ROLES = frozenset(
    {"navigation", "search", "banner", "contentinfo", "complementary", "toolbar"}
)
_FURNITURE_CLASS = re.compile(
    r"(?:^|\s)(?:headerlink|anchor-link|hash-link|heading-anchor|navheader|navfooter|sphinxsidebar\w*|sidebar\w*"
    r"|toctree-wrapper|contents|toc|table-of-contents|tableOfContents\w*|breadcrumbs?|breadcrumb__\w+|pagination\w*|pager"
    r"|related|prev-next|prevnext|footer|site-footer|navbar|nav-links|edit-page|edit-this-page|page-meta|cookie\w*"
    r"|copybtn|copy-button|clipboard|linenos|linenodiv|gutter|lineno|skip-link|skiplink|sr-only|visually-hidden"
    r"|theme-doc-toc-\w+|theme-doc-footer|td-sidebar\w*|td-toc|td-page-meta\w*|md-sidebar\w*|md-source-file"
    r"|feedback--\w+|wy-breadcrumbs\S*|rst-footer-buttons|viewcode-link|permalink)(?:\s|$)"
)
_ADMONITION = re.compile(
    r"(?:^|\s)(?:note|warning|tip|caution|important|admonition\S*|callout\S*|alert\S*)(?:\s|$)"
)
_PILCROWS = frozenset({"¶", "#", "§", "🔗", "\u200b", ""})


def main_content(root: etree._Element) -> etree._Element:
    """The element that holds the page's content; the body where nothing marks it."""
    whole = len(_text(root)) or 1
    for path in _MAIN:
        found = [element for element in _elements(root, path) if len(_text(element)) > 0]
        # A page may hold several articles; only one that holds a good part of the page is its content.
        best = max(found, key=lambda element: len(_text(element)), default=None)
        if best is not None and len(_text(best)) >= 0.2 * whole:
            return best
    body = next(iter(_elements(root, "//body")), None)
    return body if body is not None else root


def drop_furniture(content: etree._Element) -> None:
    """Remove navigation, headers, footers, contents lists, permalinks and line numbers."""
    for element in list(_furniture(content)):
        if element is not content and element.getparent() is not None:
            drop(element)


def _furniture(content: etree._Element) -> Iterator[etree._Element]:
    for element in content.iter():
        tag = element.tag
        if not isinstance(tag, str):
            continue
        classes = element.get("class") or ""
        if (
            (
                tag in _FURNITURE_TAGS
                and not (tag in {"header", "aside"} and _is_content(element, classes))
            )
            or element.get("role") in _FURNITURE_ROLES
            or (
                classes
                and tag not in {"body", "html", "main", "article"}
                and _FURNITURE_CLASS.search(classes)
            )
            or (
                tag == "a"
                and (element.get("href") or "").startswith("#")
                and _text(element) in _PILCROWS
            )
        ):
            yield element


def _is_content(element: etree._Element, classes: str) -> bool:
    """A header that holds the page's own title, an aside that is an admonition."""
    if _ADMONITION.search(classes):
        return True
    return element.tag == "header" and element.find(".//h1") is not None


def _elements(root: etree._Element, path: str) -> list[etree._Element]:
    # The paths above all select elements; lxml's type of a result covers every kind of expression.
    return list(cast("list[etree._Element]", root.xpath(path)))


def _text(element: etree._Element) -> str:
    return "".join(str(piece) for piece in element.itertext()).strip()


def is_navigation(content: etree._Element) -> bool:
    """Whether the content is an index of links: nearly all of its text is linked, in many short links."""
    total = len("".join(_text(content).split()))
    links = [_text(link) for link in content.iter("a") if link.get("href")]
    linked = sum(len("".join(text.split())) for text in links)
    return len(links) >= 20 and total > 0 and linked / total > 0.8
