"""What a page carries but does not show: the text that an attribute or an inline style hides.

Stylesheets are not read. The rules cover what is used to hide text from people in the markup itself, for
screen readers as for instructions planted for a language model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml import etree

from groundwork.ingestion.parse.html_text import raw_text
from groundwork.ingestion.parse.html_tree import with_attribute

_ATTRIBUTES = ("style", "hidden", "aria-hidden")
_HAS_TABS = etree.XPath("boolean(*[@role='tablist'] | *[1]/*[@role='tablist'])")
_FAR = 999.0  # pixels: where stylesheets move what only screen readers should find
_TINY = 2.0  # pixels: smaller letters cannot be read
_MAX_ANCESTORS = 64
_LENGTH = re.compile(r"(-?\d*\.?\d+)(px|pt|em|rem|%|vw|vh|ch)?")
_RGB = re.compile(r"rgba?\((\d+)[, ]+(\d+)[, ]+(\d+)(?:[,/ ]+([\d.]+%?))?\)")
_CLIPPED = re.compile(r"rect\(\s*(?:0|1)(?:px)?[\s,]+(?:0|1)|inset\(\s*(?:50|100)%")
_NAMED = {"white": "#ffffff", "black": "#000000", "red": "#ff0000", "blue": "#0000ff"}
# Pixels in one of the unit; a percentage is taken of a 1,280 pixel window.
_PIXELS = {"pt": 1.333, "em": 16.0, "rem": 16.0, "%": 12.8, "vw": 12.8, "vh": 8.0, "ch": 8.0}
_CODE_TAGS = frozenset({"pre", "code"})


def hidden_elements(root: etree._Element) -> Iterator[etree._Element]:
    """The elements under `root` whose text nobody sees."""
    for name in _ATTRIBUTES:
        yield from filter(_is_hidden, with_attribute(root, name))
    yield from filter(_is_hidden, root.iterdescendants("font"))


def _is_hidden(element: etree._Element) -> bool:
    style = _declarations(element.get("style", ""))
    if "hidden" in element.attrib or style.get("display") == "none":
        # A tab that is not selected is one click away, and a match is opened by the browser's search.
        return element.get("hidden") != "until-found" and not _is_tab_panel(element)
    if element.get("aria-hidden") == "true" and _is_icon(element):
        return True
    return (bool(style) and _style_hides(element, style)) or _same_colour(element, style)


def _declarations(style: str) -> dict[str, str]:
    found = {}
    for declaration in style.lower().split(";"):
        name, separator, value = declaration.partition(":")
        if separator:
            found[name.strip()] = value.replace("!important", "").strip()
    return found


def _style_hides(element: etree._Element, style: dict[str, str]) -> bool:
    if style.get("visibility") in {"hidden", "collapse"}:
        return True
    if _pixels(style.get("opacity")) == 0:
        return True
    if (_pixels(style.get("text-indent")) or 0) <= -_FAR:
        return True
    return _is_tiny(element, style) or _is_out_of_sight(style)


def _is_tiny(element: etree._Element, style: dict[str, str]) -> bool:
    size = _pixels(style.get("font-size"))
    if size is None or size > _TINY:
        return False
    # "font-size: 0" on a wrapper is also an old way to close gaps between boxes that set their own size.
    nearby = islice(element.iterdescendants(), 200)
    inner = (_declarations(child.get("style", "")) for child in nearby)
    return not any((_pixels(one.get("font-size")) or 0) > _TINY for one in inner)


def _is_out_of_sight(style: dict[str, str]) -> bool:
    if style.get("position") in {"absolute", "fixed"}:
        edges = (_pixels(style.get(edge)) or 0 for edge in ("left", "top", "right", "bottom"))
        if any(edge <= -_FAR for edge in edges):
            return True
        if _CLIPPED.search(style.get("clip", "") + style.get("clip-path", "")):
            return True
    if style.get("overflow") not in {"hidden", "clip"}:
        return False
    sizes = (_pixels(style.get(name)) for name in ("height", "width", "max-height", "max-width"))
    return any(size is not None and size <= 1 for size in sizes)


def _pixels(value: str | None) -> float | None:
    match = _LENGTH.match(value) if value else None
    if match is None:
        return None
    return float(match[1]) * _PIXELS.get(match[2] or "", 1.0)


def _is_tab_panel(element: etree._Element) -> bool:
    if element.get("role") != "tabpanel":
        return False
    around = element.getparent()
    for _ in range(2):
        if around is None:
            return False
        if _HAS_TABS(around):
            return True
        around = around.getparent()
    return False


def _is_icon(element: etree._Element) -> bool:
    if element.tag in {"i", "a", "button"} or "icon" in element.get("class", ""):
        return True
    return len(raw_text(element).strip()) <= 2


def _same_colour(element: etree._Element, style: dict[str, str]) -> bool:
    colour = _colour(style.get("color") or (element.get("color") if element.tag == "font" else ""))
    if not colour:
        return False
    if colour == "transparent":
        return True
    styled = False
    above: etree._Element | None = element
    for _ in range(_MAX_ANCESTORS):
        background = "" if above is None else _background(above)
        if background:
            return background == colour
        if above is None or above.tag == "body":
            break
        if above.tag in _CODE_TAGS:
            return False
        styled = styled or above.get("class") is not None
        above = above.getparent()
    # White on a page whose own colours are unknown: only where no class could give it a background.
    return colour == "#ffffff" and not styled


def _background(element: etree._Element) -> str:
    style = _declarations(element.get("style", ""))
    value = style.get("background-color") or style.get("background") or element.get("bgcolor")
    if not value:
        return ""
    # Anything that is not a plain colour (an image, a gradient) is a background unlike any text's.
    return _colour(value) or value


def _colour(value: str | None) -> str:
    value = (value or "").strip().lower()
    if value == "transparent" or value in _NAMED:
        return _NAMED.get(value, value)
    if re.fullmatch(r"#[0-9a-f]{3}", value):
        return "#" + "".join(digit * 2 for digit in value[1:])
    if re.fullmatch(r"#[0-9a-f]{6}", value):
        return value
    match = _RGB.fullmatch(value)
    if match is None:
        return ""
    if match[4] and float(match[4].rstrip("%")) == 0:
        return "transparent"
    return "#" + "".join(f"{min(int(part), 255):02x}" for part in match.groups()[:3])
