"""What a crawler reads of an HTML page: its links and the address that it calls its own."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree, html

from groundwork.ingestion.sources.urls import Link, link


@dataclass(frozen=True, slots=True)
class PageLinks:
    """The pages linked to, sorted and each once, and the page's canonical address."""

    links: tuple[Link, ...] = ()
    canonical: Link | None = None


def read_links(content: bytes, url: str) -> PageLinks:
    """The links of the page that was fetched from `url`; none of what is no HTML."""
    parser = html.HTMLParser(recover=True, no_network=True, remove_comments=True)
    try:
        root = html.document_fromstring(content, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return PageLinks()
    base = next((link(each.get("href", ""), url) for each in root.iter("base")), None)
    base_url = base.url if base else url
    found: dict[str, Link] = {}
    for anchor in root.iter("a", "area"):
        target = link(anchor.get("href", ""), base_url) if anchor.get("href") else None
        if target:
            found.setdefault(target.key, target)
    canonical = [
        each.get("href", "")
        for each in root.iter("link")
        if "canonical" in each.get("rel", "").lower().split() and each.get("href")
    ]
    return PageLinks(
        tuple(sorted(found.values(), key=lambda each: each.key)),
        link(canonical[0], base_url) if canonical else None,
    )
