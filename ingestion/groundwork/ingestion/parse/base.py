"""What the parsers of all formats share: options, the error, decoding, and the document's assembly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from groundwork.core.documents import Block, BlockKind, Document, RawDocument, Section
from groundwork.ingestion.parse.decoding import decode
from groundwork.ingestion.parse.options import PARSER_VERSION, ParseError, ParseOptions, Site
from groundwork.ingestion.parse.slugs import Rule, Slugger, slugify
from groundwork.ingestion.parse.urls import public_url

__all__ = [
    "PARSER_VERSION",
    "DocumentBuilder",
    "ParseError",
    "ParseOptions",
    "Rule",
    "Site",
    "Slugger",
    "decode",
    "humanise",
    "public_url",
    "slugify",
]

_INDEX_STEMS = frozenset({"index", "_index", "readme"})
_SEPARATORS = re.compile(r"[-_\s]+")


@dataclass(frozen=True, slots=True)
class _Heading:
    anchor: str
    text: str
    level: int


class DocumentBuilder:
    """Collects the sections and blocks of one page, in reading order, and makes the Document of them.

    `title`, `metadata`, `tags`, `product_version` and `url` may be set at any time before `build`; what
    is not set falls back (title: the first heading, then the file's name; url: the source's, then the
    rule of the site).
    """

    def __init__(self, raw: RawDocument, options: ParseOptions) -> None:
        self.title = ""
        self.metadata: dict[str, str] = {}
        self.tags: tuple[str, ...] = ()
        self.product_version: str | None = None
        self.url = raw.url
        self.site: Site | None = None
        self._raw = raw
        self._options = options
        self._headings: list[_Heading] = []
        self._blocks: list[Block] = []
        self._end = 0

    @property
    def blocks(self) -> int:
        """How many blocks there are so far."""
        return len(self._blocks)

    def start_section(self, anchor: str, heading: str, level: int) -> None:
        """A heading of level 1 to 6; the blocks added from now on stand under it."""
        self._headings.append(_Heading(anchor, " ".join(heading.split()), min(max(level, 1), 6)))

    def add(
        self,
        kind: BlockKind,
        start: int,
        end: int,
        plain: str | None = None,
        language: str = "",
        *,
        anchor: str | None = None,
    ) -> None:
        """The next block, `text[start:end]`; `plain` where its reading differs.

        A span that reaches into the block before it is cut to begin behind it. One without any characters
        left, or with nothing to read, is no block.
        """
        start = max(start, self._end)
        if start >= end or (plain is not None and not plain.strip()):
            return
        section = len(self._headings)
        self._blocks.append(Block(kind, start, end, section, plain, language, anchor))
        self._end = end

    def extend(self, end: int, plain: str) -> None:
        """Let the last block run on to `end`; `plain` is its whole reading, with what it had."""
        self._blocks[-1] = replace(self._blocks[-1], end=end, plain=plain)
        self._end = end

    def build(self, text: str) -> Document:
        """The page. Raises ParseError("empty") where no block has anything to read."""
        blocks = tuple(_settled(block, text) for block in self._blocks if _readable(block, text))
        if not blocks:
            raise ParseError("empty", f"{self._raw.page} holds no text to index.")
        title = self.title.strip() or self._fallback_title()
        return Document(
            page=self._raw.page,
            title=title,
            text=text,
            sections=tuple(self._sections(title)),
            blocks=blocks,
            content_hash=self._raw.content_hash,
            revision=self._raw.revision,
            url=self.url or public_url(self._raw.page, self._options, self.metadata, self.site),
            tags=tuple(dict.fromkeys((*self._options.tags, *self.tags))),
            product_version=self.product_version or self._options.product_version,
            metadata=dict(self.metadata),
        )

    def _fallback_title(self) -> str:
        first = min(
            self._headings[:1] + self._level_one(), key=lambda each: each.level, default=None
        )
        return (first.text if first else "") or humanise(self._raw.page)

    def _level_one(self) -> list[_Heading]:
        return [heading for heading in self._headings if heading.level == 1][:1]

    def _sections(self, title: str) -> list[Section]:
        sections = [Section("", (title,), 0)]
        path: list[_Heading] = []
        named = False
        for number, heading in enumerate(self._headings):
            top = number == 0 or heading.level == 1
            if top and not named and heading.text == title:
                # The page's own heading: everything else stands under it, whatever its level.
                named, path = True, []
                sections.append(Section(heading.anchor, (title,), heading.level))
                continue
            path = [above for above in path if above.level < heading.level]
            path.append(heading)
            headings = tuple(above.text for above in path if above.text)
            sections.append(Section(heading.anchor, (title, *headings), heading.level))
        return sections


def _readable(block: Block, text: str) -> bool:
    return not text[block.start : block.end].isspace()


def _settled(block: Block, text: str) -> Block:
    """The block with `plain` None where it says no more than the text does."""
    if block.plain is not None and block.plain == text[block.start : block.end]:
        return replace(block, plain=None)
    return block


def humanise(page: str) -> str:
    """A title from a file's name: "guides/deploy-to_k8s.md" is "Deploy to k8s"."""
    parts = [part for part in page.strip("/").split("/") if part]
    while parts:
        name = parts.pop()
        stem = name.rpartition(".")[0] or name
        if stem.lower() not in _INDEX_STEMS or not parts:
            words = _SEPARATORS.sub(" ", stem).strip() or stem
            return words[:1].upper() + words[1:]
    return page or "Untitled"


def scalar_metadata(values: Mapping[str, object]) -> dict[str, str]:
    """The values that are plain scalars, as text."""
    return {
        str(key): str(value).strip()
        for key, value in values.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
