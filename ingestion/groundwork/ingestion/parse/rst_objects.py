"""Descriptions of API objects: Sphinx's domains and autodoc's directives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.rst_reader import Reader, Region

if TYPE_CHECKING:
    from groundwork.ingestion.parse.rst_directives import Directive

_PYTHON = frozenset(
    {"function", "class", "method", "attribute", "data", "exception", "property", "classmethod"}
    | {"staticmethod", "decorator", "decoratormethod", "type", "coroutine"}
)
_AUTO = frozenset(
    {
        "automodule",
        "autoclass",
        "autofunction",
        "automethod",
        "autoexception",
        "autodata",
        "autoattribute",
    }
    | {"autoproperty", "autodecorator", "autopydantic_model", "autopydantic_settings", "autoenum"}
)
_OTHERS = frozenset(
    {"option", "cmdoption", "envvar", "confval", "describe", "object", "program", "click"}
)
# The domains whose directives describe objects; of others (std:glossary) the body is text.
_DOMAINS = frozenset(
    {"py", "c", "cpp", "js", "http", "rst", "php", "go", "ruby", "java", "rust", "r"}
)
_PY_NAME = re.compile(r"(?:(?:async|class|def|static|abstract|classmethod)\s+)*([A-Za-z_][\w.]*)")


def is_object(name: str) -> bool:
    """Whether a directive of that name describes an API object."""
    domain, colon, _ = name.partition(":")
    if colon:
        return domain in _DOMAINS
    return name in _PYTHON or name in _AUTO or name in _OTHERS


def read_object(reader: Reader, region: Region, found: Directive) -> None:
    """The signatures, one block each, then the description under the first one's name."""
    from groundwork.ingestion.parse.rst_directives import inner_body

    name = found.name.rpartition(":")[2]
    scope = region.scope
    for number, span in enumerate(_signatures(reader, found)):
        signature = reader.lines.text[slice(*span)]
        full = _full_name(reader, region, found.name, signature)
        if number == 0:
            scope = full or region.scope
        anchor = _anchor(name, full, signature)
        if anchor:
            reader.slugger.reserve(anchor)
        plain = reader.inline.plain(signature) if "\\" in signature else None
        reader.add(BlockKind.SIGNATURE, span, plain, anchor=anchor)
    if name == "automodule":
        reader.module, scope = scope, ""
    inner_body(reader, region, found, scope)


def _signatures(reader: Reader, found: Directive) -> list[tuple[int, int]]:
    """One span a line; a line that ends in a backslash or inside brackets goes on below."""
    start, end = found.argument
    spans: list[tuple[int, int]] = []
    depth = 0
    position = start
    joined = False
    for line in reader.lines.text[start:end].split("\n"):
        stripped = line.strip()
        begin = position + len(line) - len(line.lstrip())
        if stripped and joined:
            spans[-1] = spans[-1][0], begin + len(stripped)
        elif stripped:
            spans.append((begin, begin + len(stripped)))
        depth += sum(map(line.count, "([")) - sum(map(line.count, ")]"))
        joined = bool(spans) and (depth > 0 or stripped.endswith("\\"))
        position += len(line) + 1
    return spans


def _full_name(reader: Reader, region: Region, directive: str, signature: str) -> str:
    """The dotted name of a Python object, with the module or class it stands in."""
    domain, colon, _ = directive.partition(":")
    if colon and domain != "py":
        return ""
    match = _PY_NAME.match(signature)
    if match is None or directive in _OTHERS:
        return ""
    name = match[1]
    if directive == "automodule":
        return name
    outer = region.scope or reader.module
    return name if not outer or name.startswith(f"{outer}.") else f"{outer}.{name}"


def _anchor(name: str, full: str, signature: str) -> str | None:
    """The id that Sphinx gives the description, where it follows from the page alone."""
    if name == "automodule":
        return f"module-{full}"
    if name in {"envvar", "confval"}:
        return f"{name}-{signature.split(maxsplit=1)[0]}"
    return full or None
