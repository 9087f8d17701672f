"""PDF files as small as they get, written here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse.options import ParseError, ParseOptions
from groundwork.ingestion.parse.pdf import parse_pdf
from groundwork.ingestion.parse.pdf_lines import paragraphs, without_running_lines

FULL = "A line that is as long as the lines of this page are, so it runs on to"


def _file(objects: Sequence[str], trailer: str = "") -> bytes:
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return (
        f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{len(body)}\n%%EOF"
    ).encode("latin-1")


def pdf(
    pages: Sequence[Sequence[str]],
    *,
    title: str = "",
    outline: Sequence[tuple[str, int]] = (),
    trailer: str = "",
) -> bytes:
    """Each page's lines from the top; `outline` is (heading, page from 0), all on one level."""
    first_page = 6 + len(outline)
    page_numbers = [first_page + 2 * number for number in range(len(pages))]
    objects = [
        "<< /Type /Catalog /Pages 2 0 R /Outlines 5 0 R >>",
        f"<< /Type /Pages /Kids [{' '.join(f'{n} 0 R' for n in page_numbers)}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< /Title ({title}) /Author (Ann  Author) >>",
        f"<< /Type /Outlines /First 6 0 R /Last {5 + len(outline)} 0 R /Count {len(outline)} >>",
    ]
    for number, (heading, page) in enumerate(outline):
        following = f"/Next {7 + number} 0 R" if number + 1 < len(outline) else ""
        objects.append(
            f"<< /Title ({heading}) /Parent 5 0 R {following} /Dest [{page_numbers[page]} 0 R /Fit] >>"
        )
    for lines, number in zip(pages, page_numbers, strict=True):
        shown = " ".join(f"({line}) Tj 0 -14 Td" for line in lines)
        stream = f"BT /F1 12 Tf 72 720 Td {shown} ET"
        resources = "/MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
        objects += [
            f"<< /Type /Page /Parent 2 0 R {resources} /Contents {number + 1} 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    return _file(objects, f"/Info 4 0 R {trailer}")


def parse(content: bytes, options: ParseOptions | None = None) -> Document:
    return parse_pdf(
        RawDocument("docs/pump.pdf", content, "0" * 64, "r1"), options or ParseOptions()
    )


def texts(document: Document) -> list[str]:
    return [document.text[one.start : one.end] for one in document.blocks]


def test_each_page_is_a_section_that_browsers_can_open() -> None:
    document = parse(
        pdf([["Of pumps."], [], ["Of valves."]]), ParseOptions(url_base="https://a.example")
    )
    assert texts(document) == ["Of pumps.", "Of valves."]
    assert [(one.anchor, one.path) for one in document.sections[1:]] == [
        ("page=1", ("Pump", "Page 1")),
        ("page=3", ("Pump", "Page 3")),
    ]
    assert document.url == "https://a.example/docs/pump.pdf"
    assert (document.metadata["pages"], document.metadata["author"]) == ("3", "Ann Author")


def test_the_outline_gives_headings_where_they_are_printed() -> None:
    pages = [
        ["Preface words."],
        ["1. Install", "Take it.", "2.  Use", "Turn it."],
        ["Turn it back."],
    ]
    outline = [("Install", 1), ("2. Use", 1), ("Lost", 2)]
    document = parse(pdf(pages, title="The Pump", outline=outline))
    assert document.title == "The Pump"
    where = {
        text: document.sections[one.section]
        for text, one in zip(texts(document), document.blocks, strict=True)
    }
    assert {text: (one.anchor, one.path[1:]) for text, one in where.items()} == {
        "Preface words.": ("page=1", ("Page 1",)),
        "Take it.": ("page=2", ("Install",)),
        "Turn it.": ("page=2", ("2. Use",)),
        "Turn it back.": ("page=3", ("Lost",)),
    }


def test_a_section_goes_on_with_the_next_pages_anchor() -> None:
    document = parse(
        pdf([["Pump", "One."], ["Two."]], title="Pump", outline=[("Pump", 0), ("Parts", 1)])
    )
    assert [(one.anchor, one.path) for one in document.sections[1:]] == [
        ("page=1", ("Pump",)),
        ("page=2", ("Pump", "Parts")),
    ]
    document = parse(pdf([["Pump", "One."], ["Two."]], title="Pump", outline=[("Pump", 0)]))
    assert [(one.anchor, one.path) for one in document.sections[1:]] == [
        ("page=1", ("Pump",)),
        ("page=2", ("Pump",)),
    ]


@pytest.mark.parametrize(
    ("stated", "first", "title"),
    [
        ("Pump manual", "Cover", "Pump manual"),
        ("untitled", "Cover page", "Cover page"),
        ("Microsoft Word - pump.docx", "Cover page", "Cover page"),
        ("", "This is a sentence.", "Pump"),
    ],
)
def test_titles(stated: str, first: str, title: str) -> None:
    assert parse(pdf([[first, "Text."]], title=stated)).title == title


def test_lines_are_joined_for_reading_and_kept_in_the_text() -> None:
    document = parse(
        pdf(
            [
                [
                    FULL,
                    "the next with a config-",
                    "uration file.",
                    "\\225 one",
                    "\\225 two",
                    "2. three",
                ]
            ]
        )
    )
    assert texts(document) == [
        f"{FULL}\nthe next with a config-\nuration file.", "• one", "• two", "2. three",
    ]  # fmt: skip
    assert document.plain(document.blocks[0]).endswith("the next with a configuration file.")
    assert [one.kind for one in document.blocks[1:]] == [BlockKind.LIST_ITEM] * 3


def test_a_paragraph_ends_with_a_short_last_line() -> None:
    lines = [FULL, "here.", FULL, f"{FULL[:40]}.", "lower case goes on", "", FULL]
    found = [one.text.split("\n") for one in paragraphs(lines, set())]
    assert [len(one) for one in found] == [2, 2, 1, 1]


def test_running_heads_page_numbers_and_contents_are_dropped() -> None:
    pages = [["ACME Manual", f"Body of page {n}.", f"Chapter {n // 2}   {n + 4}"] for n in range(6)]
    pages.insert(0, ["Contents", "Pumps . . . . . . . . 7", "More."])
    document = parse(pdf(pages))
    assert texts(document) == ["Contents\nMore.", *(f"Body of page {n}." for n in range(6))]


def test_a_body_that_repeats_is_no_running_head() -> None:
    pages = [["One line only."]] * 6
    assert without_running_lines([list(page) for page in pages]) == pages


def test_text_outside_the_page_is_not_read() -> None:
    stream = "BT /F1 12 Tf 72 720 Td (Seen.) Tj 0 -2000 Td (Unseen.) Tj ET"
    content = pdf([["Seen."]]).replace(
        b"BT /F1 12 Tf 72 720 Td (Seen.) Tj 0 -14 Td ET", stream.encode()
    )
    assert parse(content).text.split() == ["Seen."]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"%PDF-1.4\nnothing else", "malformed"),
        (b"%PDF-1.7\n" + b"\x00\xff" * 400, "malformed"),
        (pdf([[], []]), "empty"),
        (
            pdf(
                [["Secret."]],
                trailer=f"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /O <{'41' * 32}> "
                f"/U <{'42' * 32}> /P -4 >>",
            ),
            "encrypted",
        ),
    ],
)
def test_files_that_cannot_be_read_say_why(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(content)
    assert caught.value.reason == reason
    if reason == "empty":
        assert "scanned" in caught.value.detail


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_damage_parses_or_is_refused(data: st.DataObject) -> None:
    content = bytearray(pdf([["Some text."], ["More text."]], outline=[("Some text.", 0)]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    try:
        document = parse(bytes(content))
    except ParseError:
        return
    assert document.blocks
