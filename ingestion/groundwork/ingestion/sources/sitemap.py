"""Sitemaps by https://www.sitemaps.org/protocol.html: URL sets, indices, gzip, and plain text lists."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from lxml import etree
from yarl import URL

from groundwork.ingestion.sources.urls import suffix

MAX_BYTES = 50 * 2**20  # of one sitemap unpacked, by the protocol
MAX_SITEMAPS = 500  # an index may name 50,000; no documentation does
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Sitemap:
    """The addresses in one sitemap: pages, or further sitemaps where it is an index."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def is_sitemap(url: str) -> bool:
    """Whether the URL that somebody gave names a sitemap itself."""
    name = URL(url).path.lower()
    return suffix(url) == ".xml" or name.endswith(".xml.gz")


def parse_sitemap(content: bytes) -> Sitemap | None:
    """The addresses in the order of the file; None where it is no sitemap."""
    if content.startswith(_GZIP):
        unpacked = _gunzip(content)
        if unpacked is None:
            return None
        content = unpacked
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _text(content)
    # Entities stay unresolved and nothing is fetched: the file comes from outside.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return None
    kind = etree.QName(root).localname
    if kind == "urlset":
        return Sitemap(pages=_locations(root))
    return Sitemap(sitemaps=_locations(root)) if kind == "sitemapindex" else None


def _locations(root: etree._Element) -> tuple[str, ...]:
    """What stands in the <loc> of each entry; image and video extensions below it have their own."""
    found = (loc.text for entry in root for loc in entry.iterchildren("{*}loc", "loc"))
    return tuple(text.strip() for text in found if text and text.strip())


def _text(content: bytes) -> Sitemap | None:
    """A list of one URL a line."""
    lines = content.decode("utf-8-sig", "replace").split()
    if not lines or not all(line.startswith(("http://", "https://")) for line in lines):
        return None
    return Sitemap(pages=tuple(lines))


def _gunzip(content: bytes) -> bytes | None:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(content, MAX_BYTES)
    except zlib.error:
        return None
    return unpacked if unpacker.eof else None
