"""Explicit markup of reStructuredText: directives, targets, footnotes, substitutions, comments.

A directive is read by what its name says it holds: code, text, nothing to read, a table, or the
description of an API object. One that nobody knows keeps its argument and its body as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent

from groundwork.core.documents import BlockKind
from groundwork.ingestion.parse.rst_lines import Span
from groundwork.ingestion.parse.rst_names import (
    ADMONITIONS,
    BODY_ONLY,
    CODE,
    DROPPED,
    LANGUAGES,
    TABLES,
    TITLED,
    VERSIONS,
)
from groundwork.ingestion.parse.rst_objects import is_object, read_object
from groundwork.ingestion.parse.rst_reader import Reader, Region
from groundwork.ingestion.parse.rst_tables import csv_rows, list_rows

_DIRECTIVE = re.compile(r"\.\.[ \t]+(?P<name>[A-Za-z][\w.+:-]*?)[ \t]?::(?:[ \t]+|$)")
_TARGET = re.compile(
    r"\.\.[ \t]+_(?:`(?P<quoted>[^`]+)`|(?P<name>(?:\\.|[^:\\])+)):(?:[ \t]+(?P<to>.*))?$"
)
_NOTE = re.compile(r"\.\.[ \t]+\[(\d+|#[\w-]*|\*|[A-Za-z][\w.-]*)\](?:[ \t]+|$)")
_SUBSTITUTION = re.compile(r"\.\.[ \t]+\|[^|]+\|")
_OPTION = re.compile(r":(\w[\w -]*):(?:[ \t]+|$)")
_FILE = re.compile(r"\S*(?:/\S*|\.[a-z]{2,5})")


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive on lines `number` up to `after`; its body begins on line `body`.

    `argument` spans what stands beside the name and on the lines below it, up to the options, whose values
    are spans, too.
    """

    name: str
    argument: Span
    options: dict[str, Span]
    number: int
    body: int
    after: int


def read_explicit(reader: Reader, region: Region, number: int, after: int) -> int | None:
    """The block of explicit markup on lines `number` up to `after`; the line behind it."""
    text = reader.lines.content(number)
    match = _DIRECTIVE.match(text)
    if match:
        _read(reader, region, _directive(reader, number, after, match))
        return after
    target = _TARGET.match(text)
    if target:
        name = target["quoted"] or target["name"].replace("\\", "")
        if target["to"] or after > number + 1:
            reader.sections.claim(name)
        else:
            reader.sections.label(name)
        return after
    note = _NOTE.match(text)
    if note:
        reader.sections.claim(note[1])
        _body(reader, region, number, after, note.end())
        return after
    if text == ".." and reader.lines.blank(number + 1):
        return number + 1  # an empty comment takes nothing with it
    return after  # a substitution's definition or a comment


def _directive(reader: Reader, number: int, after: int, match: re.Match[str]) -> Directive:
    lines = reader.lines
    name = match["name"].lower()
    start = lines.begin(number) + match.end()
    end = max(start, lines.end(number))
    options: dict[str, Span] = {}
    key, margin, body = "", 0, number + 1
    while body < after and not lines.blank(body):
        option = _OPTION.match(lines.content(body))
        if key and lines.indent[body] > margin:
            options[key] = options[key][0], lines.end(body)
        elif option:
            key, margin = option[1], lines.indent[body]
            options[key] = lines.begin(body) + option.end(), lines.end(body)
        elif key or start == end or name in ADMONITIONS:
            break
        else:
            end = lines.end(body)
        body += 1
    if "name" in options:
        reader.sections.claim(lines.text[slice(*options["name"])])
    return Directive(name, (start, end), options, number, body, after)


def _read(reader: Reader, region: Region, found: Directive) -> None:
    name = found.name
    if name in CODE:
        _code(reader, found)
    elif name in TABLES:
        _table(reader, found)
    elif name in DROPPED:
        reader.sections.labels.clear()
    elif name == "testoutput":
        reader.code(found.body, found.after, "", BlockKind.OUTPUT)
    elif name == "raw":
        _raw(reader, found)
    elif name == "meta":
        _meta(reader, found)
    elif name in {"highlight", "module", "currentmodule", "py:module", "py:currentmodule"}:
        _setting(reader, region, found)
    elif is_object(name):
        read_object(reader, region, found)
    else:
        _text(reader, region, found)


def _text(reader: Reader, region: Region, found: Directive) -> None:
    """Admonitions, tabs, cards, and whatever nobody knows."""
    start, end = found.argument
    if found.name in ADMONITIONS and start < end:
        _body(reader, region, found.number, found.after, start - reader.lines.begin(found.number))
        return
    if start < end and found.name not in BODY_ONLY and not _is_reference(reader, found):
        _argument(reader, found)
    inner_body(reader, region, found)


def _is_reference(reader: Reader, found: Directive) -> bool:
    """Whether the argument of an unknown directive without a body names a file and is no text."""
    if found.body < found.after or found.name in TITLED or found.name in VERSIONS:
        return False
    return bool(_FILE.fullmatch(reader.lines.text[slice(*found.argument)]))


def _argument(reader: Reader, found: Directive) -> None:
    plain = reader.inline.plain(reader.lines.text[slice(*found.argument)])
    if found.name in VERSIONS:
        version, _, rest = plain.partition(" ")
        plain = f"{VERSIONS[found.name]} {version}" + (f": {rest}" if rest else "")
    reader.add(BlockKind.PARAGRAPH, found.argument, plain)


def inner_body(reader: Reader, region: Region, found: Directive, scope: str | None = None) -> None:
    """Read what stands under a directive."""
    margin = reader.lines.margin(found.body, found.after)
    if margin < 0:
        return
    inner = reader.inner(region, found.body, found.after, margin)
    inner.scope = region.scope if scope is None else scope
    reader.body(inner)


def _body(reader: Reader, region: Region, number: int, after: int, characters: int) -> None:
    """Read a body that begins on the marker's own line."""
    margin = reader.lines.margin(number + 1, after)
    indent = margin if margin >= 0 else region.indent + 1
    reader.lines.move(number, characters, indent)
    rest = number + 1
    while rest < after and _OPTION.match(reader.lines.content(rest)):
        rest += 1
    if rest > number + 1:
        # Options of an admonition stand between its first lines.
        reader.body(reader.inner(region, number, number + 1, indent))
        number = rest
    reader.body(reader.inner(region, number, after, indent))


def _code(reader: Reader, found: Directive) -> None:
    argument = reader.lines.text[slice(*found.argument)].strip()
    language = LANGUAGES.get(found.name, argument.split(" ")[0].split("\n")[0].lower())
    if found.body >= found.after or reader.lines.margin(found.body, found.after) < 0:
        # Some write the only line beside the name: ".. math:: a + b".
        if found.name in LANGUAGES and argument:
            reader.add(BlockKind.CODE, found.argument, None, language)
        return
    title = found.options.get("caption")
    if found.name == "code-tab":
        start, end = found.argument
        title = start + len(argument.split(maxsplit=1)[0]) if argument else end, end
    if title:
        _title(reader, title)
    reader.code(found.body, found.after, language)


def _title(reader: Reader, span: Span) -> None:
    """A caption that readers see above what it names."""
    source = reader.lines.text[slice(*span)]
    start = span[0] + len(source) - len(source.lstrip())
    reader.add(BlockKind.PARAGRAPH, (start, span[1]), reader.inline.plain(source))


def _table(reader: Reader, found: Directive) -> None:
    if found.argument[0] < found.argument[1]:
        _argument(reader, found)
    first = reader.lines.skip_blank(found.body, found.after)
    if first >= found.after:
        return
    source = [reader.lines.raw(number) for number in range(first, found.after)]
    if found.name == "csv-table":
        rows = csv_rows(reader.lines.text[slice(*found.options.get("header", (0, 0)))], source)
    else:
        rows = list_rows(source)
    reader.table(first, found.after, rows)


def _raw(reader: Reader, found: Directive) -> None:
    """Raw HTML is on the published page, so what it shows is read; other formats are not."""
    if reader.lines.text[slice(*found.argument)].strip().lower() != "html":
        return
    first = reader.lines.skip_blank(found.body, found.after)
    if first >= found.after:
        return
    from groundwork.ingestion.parse.markdown_html import Hidden, HtmlReader

    for segment in HtmlReader(Hidden()).read(
        reader.lines.text, *reader.lines.span(first, found.after)
    ):
        if segment.plain:
            # The margin of the directive's body is not part of its code.
            plain = dedent(segment.plain) if segment.kind is BlockKind.CODE else segment.plain
            reader.add(segment.kind, (segment.start, segment.end), plain, segment.language)


def _meta(reader: Reader, found: Directive) -> None:
    for number in range(found.number + 1, found.after):
        match = re.match(r":([\w -]+):[ \t]+(.+)", reader.lines.content(number))
        if match:
            reader.builder.metadata.setdefault(match[1].strip().lower(), match[2].strip())


def _setting(reader: Reader, region: Region, found: Directive) -> None:
    argument = reader.lines.text[slice(*found.argument)].strip()
    if found.name == "highlight":
        reader.language = "" if argument == "none" else argument.lower()
        return
    reader.module = argument
    if "current" not in found.name:
        reader.slugger.reserve(f"module-{argument}")
    inner_body(reader, region, found)
