"""What a page says of itself: title, description, version, address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from lxml import etree

from groundwork.ingestion.parse.html_text import raw_text

# Sphinx: "json — JSON encoder and decoder — Python 3.11.2 documentation".
_SEPARATOR = re.compile(r"\s+(?:—|–|-|\||·|•|»|::)\s+")
_SITE_NAME = re.compile(
    r"\b(?:docs?|documentation|manual|handbook|wiki|guides?|reference|site|website|blog|home ?page|help cent(?:er|re)"
    r"|api reference|developers?|v?\d+(?:\.\d+)+)\b",
    re.IGNORECASE,
)
_VERSION_IN_TITLE = re.compile(r"\bv?(\d+(?:\.\d+)+\w*) documentation$", re.IGNORECASE)
_VERSION_NAMES = ("docsearch:version", "doc:version", "version")
_KEPT_NAMES = ("description", "robots", "generator", "author", "keywords")
_MAX_VALUE_CHARACTERS = 1000
_PERMALINKS = "¶#§∞\uf0c1 "


def read_metas(root: etree._Element) -> dict[str, str]:
    """The `meta` elements by name or property in lower case; the first of a name counts."""
    metas: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or "").strip().lower()
        value = " ".join((meta.get("content") or "").split())
        if name and value:
            metas.setdefault(name, value[:_MAX_VALUE_CHARACTERS])
    return metas


def kept_metadata(metas: Mapping[str, str]) -> dict[str, str]:
    """What goes into the document's metadata."""
    return {name: metas[name] for name in _KEPT_NAMES if name in metas}


def head_title(root: etree._Element) -> str:
    """The `title` element's text."""
    element = next(root.iter("title"), None)
    return "" if element is None else " ".join(raw_text(element).split())


def page_title(head: str, headings: list[str], metas: Mapping[str, str]) -> str:
    """The page's title: its first `h1`, else what is left of `head` without the site's name.

    `headings` are the content's `h1` elements' texts, or its first heading's where it has no `h1` and
    that is a part of `head`.
    """
    if headings:
        return headings[0]
    parts = _SEPARATOR.split(head)
    separators = _SEPARATOR.findall(head)
    sites = {metas.get("og:site_name", ""), metas.get("application-name", "")}
    while len(parts) > 1:
        last = parts[-1]
        if last not in sites and "|" not in separators[-1] and not _SITE_NAME.search(last):
            break
        parts.pop()
        head = head[: head.rindex(separators.pop())].strip()
    return head


def content_headings(root: etree._Element, content: etree._Element, head: str) -> list[str]:
    """Headings that can be the page's title, best first; see `page_title`."""
    found = [text for text in map(_heading_text, content.iter("h1")) if text]
    if found:
        return found
    others = content.iter("h1", "h2", "h3")
    first = next((text for text in map(_heading_text, others) if text), "")
    if first and first in _SEPARATOR.split(head):
        return [first]
    outside = (text for text in map(_heading_text, root.iter("h1")) if text)
    return [text for text in outside if text in head][:1]


def _heading_text(heading: etree._Element) -> str:
    return " ".join(raw_text(heading).split()).rstrip(_PERMALINKS)


def product_version(root: etree._Element, metas: Mapping[str, str], head: str) -> str | None:
    """The documented product's version, where the page names it.

    Read before navigation is removed: DocBook names it in the title of its link home.
    """
    for name in _VERSION_NAMES:
        if name in metas:
            return metas[name]
    titles = [head]
    if metas.get("generator", "").startswith("DocBook"):
        titles += [link.get("title", "") for link in root.iter("a") if link.get("accesskey") == "h"]
    matches = (_VERSION_IN_TITLE.search(" ".join(title.split())) for title in titles)
    return next((match[1] for match in matches if match), None)


def canonical_url(root: etree._Element, page: str) -> str | None:
    """The canonical address without its fragment, where it is absolute and ends like the page's path.

    A template that names one address for all pages, or another site's, is not believed.
    """
    for link in root.iter("link"):
        address = (link.get("href") or "").strip()
        if "canonical" not in (link.get("rel") or "").lower().split():
            continue
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        if parts.scheme in {"http", "https"} and parts.netloc and _same_end(parts.path, page):
            return address.partition("#")[0]
    return None


def _same_end(path: str, page: str) -> bool:
    ends = [_bare(unquote(path)), _bare(page)]
    if not all(ends):
        return not any(ends)
    shorter, longer = sorted(ends, key=len)
    return longer == shorter or longer.endswith(f"/{shorter}")


def _bare(path: str) -> str:
    path = path.strip("/")
    path = re.sub(r"(?:^|/)index\.x?html?$", "", path)
    return re.sub(r"\.x?html?$", "", path)
