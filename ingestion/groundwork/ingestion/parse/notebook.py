"""Jupyter notebooks, format 3 and 4: cells in their order, with what they printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse.base import DocumentBuilder, Site, Slugger, decode
from groundwork.ingestion.parse.dialect import Dialect
from groundwork.ingestion.parse.front_matter import apply_front_matter, read_front_matter
from groundwork.ingestion.parse.markdown import read_markdown
from groundwork.ingestion.parse.options import ParseError, ParseOptions
from groundwork.ingestion.parse.slugs import Rule

# What one cell printed is cut here: logs of a training run say nothing more on line 1,000.
MAX_OUTPUT_CHARS = 2_000
_SEPARATOR = "\n\n"
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")  # a progress bar draws each state over the last
# What stands in text for an output that is not.
_STAND_IN = re.compile(
    r"^<(?:IPython\.core\.display\.\w+ object|Figure size [^\n>]*)>\n?", re.MULTILINE
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# nbsphinx's and Jupyter Book's marks for cells that the published page does not show.
_HIDDEN_TAGS = frozenset({"remove-cell", "hide-cell", "remove_cell", "hide_cell"})
_HIDDEN_INPUT = frozenset({"remove-input", "remove_input"})
_HIDDEN_OUTPUT = frozenset({"remove-output", "remove_output", "hide-output", "hide_output"})


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the assembled text."""

    kind: str  # markdown, code, output
    text: str
    language: str = ""


def parse_notebook(raw: RawDocument, options: ParseOptions) -> Document:
    """A notebook; its text is the cells' sources and text outputs, apart by blank lines.

    Images, HTML and terminal colours of outputs are dropped. Raises ParseError: encoding, binary,
    malformed or empty.
    """
    parts = list(_parts(_load(raw)))
    builder = DocumentBuilder(raw, options)
    builder.site = options.site
    text = _SEPARATOR.join(part.text for part in parts)
    slugger = Slugger(_rule(options.site))
    # nbsphinx and MyST-NB both read notebooks' cells with more than CommonMark, but not with directives.
    dialect = Dialect("github", slugger.rule)
    position = 0
    for part in parts:
        end = position + len(part.text)
        if part.kind == "markdown":
            _markdown(builder, text, (position, end), dialect, slugger)
        else:
            kind = BlockKind.CODE if part.kind == "code" else BlockKind.OUTPUT
            builder.add(kind, position, end, language=part.language)
        position = end + len(_SEPARATOR)
    return builder.build(text)


def _rule(site: Site) -> Rule:
    """Docusaurus and Hugo convert notebooks to their own pages; all others keep Jupyter's ids."""
    return site if site in {"docusaurus", "hugo"} else "jupyter"


def _markdown(
    builder: DocumentBuilder,
    text: str,
    span: tuple[int, int],
    dialect: Dialect,
    slugger: Slugger,
) -> None:
    if span[0] == 0:
        # Quarto and Jupyter Book keep a page's front matter in the first cell.
        front = read_front_matter(text[slice(*span)])
        if front.end:
            apply_front_matter(builder, front)
            span = front.end, span[1]
    read_markdown(builder, text, span, dialect, slugger)


def _load(raw: RawDocument) -> dict[str, Any]:
    try:
        found = json.loads(decode(raw.content))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ParseError("malformed", f"{raw.page} is not valid JSON, so no notebook.") from error
    if not isinstance(found, dict) or not isinstance(_cells(found), list):
        raise ParseError("malformed", f"{raw.page} holds no list of cells, so it is no notebook.")
    return found


def _cells(notebook: dict[str, Any]) -> object:
    """The cells; format 3 keeps them in worksheets."""
    sheets = notebook.get("worksheets")
    if isinstance(sheets, list) and sheets and isinstance(sheets[0], dict):
        return sheets[0].get("cells")
    return notebook.get("cells")


def _parts(notebook: dict[str, Any]) -> Iterator[_Part]:
    language = _language(notebook)
    cells = _cells(notebook)
    for cell in cells if isinstance(cells, list) else []:
        if not isinstance(cell, dict):
            continue
        tags = _tags(cell)
        if tags & _HIDDEN_TAGS or _metadata(cell).get("nbsphinx") == "hidden":
            continue
        kind = cell.get("cell_type")
        if kind == "markdown":
            yield from _part("markdown", _joined(cell.get("source")))
        elif kind == "heading":  # format 3
            yield from _part("markdown", _old_heading(cell))
        elif kind == "code":
            yield from _code(cell, language, tags)


def _code(cell: dict[str, Any], language: str, tags: frozenset[str]) -> Iterator[_Part]:
    if not tags & _HIDDEN_INPUT:
        source = _joined(cell.get("source", cell.get("input")))
        yield from _part("code", source, _magic(source) or language)
    if not tags & _HIDDEN_OUTPUT:
        yield from _part("output", _printed(cell.get("outputs")))


def _part(kind: str, source: str, language: str = "") -> Iterator[_Part]:
    text = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = text.strip("\n") if kind != "markdown" else text.rstrip()
    if text.strip():
        yield _Part(kind, text, language)


def _old_heading(cell: dict[str, Any]) -> str:
    level = cell.get("level")
    marks = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
    return f"{marks} {' '.join(_joined(cell.get('source')).split())}"


def _language(notebook: dict[str, Any]) -> str:
    metadata = _metadata(notebook)
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        section = metadata.get(key)
        if isinstance(section, dict) and isinstance(section.get(name), str):
            return str(section[name]).lower()
    return "python"


def _magic(source: str) -> str:
    """The language of a cell that begins with %%bash, %%sql and the like."""
    match = re.match(r"%%(bash|sh|html|javascript|js|sql|perl|ruby|R|latex|writefile)\b", source)
    if match is None:
        return ""
    return "" if match[1] == "writefile" else match[1].lower()


def _printed(outputs: object) -> str:
    """The text outputs of a cell, cut to MAX_OUTPUT_CHARS at the end of a line."""
    found = outputs if isinstance(outputs, list) else []
    pieces = [_clean(_output_text(output)) for output in found if isinstance(output, dict)]
    text = "\n".join(piece for piece in pieces if piece.strip())
    if len(text) <= MAX_OUTPUT_CHARS:
        return text
    kept = text[:MAX_OUTPUT_CHARS]
    return kept[: kept.rfind("\n")] if "\n" in kept else kept


def _output_text(output: dict[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _joined(output.get("text"))
    if kind in {"error", "pyerr"}:
        return f"{output.get('ename', '')}: {output.get('evalue', '')}".strip(": ")
    data = output.get("data")
    if isinstance(data, dict):
        shown = any(key.startswith(("image/", "application/vnd")) for key in data)
        return "" if shown else _joined(data.get("text/plain"))
    return _joined(output.get("text"))


def _clean(text: str) -> str:
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    text = _CONTROL.sub("", _OVERWRITTEN.sub("", text))
    return _STAND_IN.sub("", text).rstrip()


def _tags(cell: dict[str, Any]) -> frozenset[str]:
    tags = _metadata(cell).get("tags")
    return frozenset(map(str, tags)) if isinstance(tags, list) else frozenset()


def _metadata(holder: dict[str, Any]) -> dict[str, Any]:
    metadata = holder.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _joined(source: object) -> str:
    """Jupyter stores text as one string or as a list of lines."""
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""
