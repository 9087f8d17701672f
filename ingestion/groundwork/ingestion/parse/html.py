"""HTML pages, whatever generated them: the visible text of the content, with the anchors that the page has."""

from __future__ import annotations

from lxml import etree

from groundwork.core.documents import BlockKind, Document, RawDocument, Section
from groundwork.core.scan import HIDDEN_CHARS, HIDDEN_TEXT, INVISIBLE_CHARACTERS
from groundwork.ingestion.parse.base import ParseError, ParseOptions, humanise, public_url
from groundwork.ingestion.parse.html_anchors import Anchors
from groundwork.ingestion.parse.html_clean import clean, drop_hidden
from groundwork.ingestion.parse.html_head import (
    canonical_url,
    content_headings,
    head_title,
    kept_metadata,
    page_title,
    product_version,
    read_metas,
)
from groundwork.ingestion.parse.html_main import Signs, is_navigation, main_content
from groundwork.ingestion.parse.html_outline import Outline
from groundwork.ingestion.parse.html_text import TextReader, mark_breaks
from groundwork.ingestion.parse.html_tree import comment_text, drop_unseen, read_tree
from groundwork.ingestion.parse.html_walk import Walker


def parse_html(raw: RawDocument, options: ParseOptions) -> Document:
    """One page. `Document.text` is the visible text of its content, headings included.

    A section's anchor is an id of the page or "". A block's text is what the page shows but for white
    space.

    Raises:
        ParseError: `empty` without visible text, `navigation` for a page that only leads elsewhere, and
            what `html_tree.read_tree` raises.
    """
    root = read_tree(raw.content, raw.media_type)
    anchors = Anchors.of(root)
    metas, head = read_metas(root), head_title(root)
    version = options.product_version or product_version(root, metas, head)
    comments = comment_text(raw.content)
    drop_unseen(root)
    content = main_content(root)
    signs = Signs.of(root, content)
    hidden = drop_hidden(content, anchors)
    clean(content, anchors)
    if is_navigation(content, signs):
        raise ParseError("navigation", f"{raw.page} is an index of links, not a page of text.")
    headings = content_headings(root, content, head)
    reader = TextReader()
    # Read as headings are, so that the two compare.
    title = reader.line(page_title(head, headings, metas)) or humanise(raw.page)
    outline = Outline(title)
    mark_breaks(content)
    Walker(outline, anchors, reader).walk(content)
    if not outline.blocks:
        _alternative_texts(content, outline, reader)
    if not outline.blocks:
        _raise_empty(raw.page, leads_elsewhere=signs.has_links)
    metadata = kept_metadata(metas)
    if reader.invisible:
        metadata[INVISIBLE_CHARACTERS] = str(reader.invisible)
    if hidden or comments:
        metadata[HIDDEN_TEXT] = f"{hidden}\n{comments}".strip()[:HIDDEN_CHARS]
    return Document(
        page=raw.page,
        title=title,
        text=outline.text,
        sections=tuple(outline.sections) or (Section("", (title,), 0),),
        blocks=tuple(outline.blocks),
        content_hash=raw.content_hash,
        revision=raw.revision,
        url=_url(raw, options, root),
        tags=options.tags,
        product_version=version,
        metadata=metadata,
    )


def _alternative_texts(content: etree._Element, outline: Outline, reader: TextReader) -> None:
    """A page of nothing but pictures is as good as what they are said to show."""
    for image in content.iter("img"):
        text = reader.line(image.get("alt") or "")
        if text:
            outline.add(BlockKind.PARAGRAPH, text)


def _raise_empty(page: str, *, leads_elsewhere: bool) -> None:
    if leads_elsewhere:
        raise ParseError("navigation", f"{page} has links to other pages and no text of its own.")
    raise ParseError("empty", f"{page} shows no text.")


def _url(raw: RawDocument, options: ParseOptions, root: etree._Element) -> str | None:
    if raw.url is not None:
        return raw.url
    return public_url(raw.page, options, {}) or canonical_url(root, raw.page)
