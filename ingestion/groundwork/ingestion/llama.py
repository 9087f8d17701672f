"""The bridge to LlamaIndex: chunks out as nodes, a reader's documents in as a source.

LlamaIndex is imported when nodes are made (1.3 CPU-seconds), never before: docs/decisions/llama-index.md.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from groundwork.core.documents import Chunk, RawDocument, Skipped
from groundwork.core.errors import InvalidInput
from groundwork.ingestion.sources.base import MEBIBYTE, as_document, too_large

if TYPE_CHECKING:
    from llama_index.core.schema import Document, TextNode

# What an embedding or a prompt is better without: addresses and identities.
_SILENT = ["url", "anchor", "page", "revision"]
_MARKDOWN_SUFFIXES = frozenset({".md", ".mdx", ".markdown", ".mkd"})
# Readers leave these as they are in the file; of every other format they hand over extracted text.
_RAW_SUFFIXES = frozenset({*_MARKDOWN_SUFFIXES, ".rst", ".rest", ".txt", ".text", ".html", ".htm", ".xhtml"})  # fmt: skip
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# As the other sources: a page over this is a mistake.
_MAX_BYTES = 20 * MEBIBYTE


def to_nodes(chunks: Iterable[Chunk]) -> list[TextNode]:
    """One node a chunk, in the order given, ready for LlamaIndex's retrievers and evaluators.

    The node's id is the chunk's, its text the page's verbatim, and its character indices the offsets into the
    page. Metadata is flat, as vector stores want it: `heading_path` is joined with " > ", and a page without
    an address has the URL "". SOURCE names the page; PREVIOUS and NEXT the page's neighbouring chunks,
    where they are among those given.
    """
    given = list(chunks)
    ids = {(chunk.page, chunk.ordinal): chunk.id for chunk in given}
    return [_node(chunk, ids) for chunk in given]


def _node(chunk: Chunk, ids: dict[tuple[str, int], str]) -> TextNode:
    from llama_index.core.schema import NodeRelationship, ObjectType, RelatedNodeInfo, TextNode

    node = TextNode(
        id_=chunk.id,
        text=chunk.text,
        start_char_idx=chunk.start,
        end_char_idx=chunk.end,
        metadata={
            "title": chunk.title,
            "heading_path": " > ".join(chunk.heading_path),
            "url": chunk.url or "",
            "anchor": chunk.anchor,
            "page": chunk.page,
            "revision": chunk.revision,
        },
        excluded_embed_metadata_keys=list(_SILENT),
        excluded_llm_metadata_keys=list(_SILENT),
    )
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(
        node_id=chunk.page, node_type=ObjectType.DOCUMENT
    )
    neighbours = ((NodeRelationship.PREVIOUS, -1), (NodeRelationship.NEXT, 1))
    for relationship, step in neighbours:
        neighbour = ids.get((chunk.page, chunk.ordinal + step))
        if neighbour is not None:
            node.relationships[relationship] = RelatedNodeInfo(
                node_id=neighbour, node_type=ObjectType.TEXT
            )
    return node


def from_reader(
    documents: Iterable[Document], *, label: str = "llama-index", root: str | None = None
) -> ReaderSource:
    """The documents of any LlamaIndex reader as a source for `ingest`.

    A page is the document's `file_path`, relative to `root` where that is given, else the document's id. What a
    reader split into several documents of one page (a PDF's leaves) is joined again in the order given. Text
    that a reader extracted from a format of its own becomes a page named "guide.pdf.txt". Ids that a reader
    draws at random make every page new on every run; give such documents a `file_path`. Raises InvalidInput
    for a document that names no page, or one outside `root`.
    """
    pages: dict[str, list[Document]] = {}
    for document in documents:
        pages.setdefault(_page(document, root), []).append(document)
    return ReaderSource(label, pages)


class ReaderSource:
    """Documents that a reader has read already; see `from_reader`."""

    def __init__(self, label: str, pages: dict[str, list[Document]]) -> None:
        self.label = label
        self.ignored: Counter[str] = Counter()
        self._pages = pages

    def read(self) -> Iterator[RawDocument | Skipped]:
        """The pages, sorted by name."""
        for page, documents in sorted(self._pages.items()):
            # A lone surrogate, which no file can hold, becomes a question mark.
            content = "\n\n".join(each.text for each in documents).encode(errors="replace")
            if len(content) > _MAX_BYTES:
                yield too_large(page, len(content), _MAX_BYTES)
                continue
            url = documents[0].metadata.get("url")
            yield as_document(
                page,
                content,
                url=url if isinstance(url, str) and url else None,
                media_type=_media_type(page, documents[0]),
            )


def _page(document: Document, root: str | None) -> str:
    path = document.metadata.get("file_path")
    if not path:
        page = _relative(_SCHEME.sub("", document.node_id))
    else:
        page = _relative(_below(str(path), root))
        suffix = PurePosixPath(page).suffix.lower()
        if suffix and suffix not in _RAW_SUFFIXES:
            page += ".txt"
    if not page:
        raise InvalidInput(
            f"the document {document.node_id!r} names no page; give it an id or metadata['file_path']",
            field="documents",
        )
    return page


def _below(path: str, root: str | None) -> str:
    if root is None:
        return path
    try:
        return PurePosixPath(_posix(path)).relative_to(_posix(root)).as_posix()
    except ValueError:
        raise InvalidInput(
            f"{path} is not below root {root}; leave root out or name a folder that holds every document",
            field="root",
        ) from None


def _posix(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))


def _relative(path: str) -> str:
    """Without a leading slash, and without steps upwards, so that a page stays below any URL base."""
    parts = [part for part in _posix(path).split("/") if part not in {"", ".", ".."}]
    return "/".join(parts)


def _media_type(page: str, document: Document) -> str:
    declared = document.metadata.get("file_type")
    markdown = PurePosixPath(page).suffix.lower() in _MARKDOWN_SUFFIXES
    return "text/markdown" if markdown or declared == "text/markdown" else "text/plain"
