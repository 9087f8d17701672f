from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.core.schema import Document, MetadataMode, NodeRelationship, TextNode

from groundwork.core.documents import Chunk, RawDocument, Skipped
from groundwork.core.errors import InvalidInput
from groundwork.ingestion.chunk import ChunkingConfig, chunk_document
from groundwork.ingestion.llama import from_reader, to_nodes
from groundwork.ingestion.parse import ParseOptions, parse

TEXT = (
    "# Guide\n\nIt starts here.\n\n## Install\n\nRun `make`.\n\n## Remove\n\nDelete the folder.\n"
)


def chunks(page: str = "guide.md", text: str = TEXT) -> list[Chunk]:
    [raw] = from_reader([Document(text=text, metadata={"file_path": page})]).read()
    assert isinstance(raw, RawDocument)
    parsed = parse(raw, ParseOptions(url_base="https://docs.example.org", site="github"))
    return chunk_document(parsed, lambda words: len(words.split()), ChunkingConfig())


def related(node: TextNode, relationship: NodeRelationship) -> str | None:
    found = node.relationships.get(relationship)
    return None if found is None else found.node_id  # type: ignore[union-attr]  # one each, never a list


def pages(documents: list[Document], root: str | None = None) -> list[str]:
    return [raw.page for raw in from_reader(documents, root=root).read()]


def test_a_node_says_where_its_text_stands() -> None:
    _, install, _ = to_nodes(chunks())
    _, chunk, _ = chunks()
    assert install.node_id == chunk.id
    assert install.text == chunk.text == TEXT[install.start_char_idx : install.end_char_idx]
    assert install.metadata == {
        "title": "Guide",
        "heading_path": "Guide > Install",
        "url": chunk.url,
        "anchor": "install",
        "page": "guide.md",
        "revision": chunk.revision,
    }
    assert chunk.url
    assert chunk.url.startswith("https://docs.example.org")


def test_neighbours_are_those_of_the_same_page() -> None:
    first, second = chunks("a.md"), chunks("b.md")
    nodes = to_nodes([*first, *second])
    previous = [related(node, NodeRelationship.PREVIOUS) for node in nodes]
    following = [related(node, NodeRelationship.NEXT) for node in nodes]
    a, b = [chunk.id for chunk in first], [chunk.id for chunk in second]
    assert previous == [None, a[0], a[1], None, b[0], b[1]]
    assert following == [a[1], a[2], None, b[1], b[2], None]
    assert [related(node, NodeRelationship.SOURCE) for node in nodes] == ["a.md"] * 3 + ["b.md"] * 3


def test_order_and_gaps_do_not_invent_neighbours() -> None:
    first, _, last = chunks()
    nodes = to_nodes([last, first])
    assert [node.node_id for node in nodes] == [last.id, first.id]
    for node in nodes:
        assert NodeRelationship.NEXT not in node.relationships
        assert NodeRelationship.PREVIOUS not in node.relationships


def test_addresses_are_not_embedded() -> None:
    node = to_nodes(chunks())[1]
    read = node.get_content(MetadataMode.EMBED)
    assert "Guide > Install" in read
    assert "docs.example.org" not in read


def test_no_chunks_no_nodes() -> None:
    assert to_nodes([]) == []


def test_pages_come_sorted_and_the_same_on_every_read() -> None:
    source = from_reader(
        [Document(text=name, metadata={"file_path": name}) for name in ("b.md", "a.md")]
    )
    first = list(source.read())
    assert [raw.page for raw in first] == ["a.md", "b.md"]
    assert list(source.read()) == first


def test_parts_of_a_page_are_joined_in_the_order_given() -> None:
    parts = [
        Document(text=text, metadata={"file_path": "/srv/a.pdf", "page_label": label})
        for label, text in (("1", "first"), ("2", "second"))
    ]
    [raw] = from_reader(parts, root="/srv").read()
    assert isinstance(raw, RawDocument)
    assert (raw.page, raw.content) == ("a.pdf.txt", b"first\n\nsecond")
    assert parse(raw, ParseOptions()).text.startswith("first")


@pytest.mark.parametrize(
    ("path", "root", "page"),
    [
        ("/srv/docs/a/b.md", "/srv/docs", "a/b.md"),
        ("/srv/docs/b.md", "/srv/docs/", "b.md"),
        ("/srv/docs/b.md", None, "srv/docs/b.md"),
        ("../b.md", None, "b.md"),
        ("C:\\docs\\b.md", "C:\\docs", "b.md"),
        ("data.csv", None, "data.csv.txt"),
        ("LICENSE", None, "LICENSE"),
    ],
)
def test_the_page_is_the_path(path: str, root: str | None, page: str) -> None:
    assert pages([Document(text="x", metadata={"file_path": path})], root) == [page]


def test_without_a_path_the_page_is_the_id() -> None:
    web = Document(
        text="x", id_="https://example.org/a/", metadata={"url": "https://example.org/a/"}
    )
    [raw] = from_reader([web]).read()
    assert isinstance(raw, RawDocument)
    assert (raw.page, raw.url) == ("example.org/a", "https://example.org/a/")


@pytest.mark.parametrize(
    ("metadata", "media_type"),
    [
        ({"file_path": "a.md"}, "text/markdown"),
        ({"file_path": "a.MDX"}, "text/markdown"),
        ({"file_path": "a", "file_type": "text/markdown"}, "text/markdown"),
        ({"file_path": "a.txt", "file_type": "text/plain"}, "text/plain"),
    ],
)
def test_media_types(metadata: dict[str, str], media_type: str) -> None:
    [raw] = from_reader([Document(text="x", metadata=metadata)]).read()
    assert isinstance(raw, RawDocument)
    assert raw.media_type == media_type


def test_an_empty_document_is_skipped_by_name() -> None:
    [skipped] = from_reader([Document(text="", metadata={"file_path": "a.md"})]).read()
    assert isinstance(skipped, Skipped)
    assert (skipped.page, skipped.reason) == ("a.md", "empty-file")


def test_a_lone_surrogate_does_not_stop_the_source() -> None:
    [raw] = from_reader([Document(text="a\ud800b", metadata={"file_path": "a.md"})]).read()
    assert isinstance(raw, RawDocument)
    assert raw.content == b"a?b"


def test_a_page_that_is_not_below_root_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not below root") as caught:
        from_reader([Document(text="x", metadata={"file_path": "/etc/b.md"})], root="/srv")
    assert caught.value.field == "root"


def test_a_document_without_a_page_is_refused() -> None:
    with pytest.raises(InvalidInput, match="names no page"):
        from_reader([Document(text="x", metadata={"file_path": "/"})])


def test_a_directory_reader_goes_through(tmp_path: Path) -> None:
    from llama_index.core import SimpleDirectoryReader

    (tmp_path / "sub").mkdir()
    (tmp_path / "guide.md").write_text(TEXT)
    (tmp_path / "sub" / "page.html").write_text("<h1>Page</h1><p>Some text.</p>")
    documents = SimpleDirectoryReader(str(tmp_path), recursive=True).load_data()
    raws = list(from_reader(documents, root=str(tmp_path)).read())
    assert [raw.page for raw in raws] == ["guide.md", "sub/page.html"]
    titles = [parse(raw, ParseOptions()).title for raw in raws if isinstance(raw, RawDocument)]
    assert titles == ["Guide", "Page"]


def test_the_bridge_alone_imports_no_llama_index() -> None:
    code = "import sys, groundwork.ingestion.llama; sys.exit('llama_index' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
