"""The language of a code block, from the classes that highlighters leave."""

from __future__ import annotations

import re

from lxml import etree

_LANGUAGE = re.compile(
    r"(?:highlight-source-|highlight-|language-|lang-|src-|brush:)([A-Za-z0-9+#._-]+)"
)
_UNNAMED = frozenset({
    "none", "default", "text", "txt", "plain", "plaintext", "nohighlight", "wrapper", "block", "container",
    "source", "auto", "unknown", "console-output",
})  # fmt: skip
_SAME = {"python3": "python", "ipython3": "python", "pycon3": "pycon", "py": "python"}
_LEVELS = 7  # how far out highlighters put the class: around a table with line numbers


def language_of(pre: etree._Element) -> str:
    """The name as the page spells it, in lower case; "" where it names none."""
    code = next(pre.iterdescendants("code"), None)
    above: etree._Element | None = pre
    nodes = [] if code is None else [code]
    for _ in range(_LEVELS + 1):
        if above is None or above.tag in {"body", "li", "dd"}:
            break
        nodes.append(above)
        above = above.getparent()
    for node in nodes:
        name = _named(node)
        if name is not None:
            return "" if name in _UNNAMED else _SAME.get(name, name)
    return ""


def _named(node: etree._Element) -> str | None:
    stated = node.get("data-lang") or node.get("data-language")
    if stated:
        return stated.lower()
    names = node.get("class", "").replace("brush: ", "brush:").split()
    for place, name in enumerate(names):
        match = _LANGUAGE.fullmatch(name.rstrip(";"))
        if match is not None:
            return match[1].lower()
        # Pandoc: class="sourceCode python".
        if name == "sourceCode" and place + 1 < len(names):
            return names[place + 1].lower()
    return None
