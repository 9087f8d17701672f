"""HTML pages, whatever generated them: the visible text of the content, with the anchors the page really has."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lxml import etree

from groundwork.core.documents import Document, RawDocument
from groundwork.ingestion.parse.base import DocumentBuilder, ParseError, ParseOptions
from groundwork.ingestion.parse.html_hidden import hidden_elements
from groundwork.ingestion.parse.html_main import drop_furniture, is_navigation, main_content
from groundwork.ingestion.parse.html_tree import drop, drop_unseen, read_tree
from groundwork.ingestion.parse.html_walk import Walker

# "json — JSON encoder — Python 3.11.2 documentation", "Install | Product Docs", "Guide - Site".
_SITE_SUFFIX = re.compile(r"\s+[—–|·»-]\s+[^—–|·»]*$")


def parse_html(raw: RawDocument, options: ParseOptions) -> Document:
    """One page. `Document.text` is the assembled visible text of its content.

    Raises:
        ParseError: `empty` without visible text, `navigation` for an index of links, and what
            `html_tree.read_tree` raises.
    """
    root = read_tree(raw.content, raw.media_type)
    builder = DocumentBuilder(raw, options)
    title = _head_title(root)
    _read_head(root, builder, options, raw.page)
    drop_unseen(root)
    for element in list(hidden_elements(root)):
        drop(element)
    content = main_content(root)
    drop_furniture(content)
    if is_navigation(content):
        raise ParseError("navigation", f"{raw.page} is an index of links.")
    builder.title = _heading_title(content) or title
    walker = Walker(builder)
    walker.walk(content)
    if walker.invisible:
        builder.metadata["invisible_characters"] = str(walker.invisible)
    return builder.build(walker.text)


def _heading_title(content: etree._Element) -> str:
    heading = content.find(".//h1")
    if heading is None:
        heading = next((each for each in content.iter("h1", "h2")), None)
    if heading is None:
        return ""
    return " ".join("".join(str(piece) for piece in heading.itertext()).split())


def _head_title(root: etree._Element) -> str:
    element = root.find(".//title")
    text = " ".join((element.text or "").split()) if element is not None else ""
    return _SITE_SUFFIX.sub("", text) or text


def _read_head(
    root: etree._Element, builder: DocumentBuilder, options: ParseOptions, page: str
) -> None:
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or "").lower()
        content = " ".join((meta.get("content") or "").split())
        if not content:
            continue
        if name in {"description", "robots"}:
            builder.metadata[name] = content
        elif name == "keywords":
            builder.tags = tuple(word.strip() for word in content.split(",") if word.strip())
        elif name == "docsearch:version" and options.product_version is None:
            builder.product_version = content
    if options.url_base is None and builder.url is None:
        builder.url = _canonical(root, page)


def _canonical(root: etree._Element, page: str) -> str | None:
    """The canonical address, believed where it ends as the page's own path does."""
    for link in root.iter("link"):
        target = link.get("href") or ""
        if (link.get("rel") or "").lower() == "canonical" and urlsplit(target).scheme in {
            "http",
            "https",
        }:
            tail = page.removesuffix("index.html").removesuffix(".html").strip("/")
            if urlsplit(target).path.removesuffix(".html").strip("/").endswith(tail):
                return target.partition("#")[0]
    return None
