"""Inline Markdown to what a reader reads."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from html import unescape
from typing import TYPE_CHECKING, Any

from groundwork.ingestion.parse.dialect import Dialect
from groundwork.ingestion.parse.markdown_html import (
    TAG,
    Hidden,
    attributes,
    closed_names,
    is_placeholder,
)
from groundwork.ingestion.parse.markdown_shortcodes import without_shortcodes

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_CODE_SPAN = r"(?P<ticks>(?<!`)`+(?!`))(?:.*?[^`])??(?P=ticks)(?!`)"
_JSX_COMMENT = re.compile(
    _CODE_SPAN + r"|[ \t]?\{\s*/\*(?:[^*{]|\*(?!/)|\{(?!\s*/\*))*\*/\s*\}", re.DOTALL
)
# {ref}`text <target>` shows the text, {doc}`target` at least names what is meant.
_ROLE = re.compile(r"\{[\w:.+-]+\}(?=`)")
_ROLE_TARGET = re.compile(r"^(.+?)\s*<[^<>]+>$", re.DOTALL)
# Attributes of kramdown, Python-Markdown and goldmark behind or under what they belong to.
_ATTRIBUTE_LIST = re.compile(r"[ \t\n]*\{(?::[ \t]*)?[ \t]*[.#][^{}\n]*\}[ \t]*$|\{:[^{}\n]*\}")
_HEADING_ID = re.compile(
    r"[ \t]*(?:\{:?[^{}\n]*?(?:#([^\s{}]+)|\bid=[\"']?([^\s\"'{}]+)[\"']?)[^{}\n]*\}"
    r"|\{\s*/\*\s*#([\w-]+)\s*\*/\s*\})[ \t]*$"
)
_ROLE_MARK = "\ue000"  # private use: stands where a role's name stood
# Anything that inline rules could act on.
_MARKUP = re.compile(r"[`*_\[\]<&\\!~\n]")
_LINE_BREAK = re.compile(r"[ \t]*\n[ \t]*")
ALERT = re.compile(r"\[!\w+\][+-]?[ \t]*(?:\n|$)")


def without_markers(content: str, dialect: Dialect) -> str:
    """Inline source without what only the generator reads."""
    if dialect.shortcodes and "{{" in content:
        content = without_shortcodes(content)
    if dialect.mdx and "/*" in content:
        content = _JSX_COMMENT.sub(lambda match: match[0] if match["ticks"] else "", content)
    if dialect.directives and "}`" in content:
        content = _ROLE.sub(_ROLE_MARK, content)
    if content.endswith("}") or "{:" in content:
        content = _ATTRIBUTE_LIST.sub("", content)
    return content


def split_heading_id(content: str) -> tuple[str, str]:
    """A heading's source without its explicit id, and that id."""
    match = _HEADING_ID.search(content) if content.rstrip().endswith("}") else None
    if match is None:
        return content, ""
    return content[: match.start()], match[1] or match[2] or match[3]


class InlineReader:
    """Renders inline Markdown to plain text; what stands in hidden elements stays out.

    `anchor` is the id of the last `<a id=…>` or `<a name=…>` seen since it was reset.
    """

    def __init__(
        self, parser: MarkdownIt, env: MutableMapping[str, Any], dialect: Dialect, hidden: Hidden
    ) -> None:
        self._parser = parser
        self._env = env
        self._dialect = dialect
        self._hidden = hidden
        self.anchor = ""

    def plain(self, content: str) -> str:
        """The text of one paragraph, cell or heading."""
        content = without_markers(content, self._dialect)
        if not _MARKUP.search(content):
            return "" if self._hidden else content.strip()
        children: list[Token] = []
        self._parser.inline.parse(content, self._parser, self._env, children)
        hidden_before = bool(self._hidden)
        closed = closed_names(content)
        pieces: list[str] = []
        role = False
        for token in children:
            text = self._piece(token, closed, role=role)
            role = text.endswith(_ROLE_MARK)
            if text.startswith(" ") and pieces and not pieces[-1] and _ends_blank(pieces):
                text = text[1:]  # what stood between two blanks is not shown
            pieces.append(text[:-1] if role else text)
        if self._hidden and not hidden_before:
            self._hidden.reset()
        return _LINE_BREAK.sub(" ", "".join(pieces)).strip()

    def _piece(self, token: Token, closed: frozenset[str], *, role: bool) -> str:
        kind = token.type
        if kind == "html_inline":
            return self._html(token.content, closed)
        if self._hidden:
            return ""
        if kind == "code_inline":
            return _role_text(token.content) if role else token.content
        if kind in {"softbreak", "hardbreak"}:
            return "\n"
        return token.content if kind in {"text", "text_special"} else ""

    def _html(self, content: str, closed: frozenset[str]) -> str:
        tag = TAG.fullmatch(content)
        if tag is None:
            return ""
        if not self._hidden and is_placeholder(tag, closed):
            return content
        self._hidden.tag(tag)
        name = tag["name"].lower()
        if name == "a" and not tag["close"]:
            found = attributes(tag["attributes"])
            self.anchor = found.get("id") or found.get("name") or self.anchor
        return "\n" if name == "br" else ""


def _ends_blank(pieces: list[str]) -> bool:
    last = next((piece for piece in reversed(pieces) if piece), " ")
    return last[-1].isspace()


def _role_text(content: str) -> str:
    match = _ROLE_TARGET.match(content)
    text = match[1] if match else content
    if text.startswith("~"):
        return text[1:].rpartition(".")[2]
    return text.removeprefix("!")


def plain_title(source: str) -> str:
    """A title given as an attribute: its markup is rare, and never more than marks around words."""
    return unescape(re.sub(r"[`*]+", "", source)).strip()
