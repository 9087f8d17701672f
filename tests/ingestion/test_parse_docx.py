"""Word documents, written here by python-docx."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import docx_package
from groundwork.ingestion.parse.docx import parse_docx
from groundwork.ingestion.parse.options import ParseError, ParseOptions

_NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def saved(made: Any) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def with_body(xml: str) -> bytes:
    """A document whose body is this WordprocessingML."""
    made: Any = docx.Document()
    for element in parse_xml(f"<w:body {_NAMESPACE}>{xml}</w:body>"):
        made.element.body.insert_element_before(element, "w:sectPr")
    return saved(made)


def parse(content: bytes) -> Document:
    return parse_docx(RawDocument("docs/pump.docx", content, "0" * 64, "r1"), ParseOptions())


def texts(document: Document) -> list[str]:
    return [document.text[one.start : one.end] for one in document.blocks]


def reason_of(content: bytes) -> str:
    with pytest.raises(ParseError) as caught:
        parse(content)
    return caught.value.reason


def test_paragraphs_and_tables_keep_their_order_and_sections() -> None:
    made: Any = docx.Document()
    made.core_properties.title = "Stated"
    made.core_properties.author = "Ann"
    made.add_paragraph("Pump", style="Title")
    made.add_paragraph("Before.")
    made.add_heading("Parts list", level=1)
    table = made.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ("a", "b\nc", "d", ""), strict=True
    ):
        cell.text = text
    made.add_paragraph("Between.")
    made.add_heading("Valves", level=2)
    made.add_paragraph("Of  valves.\nMore.")
    document = parse(saved(made))
    assert texts(document) == ["Before.", "a | b c\nd |", "Between.", "Of valves.\nMore."]
    assert document.blocks[1].kind is BlockKind.TABLE
    assert [(one.anchor, one.path) for one in document.sections] == [
        ("", ("Pump",)),
        ("pump", ("Pump",)),
        ("parts-list", ("Pump", "Parts list")),
        ("valves", ("Pump", "Parts list", "Valves")),
    ]
    assert document.title == "Pump"
    assert document.metadata["author"] == "Ann"


def test_lists_carry_their_marks_in_the_reading_only() -> None:
    made: Any = docx.Document()
    for text, style in (
        ("one", "List Number"),
        ("two", "List Number"),
        ("dot", "List Bullet"),
        ("deep", "List Bullet 2"),
        ("plain", "List Paragraph"),
    ):
        made.add_paragraph(text, style=style)
    document = parse(saved(made))
    assert texts(document) == ["one", "two", "dot", "deep", "plain"]
    plain = [document.plain(one) for one in document.blocks]
    assert plain[:2] == ["1. one", "2. two"]
    assert [one.strip() for one in plain[2:]] == ["- dot", "- deep", "plain"]
    assert document.blocks[4].kind is BlockKind.PARAGRAPH


def test_monospace_paragraphs_are_one_block_of_code() -> None:
    made: Any = docx.Document()
    made.add_paragraph("Run this:")
    for line in ("if x:", "", "    y()"):
        run = made.add_paragraph().add_run(line)
        run.font.name = "Courier New"
    made.add_paragraph("Use ").add_run("y()").font.name = "Consolas"
    document = parse(saved(made))
    assert texts(document) == ["Run this:", "if x:\n\n    y()", "Use y()"]
    assert [one.kind for one in document.blocks] == [
        BlockKind.PARAGRAPH, BlockKind.CODE, BlockKind.PARAGRAPH,
    ]  # fmt: skip


def test_what_word_hides_is_not_read_and_what_it_wraps_is() -> None:
    document = parse(
        with_body(
            "<w:p><w:r><w:t>Kept </w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>HIDDEN</w:t></w:r>"
            "<w:del><w:r><w:delText>GONE</w:delText></w:r></w:del><w:ins><w:r><w:t>inserted </w:t></w:r></w:ins>"
            "<w:hyperlink><w:r><w:t>linked</w:t></w:r></w:hyperlink>"
            "<w:r><w:instrText>FIELD</w:instrText></w:r>"
            '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:tab/><w:t>shown\u200b</w:t></w:r></w:p>'
            "<w:sdt><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
            '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
            "<w:sdtContent><w:p><w:r><w:t>CONTENTS</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        )
    )
    assert texts(document) == ["Kept inserted linked shown", "In a control."]
    assert document.metadata["invisible_characters"] == "1"


def test_headings_by_outline_level_and_anchors_by_bookmark() -> None:
    document = parse(
        with_body(
            '<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:bookmarkStart w:id="1" w:name="_Toc1"/>'
            '<w:bookmarkStart w:id="2" w:name="valves"/><w:r><w:t>Of valves</w:t></w:r></w:p>'
            "<w:p><w:r><w:t>Text.</w:t></w:r></w:p>"
        )
    )
    section = document.sections[document.blocks[0].section]
    assert (section.anchor, section.heading, section.level) == ("valves", "Of valves", 2)


def test_merged_cells_are_read_once() -> None:
    cell = "<w:tc><w:tcPr>{}</w:tcPr><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    merged = '<w:vMerge w:val="restart"/>'
    document = parse(
        with_body(
            f"<w:tbl><w:tr>{cell.format(merged, 'a')}{cell.format('', 'b')}</w:tr>"
            f"<w:tr>{cell.format('<w:vMerge/>', 'a')}{cell.format('', 'c')}</w:tr></w:tbl>"
        )
    )
    assert texts(document) == ["a | b\n | c"]


def _archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04 not a zip", "malformed"),
        (_archive({"hello.txt": b"no word in here"}), "malformed"),
        (_OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (_OLE + "WordDocument".encode("utf-16-le"), "unsupported"),
        (saved(docx.Document()), "empty"),
    ],
)
def test_files_that_cannot_be_read_say_why(content: bytes, reason: str) -> None:
    assert reason_of(content) == reason


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docx_package, "_MAX_UNPACKED", 10_000)
    bomb = _archive({"word/document.xml": b" " * 20_000})
    assert len(bomb) < 1000
    assert reason_of(bomb) == "malformed"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_parses_or_is_refused(data: st.DataObject) -> None:
    made: Any = docx.Document()
    made.add_heading("Parts", level=1)
    made.add_paragraph("one", style="List Number")
    made.add_table(rows=1, cols=2).rows[0].cells[0].text = "a"
    with zipfile.ZipFile(io.BytesIO(saved(made))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    victim = data.draw(
        st.sampled_from([name for name in members if name.endswith((".xml", ".rels"))])
    )
    content = bytearray(members[victim])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 80))] = data.draw(st.binary(max_size=10))
    try:
        document = parse(_archive({**members, victim: bytes(content)}))
    except ParseError:
        return
    assert document.blocks
