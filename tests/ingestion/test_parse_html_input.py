"""Titles, encodings, refusals, and any bytes at all."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from groundwork.core.documents import Document, RawDocument
from groundwork.ingestion.parse.html import parse_html
from groundwork.ingestion.parse.options import ParseError, ParseOptions


def parse(
    markup: str | bytes,
    *,
    page: str = "guide/page.html",
    media_type: str | None = None,
    options: ParseOptions | None = None,
) -> Document:
    content = markup.encode() if isinstance(markup, str) else markup
    raw = RawDocument(page, content, "0" * 64, "r1", media_type=media_type)
    return parse_html(raw, options or ParseOptions())


def texts(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def reason_of(markup: str | bytes) -> str:
    with pytest.raises(ParseError) as caught:
        parse(markup)
    return caught.value.reason


@pytest.mark.parametrize(
    ("head", "inner", "title"),
    [
        ("Install | Acme", "<p>x", "Install"),
        ("Install — Acme 2.1 documentation", "<p>x", "Install"),
        ("Install - Acme Docs", "<p>x", "Install"),
        ("Read - Write - Acme Docs", "<p>x", "Read - Write"),
        ("COPY - copy data", "<p>x", "COPY - copy data"),
        ("copy - Acme", "<h2>copy</h2><p>x", "copy"),
        ("Ignored | Acme", "<h1>The <code>real</code> one</h1><p>x", "The real one"),
        ("", "<h2>Only</h2><p>x", "Page"),
        ("", "<p>x", "Page"),
    ],
)
def test_titles(head: str, inner: str, title: str) -> None:
    assert parse(f"<title>{head}</title><body>{inner}</body>").title == title


def test_metadata_version_and_address() -> None:
    head = (
        "<meta name=description content=' About  it '><meta name=robots content=noindex>"
        "<meta name='docsearch:version' content='2.1'><link rel=canonical href='{}'><p>Text.</p>"
    )
    document = parse(head.format("https://acme.example/v2/guide/page/#top"))
    assert document.metadata["description"] == "About it"
    assert document.metadata["robots"] == "noindex"
    assert document.product_version == "2.1"
    assert document.url == "https://acme.example/v2/guide/page/"
    for address in (
        "https://acme.example/",
        "file:///guide/page.html",
        "/guide/page.html",
        "http://[",
    ):
        assert parse(head.format(address)).url is None
    options = ParseOptions(url_base="https://here.example", product_version="3", tags=("a",))
    given = parse(head.format("https://acme.example/guide/page.html"), options=options)
    assert given.url == "https://here.example/guide/page.html"
    assert (given.product_version, given.tags) == ("3", ("a",))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ("<meta charset=utf-8><p>naïve €".encode(), None),
        ("<p>naïve €".encode(), None),
        ("\ufeff<p>naïve €".encode(), "text/html; charset=iso-8859-1"),
        ("<meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'><p>naïve €".encode("cp1252"), None),
        ("<p>naïve €".encode("cp1252"), "text/html; charset=windows-1252"),
        ("<?xml version='1.0' encoding='ISO-8859-15'?><p>naïve €".encode("iso-8859-15"), None),
        ("<p>naïve €".encode("utf-16"), None),
    ],
)  # fmt: skip
def test_encodings(content: bytes, media_type: str | None) -> None:
    assert texts(parse(content, media_type=media_type)) == ["naïve €"]


@pytest.mark.parametrize(
    "label",
    [
        "uu",
        "hex",
        "zip",
        "idna",
        "undefined",
        "rot13",
        "utf-16",
        "utf-7",
        "unicode_escape",
        "no-such",
    ],
)
def test_labels_that_name_no_encoding_of_pages_are_ignored(label: str) -> None:
    assert texts(parse(f"<meta charset={label}><p>naïve".encode())) == ["naïve"]


def test_one_stray_byte_does_not_cost_the_page() -> None:
    content = "<meta charset=utf-8><p>naïve café".encode() + b" \xff end"
    assert texts(parse(content)) == ["naïve café \ufffd end"]
    content = b"<meta charset=utf-8><p>" + b"plain words " * 100 + b"\xff"
    assert texts(parse(content))[0].endswith("words \ufffd")


def test_a_page_that_declares_the_wrong_encoding_is_read_by_another() -> None:
    french = "Les élèves répètent à côté de la fenêtre dès l’été, près du théâtre. " * 5
    content = b"<meta charset=utf-8><p>" + french.encode("cp1252")
    assert "à côté" in parse(content).text.replace("ŕ", "à")


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"<!-- nothing -->", "empty"),
        (b"<html><body><script>x</script><p> &nbsp; </p></body></html>", "empty"),
        (b"<p hidden>x</p>", "empty"),
        (b"<h1>Only a heading</h1>", "empty"),
        (b"<p>a\0b", "binary"),
        ("<main><h1>Index</h1>" + "<li><a href='x.html'>Some page</a></li>" * 30 + "</main>", "navigation"),
        ("<h1>Book</h1><div class=toc><a href=x>One</a> <a href=y>Two</a></div>", "navigation"),
        ("<div class=body role=main><h1>Index</h1><table class='indextable'><tr><td>abs()<td>x</table></div>", "navigation"),
        ("<meta http-equiv=Refresh content='0;url=x.html'><p>This page <a href=x.html>has moved</a>.", "navigation"),
        ("<main><h1>Search</h1><p>Enter words.</p><form action='search.html' role=search><input></form></main>", "navigation"),
    ],
)  # fmt: skip
def test_pages_without_text_of_their_own_are_refused(markup: str | bytes, reason: str) -> None:
    assert reason_of(markup) == reason


@pytest.mark.parametrize("tag", ["div", "b", "section", "ul><li", "blockquote"])
def test_no_nesting_is_too_deep(tag: str) -> None:
    assert "deep text" in parse(f"<{tag}>" * 1500 + "deep text").text
    assert "deep text" in parse(f"<{tag}>" * 30_000 + "deep text").text


_TAGS = st.sampled_from([
    "p", "div", "section", "article", "ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td", "th", "pre", "code", "span", "a", "b", "h1", "h2", "h3", "h6", "br", "hr", "img", "nav", "aside", "header", "footer", "main", "details", "summary", "figure", "blockquote", "font", "form", "button", "svg", "math", "custom-tag",
])  # fmt: skip
_ATTRIBUTES = st.sampled_from([
    "", "id=a", "id=b", "name=a", "id='c d'", "class='admonition note'", "class=section id=s", "class=toc",
    "class='sig'", "class=highlighttable", "class=headerlink href='#a'", "href='#b'", "href=x", "hidden",
    "style='display:none'", "style='color:#fff'", "style='font-size:;:;'", "role=main", "role=tabpanel hidden",
    "start=99999999999999999999", "value=-1", "class='line-block'", "class=memproto", "aria-hidden=true",
])  # fmt: skip
_TEXT = st.sampled_from(
    [
        "word",
        " ",
        "\n",
        "a. B",
        "&nbsp;",
        "&#8203;",
        "¶",
        "&lt;x>",
        "é",
        "\u2028",
        "&#0;",
        "&#1;",
        "&#xFFFE;",
        "\x0b",
        "\x01",
        "\uffff",
        "\f",
        "<",
        "]]>",
    ]
)
_OPEN = st.builds(lambda tag, attribute: f"<{tag} {attribute}>", _TAGS, _ATTRIBUTES)
_CLOSE = st.builds(lambda tag: f"</{tag}>", _TAGS)
_PAGES = st.lists(st.one_of(_OPEN, _OPEN, _CLOSE, _TEXT, _TEXT), max_size=60).map("".join)


def check(document: Document, content: bytes) -> None:
    end = 0
    for one in document.blocks:
        assert end <= one.start < one.end <= len(document.text)
        assert document.text[one.start : one.end].strip()
        end = one.end
    numbers = [one.section for one in document.blocks]
    assert numbers == sorted(numbers)
    assert numbers[-1] < len(document.sections)
    tree: Any = lxml_html.document_fromstring(
        content, parser=lxml_html.HTMLParser(encoding="utf-8")
    )
    ids = {
        "",
        *(each.get("id") for each in tree.iter()),
        *(each.get("name") for each in tree.iter("a")),
    }
    assert {section.anchor for section in document.sections} <= ids
    assert all(section.path[0] == document.title for section in document.sections)
    shown = re.sub("[\\s\u200b\x01-\x1f\ufffe\uffff]", "", tree.text_content())
    for one in document.blocks:
        words = document.text[one.start : one.end].split()
        assert all(word in shown for word in words)


@settings(max_examples=300, deadline=None)
@given(_PAGES)
def test_any_markup_parses_or_is_refused(markup: str) -> None:
    content = f"<meta charset=utf-8>{markup}".encode()
    try:
        document = parse(content)
    except ParseError:
        return
    check(document, content)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(
        [
            b"",
            b"<p>",
            b"<meta charset=utf-8>",
            b"<meta charset=utf-16><td>",
            b"<meta charset=punycode>",
        ]
    ),
)
def test_any_bytes_parse_or_are_refused(garbage: bytes, prefix: bytes) -> None:
    try:
        document = parse(prefix + garbage)
    except ParseError:
        return
    assert document.blocks
