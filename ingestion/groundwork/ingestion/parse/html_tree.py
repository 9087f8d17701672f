"""Bytes of a page into an element tree, as tolerant as a browser."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Any

from lxml import etree

from groundwork.ingestion.parse.base import ParseError, decode
from groundwork.ingestion.parse.html_text import BLOCK_TAGS, BREAK

# Browsers look for the declaration in the first 1,024 bytes; generators with long heads need more.
_PRESCAN_BYTES = 4096
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
_HTTP_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_BEYOND_ASCII = re.compile("[^\x00-\x7f\ufffd]")
# Accented letters make 2 to 5 % of a text in the languages that have them.
_STRAY_SHARE = 0.002
# Python's own, and one that browsers refuse because it hides markup.
_NO_PAGE = frozenset({"unicode-escape", "raw-unicode-escape", "punycode", "idna", "utf-7"})
_BLOCKS = frozenset(BLOCK_TAGS)
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# lxml reads control characters and noncharacters, but refuses to set text that holds them.
_CONTROLS = bytes({*range(0x20)} - {0x9, 0xA, 0xC, 0xD})
_FORM_FEED_TO_SPACE = bytes.maketrans(b"\f", b" ")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_REFERENCE = re.compile(rb"&#([xX][0-9a-fA-F]{1,8}|[0-9]{1,10});?")
# libxml2 gives up at 2,048 open elements; tags that only wrap are left out of such a page.
_WRAPPING_TAGS = re.compile(
    rb"</?(?:div|span|b|i|u|em|strong|font|small|big|section|article|center|blockquote|ul|ol|li|dl|dd)"
    rb"\b[^<>]*>",
    re.IGNORECASE,
)
# No text of these is ever shown within the page.
_COMMENT = re.compile(rb"<!--(.*?)-->", re.DOTALL)
_UNSEEN_TAGS = (
    "title", "script", "style", "template", "noscript", "noframes", "svg", "iframe", "object", "embed",
    "canvas", "audio", "video", "map", "button", "select", "textarea", "datalist", "rp",
    "annotation", "annotation-xml", "optgroup", "option", "meter", "progress",
)  # fmt: skip


def read_tree(content: bytes, media_type: str | None) -> etree._Element:
    """The page's root element, an `html`.

    The encoding is, in this order: a byte order mark, the `charset` of `media_type`, the page's own
    declaration, and else what `base.decode` finds.

    Raises:
        ParseError: `empty` without any content, `binary` or `encoding` from decoding, `malformed` where
            not one element can be made of it.
    """
    if not content.strip():
        raise ParseError("empty", "the page has no content")
    encoded = _as_utf8(content, media_type)
    root, too_deep = _parse(encoded)
    if too_deep:
        root, too_deep = _parse(_WRAPPING_TAGS.sub(b" ", encoded))
    if too_deep:
        raise ParseError("malformed", "elements are nested more than 2,048 deep")
    if root is None or not isinstance(root.tag, str):
        raise ParseError("empty", "the page has no element and no text")
    return root


def comment_text(content: bytes) -> str:
    """What a page's comments say, one a line; the tree is read without them."""
    if b"<!--" not in content:
        return ""
    found = (match[1].decode("utf-8", "replace") for match in _COMMENT.finditer(content))
    lines = (" ".join(text.split()) for text in found)
    return "\n".join(line for line in lines if " " in line and not line.startswith("[if "))


def drop_unseen(root: etree._Element) -> None:
    """Remove the elements that browsers never print, keeping the text behind them."""
    etree.strip_elements(root, *_UNSEEN_TAGS, with_tail=False)


def with_attribute(root: etree._Element, name: str) -> list[etree._Element]:
    """The elements under `root` that carry an attribute, in document order."""
    path: Any = _attribute_path(
        name
    )  # its result depends on the expression: elements, for this one
    found: list[etree._Element] = path(root)
    return found


@lru_cache(maxsize=16)
def _attribute_path(name: str) -> etree.XPath:
    # By way of the attribute is twice as fast as a condition on every element.
    return etree.XPath(f"descendant::*/@{name}/..")


def drop(element: etree._Element) -> None:
    """Remove an element and what is in it, keeping the text behind it, and apart where it was apart."""
    parent = element.getparent()
    if parent is None:
        return
    tail = element.tail or ""
    if element.tag in _BLOCKS and not any(above.tag == "pre" for above in element.iterancestors()):
        tail = BREAK + tail
    if tail:
        previous = element.getprevious()
        if previous is None:
            parent.text = (parent.text or "") + tail
        else:
            previous.tail = (previous.tail or "") + tail
    parent.remove(element)


def _as_utf8(content: bytes, media_type: str | None) -> bytes:
    if b"\0" in content or content.startswith(_BOMS):
        return decode(content).encode()
    declared = _declared(content, media_type)
    if declared == "utf-8":
        text = content.decode("utf-8", "replace")
        # A stray byte is shown as U+FFFD; where they are many, the page declares the wrong encoding.
        broken = text.count("\ufffd")
        if broken > len(text) * _STRAY_SHARE and broken > len(_BEYOND_ASCII.findall(text)):
            text = decode(content)
    elif declared is not None:
        text = content.decode(declared, "replace")
    else:
        text = decode(content)
    encoded = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    encoded = encoded.translate(_FORM_FEED_TO_SPACE, _CONTROLS)
    for noncharacter in _NONCHARACTERS:
        encoded = encoded.replace(noncharacter, b"")
    return _REFERENCE.sub(_checked_reference, encoded)


def _checked_reference(match: re.Match[bytes]) -> bytes:
    """A numeric character reference; where lxml could not write it back, what a browser prints of it."""
    digits = match[1]
    point = int(digits[1:], 16) if digits[:1] in b"xX" else int(digits)
    if point == 0 or 0xD800 <= point < 0xE000 or point > 0x10FFFF:
        return b"&#xFFFD;"
    allowed = point >= 0x20 or point in {0x9, 0xA, 0xD}
    return match[0] if allowed and point not in {0xFFFE, 0xFFFF} else b""


def _declared(content: bytes, media_type: str | None) -> str | None:
    """The codec that the page names, where there is one by that name."""
    head = content[:_PRESCAN_BYTES]
    found = _HTTP_CHARSET.search(media_type or "")
    label = found[1] if found else ""
    if not label:
        match = _META_CHARSET.search(head) or _XML_ENCODING.search(head)
        label = match[1].decode("ascii", "replace") if match else ""
    try:
        name = codecs.lookup(label).name if label else None
    except LookupError:
        return None
    # The web's rule: these three labels mean Windows-1252, and nobody can declare UTF-16 in ASCII.
    if name in {"iso8859-1", "ascii", "latin-1"}:
        return "cp1252"
    if name is None or name.replace("_", "-") in _NO_PAGE or name.startswith(("utf-16", "utf-32")):
        return None
    return name if _is_text(name) else None


def _is_text(name: str) -> bool:
    """Whether the codec turns bytes into text: Python also has `hex` and `zip`."""
    try:
        # Not of b"", which Python decodes without asking the codec.
        return isinstance(b"a\xff".decode(name, "replace"), str)
    except (LookupError, UnicodeError, ValueError):
        return False


def _parse(encoded: bytes) -> tuple[etree._Element | None, bool]:
    """The tree, and whether it was cut because it is too deep."""
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(encoded, parser)
    except etree.ParserError:
        return None, False
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            return None, True
        raise ParseError("malformed", f"the page cannot be read as HTML: {error}") from error
    too_deep = any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log)
    return root, too_deep
