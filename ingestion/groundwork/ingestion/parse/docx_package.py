"""Opens a DOCX file, and takes out of it what the parser needs."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groundwork.ingestion.parse.options import ParseError

# The container that Office writes around an encrypted document, and that the old .doc format is.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_FORMAT = "WordDocument".encode("utf-16-le")
_MAX_UNPACKED = 200 * 2**20
_MAX_STYLES_ABOVE = 20  # Word allows ten; a circle would not end


@dataclass(frozen=True, slots=True)
class Style:
    """A paragraph style: its name, and its element with those that it is based on."""

    name: str = ""
    elements: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """The XML of a document's body, its styles by id, and its numbering, None without lists."""

    body: Any
    styles: Mapping[str | None, Style]
    numbering: Any | None
    title: str
    author: str


def open_package(content: bytes, page: str) -> Package:
    """The document in `content`.

    Raises:
        ParseError: `encrypted`, `unsupported` for the old .doc format, `malformed` (also where it would
            unpack to more than 200 MiB).
    """
    from docx.opc.exceptions import OpcError
    from lxml import etree

    if content.startswith(_OLE):
        if _OLD_FORMAT in content:
            raise ParseError("unsupported", f"{page} is in the old .doc format; save it as .docx.")
        raise ParseError("encrypted", f"{page} wants a password; save it without one.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive, page)
        return _read(content)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OpcError) as error:
        raise ParseError("malformed", f"{page} cannot be read as DOCX: {error}") from error
    # What python-docx raises where a part is missing or is not what its type says.
    except (
        AttributeError,
        IndexError,
        KeyError,
        NotImplementedError,
        TypeError,
        ValueError,
        etree.LxmlError,
    ) as error:
        raise ParseError("malformed", f"{page} is damaged: {error}") from error


def _check(archive: zipfile.ZipFile, page: str) -> None:
    # zipfile never reads more of a member than its directory states, so the stated sizes are a bound.
    members = archive.infolist()
    if sum(member.file_size for member in members) > _MAX_UNPACKED:
        raise ParseError("malformed", f"{page} would unpack to more than 200 MiB.")
    if any(member.flag_bits & 1 for member in members):
        raise ParseError("encrypted", f"{page} is an encrypted archive.")


def _read(content: bytes) -> Package:
    import docx

    document = docx.Document(io.BytesIO(content))
    if document.element.body is None:
        raise ValueError("it has no body")
    styles: dict[str | None, Style] = {
        style.style_id: Style(str(style.name or ""), tuple(_chain(style)))
        for style in document.styles
    }
    styles.setdefault(None, styles.get("Normal", Style()))
    return Package(
        body=document.element.body,
        styles=styles,
        numbering=_numbering(document),
        title=" ".join((document.core_properties.title or "").split()),
        author=" ".join((document.core_properties.author or "").split()),
    )


def _chain(style: Any) -> Iterator[Any]:
    # Styles of lists and of characters are based on nothing that matters here.
    for _ in range(_MAX_STYLES_ABOVE):
        if style is None:
            return
        yield style.element
        style = getattr(style, "base_style", None)


def _numbering(document: Any) -> Any | None:
    from docx.opc.constants import RELATIONSHIP_TYPE

    for relation in document.part.rels.values():
        if relation.reltype == RELATIONSHIP_TYPE.NUMBERING and not relation.is_external:
            return relation.target_part.element
    return None
