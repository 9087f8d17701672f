r"""Documents as every part sees them: raw bytes in, structured text, chunks out.

Offsets are code points into `Document.text`, half-open. For text formats (Markdown, MDX,
reStructuredText, plain text) `Document.text` is the decoded file itself with line ends normalised to
"\n", so an offset is an offset into the file; for the others (HTML, PDF, DOCX, notebooks) it is the
visible text that the parser extracted. A quote is always a slice of `Document.text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One file of a source, unparsed.

    `page` is the identity of the page within its index: a POSIX path relative to the source's root (for a
    website, the URL's path), stable between runs. `content_hash` is the SHA-256 of `content` in hex.
    `revision` is the git commit or "sha256:<hash>". `url` is set only where the source itself knows
    the public URL.
    """

    page: str
    content: bytes
    content_hash: str
    revision: str
    url: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that does not go in, and why. `reason` is a short stable code, `detail` one sentence.

    `content_hash` is set where the content was read, so that the same bad file is not parsed again.
    """

    page: str
    reason: str
    detail: str
    content_hash: str = ""


class BlockKind(StrEnum):
    """What a block is; it decides how it may be cut and how an answer shows it."""

    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    CODE = "code"
    TABLE = "table"
    SIGNATURE = "signature"  # of a function, class, option or field, as API references print them
    OUTPUT = "output"  # what a notebook cell printed


@dataclass(frozen=True, slots=True)
class Section:
    """One heading and what stands under it, up to the next heading of any level.

    `anchor` is the fragment id that the published page really has ("" for the page's top). `path` holds
    the headings from the page's title down to this one, inclusive; `level` is 1 to 6, 0 for text above the
    first heading.
    """

    anchor: str
    path: tuple[str, ...]
    level: int
    # A section that can be linked to may have no heading; its path is then that of the section around it.
    named: bool = True

    @property
    def heading(self) -> str:
        """The section's own heading."""
        return self.path[-1] if self.path else ""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item, code block, table … of one section.

    `text[start:end]` of the document is the block verbatim (for code: without fences or markers, its
    indentation intact). `plain` is the same for reading and embedding, without inline markup, link
    targets and shortcodes; None where it equals the verbatim text. `section` indexes
    `Document.sections`. `anchor` is set where the block has an id of its own (an API signature).
    """

    kind: BlockKind
    start: int
    end: int
    section: int
    plain: str | None = None
    language: str = ""
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed page. `sections[0]` always exists; blocks are in reading order and do not overlap."""

    page: str
    title: str
    text: str
    sections: tuple[Section, ...]
    blocks: tuple[Block, ...]
    content_hash: str
    revision: str
    url: str | None = None
    tags: tuple[str, ...] = ()
    product_version: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def plain(self, block: Block) -> str:
        """The block for reading and embedding."""
        return block.plain if block.plain is not None else self.text[block.start : block.end]

    def with_metadata(self, metadata: Mapping[str, str]) -> Document:
        """The same page with other metadata."""
        return replace(self, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing an answer may quote: one sentence, or one whole code block, table or signature.

    `start` and `end` are offsets into the page's text; `plain` is None where it equals that slice.
    """

    kind: BlockKind
    start: int
    end: int
    plain: str | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: a run of whole blocks of one section, the unit that is embedded and found.

    `text` is the page's text from `start` to `end`, verbatim. `embedding_text` is what the embedder reads:
    the section's heading, then the plain text. `lexical_text` is what BM25 reads: the whole path of
    headings before it. `digest` is the SHA-256 of
    `embedding_text`: chunks with equal digests share one vector. `ordinal` counts the page's chunks
    from 0.
    """

    id: str
    page: str
    ordinal: int
    title: str
    url: str | None
    anchor: str
    heading_path: tuple[str, ...]
    revision: str
    start: int
    end: int
    text: str
    embedding_text: str
    digest: str
    units: tuple[Unit, ...]
    tags: tuple[str, ...] = ()
    product_version: str | None = None

    @property
    def lexical_text(self) -> str:
        """Title and headings, then what the embedder reads."""
        return " > ".join((self.title, *self.heading_path[:-1])) + "\n" + self.embedding_text

    def verbatim(self, unit: Unit) -> str:
        """The unit as it stands in the page."""
        return self.text[unit.start - self.start : unit.end - self.start]

    def plain(self, unit: Unit) -> str:
        """The unit for reading."""
        return unit.plain if unit.plain is not None else self.verbatim(unit)
