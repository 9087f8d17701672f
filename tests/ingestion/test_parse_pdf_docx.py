"""PDF and DOCX, on files made here."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import ParseError, ParseOptions, parse


def pdf(pages: list[list[str]]) -> bytes:
    """The smallest PDF that shows these lines."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, lines in enumerate(pages):
        shown = " ".join(f"({line}) Tj 0 -14 Td" for line in lines)
        stream = f"BT /F1 12 Tf 72 720 Td {shown} ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * n} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    xref = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    body += "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    body += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF"
    return body.encode()


def read(name: str, content: bytes) -> Document:
    return parse(RawDocument(name, content, "hash", "rev"), ParseOptions())


def reason(name: str, content: bytes) -> str:
    with pytest.raises(ParseError) as caught:
        read(name, content)
    return caught.value.reason


def test_a_pdf_has_a_section_a_page_that_browsers_can_open() -> None:
    document = read(
        "manual.pdf", pdf([["First page speaks of pumps."], ["Second page of valves."]])
    )
    assert [section.anchor for section in document.sections if section.anchor] == [
        "page=1",
        "page=2",
    ]
    texts = [document.text[block.start : block.end] for block in document.blocks]
    assert texts == ["First page speaks of pumps.", "Second page of valves."]


def test_running_heads_and_page_numbers_are_dropped() -> None:
    pages = [["ACME Manual", f"Body of page {n}.", f"{n}"] for n in range(1, 7)]
    text = read("manual.pdf", pdf(pages)).text
    assert "ACME" not in text
    assert "Body of page 3." in text


def test_words_cut_at_a_line_end_are_joined_for_reading_only() -> None:
    document = read("manual.pdf", pdf([["The config-", "uration file."]]))
    assert "configuration file" in document.plain(document.blocks[0])


@pytest.mark.parametrize("content", [b"%PDF-1.4\nnothing else", b"%PDF-1.7\n" + b"\x00\xff" * 400])
def test_broken_pdfs_are_malformed(content: bytes) -> None:
    assert reason("x.pdf", content) == "malformed"


def test_a_scanned_pdf_is_empty_and_says_so() -> None:
    assert reason("scan.pdf", pdf([[]])) == "empty"


def word() -> bytes:
    made = docx.Document()
    made.add_heading("Install", level=1)
    made.add_paragraph("Take the package.")
    made.add_heading("From source", level=2)
    made.add_paragraph("Clone it", style="List Number")
    made.add_paragraph("Build it", style="List Bullet")
    for line in ("if ready:", "    go()"):
        run = made.add_paragraph().add_run(line)
        run.font.name = "Courier New"
    table = made.add_table(rows=2, cols=2)
    for row, texts in zip(table.rows, (("Flag", "Meaning"), ("-v", "verbose")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_a_docx_keeps_its_structure() -> None:
    document = read("guide.docx", word())
    kinds = [block.kind for block in document.blocks]
    assert kinds == [
        BlockKind.PARAGRAPH,
        BlockKind.LIST_ITEM,
        BlockKind.LIST_ITEM,
        BlockKind.CODE,
        BlockKind.TABLE,
    ]
    code, table = document.blocks[3], document.blocks[4]
    assert document.text[code.start : code.end] == "if ready:\n    go()"
    assert document.text[table.start : table.end] == "Flag | Meaning\n-v | verbose"
    assert document.sections[code.section].path == ("Install", "From source")
    assert document.sections[code.section].anchor == "from-source"


def test_bad_docx_files_have_their_reasons() -> None:
    assert reason("x.docx", b"PK\x03\x04 not a zip") == "malformed"
    assert reason("x.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600) == "encrypted"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "no word in here")
    assert reason("x.docx", out.getvalue()) == "malformed"
