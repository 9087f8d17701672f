import pytest

from groundwork.core.documents import BlockKind, RawDocument
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.parse.base import (
    DocumentBuilder,
    Rule,
    Slugger,
    decode,
    humanise,
    public_url,
    slugify,
)
from groundwork.ingestion.parse.options import Site
from groundwork.ingestion.parse.sniff import format_of


def raw(page: str, content: bytes = b"x", media_type: str | None = None) -> RawDocument:
    return RawDocument(page, content, "0", "r1", media_type=media_type)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"\xef\xbb\xbfa\xc3\xa9", "aé"),
        ("aé".encode("utf-16"), "aé"),
        ("aé".encode("utf-32"), "aé"),
        (b"# -*- coding: latin-1 -*-\ncaf\xe9", "# -*- coding: latin-1 -*-\ncafé"),
        (
            "Größe und Maß prüfen, bevor die Änderung übernommen wird. ".encode("cp1252") * 8,
            "Größe und Maß prüfen, bevor die Änderung übernommen wird. " * 8,
        ),
    ],
)
def test_decodes_what_is_marked_declared_or_certain(content: bytes, text: str) -> None:
    assert decode(content) == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\0b", "binary"),
        ("a\0b".encode("utf-16"), "binary"),
        (b"\xef\xbb\xbf\xff\xfe", "encoding"),
        (b"caf\xe9", "encoding"),
        (bytes(range(1, 256)) * 4, "encoding"),
        (b"coding: rot13 \xff\xfe\xfa", "encoding"),
    ],
)
def test_refuses_bytes_that_are_no_text(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        decode(content)
    assert caught.value.reason == reason
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("rule", "text", "slug"),
    [
        ("github", "What's `new` in 2.0?", "whats-new-in-20"),
        ("github", "A & B - C_d", "a--b---c_d"),
        ("github", "Größe", "größe"),
        ("hugo", "See [foo](http://bar.x)", "see-foohttpbarx"),
        ("hugo", "A & B", "a--b"),
        ("docusaurus", "C++ API", "c-api"),
        ("sphinx", "3. What's _new_ — Größe?", "what-s-new-grosze"),
        ("sphinx", "日本", ""),
        ("mkdocs", "Café & Co.", "cafe-co"),
        ("jupyter", "Load the Data", "Load-the-Data"),
    ],
)
def test_slugs_follow_each_generator(rule: Rule, text: str, slug: str) -> None:
    assert slugify(text, rule) == slug


@pytest.mark.parametrize(
    ("rule", "titles", "slugs"),
    [
        ("github", ["A", "A", "A 1", "A"], ["a", "a-1", "a-1-1", "a-2"]),
        ("hugo", ["A", "A", "!", "?"], ["a", "a-1", "heading", "heading-1"]),
        ("docusaurus", ["A", "A-1", "A"], ["a", "a-1", "a-2"]),
        ("sphinx", ["A", "A", "日本", "B"], ["a", "id1", "id2", "b"]),
        ("mkdocs", ["A", "A", "A", "", "A_1"], ["a", "a_1", "a_2", "_1", "a_3"]),
    ],
)
def test_duplicates_are_numbered_as_the_generator_does(
    rule: Rule, titles: list[str], slugs: list[str]
) -> None:
    slugger = Slugger(rule)
    assert [slugger.slug(title) for title in titles] == slugs


@pytest.mark.parametrize(
    ("site", "page", "front", "url"),
    [
        ("hugo", "content/en/docs/started/_index.md", {}, "/docs/started/"),
        ("hugo", "site/content/de/docs/Über uns.md", {}, "/de/docs/%C3%BCber-uns/"),
        ("hugo", "content/en/docs/a.md", {"slug": "b"}, "/docs/b/"),
        ("hugo", "content/en/docs/a/index.md", {"slug": "b"}, "/docs/b/"),
        ("hugo", "content/en/docs/a.md", {"url": "/x/y.html"}, "/x/y.html"),
        ("docusaurus", "docs/01-guide/02-intro.md", {}, "/docs/guide/intro/"),
        ("docusaurus", "docs/guide/guide.md", {}, "/docs/guide/"),
        ("docusaurus", "docs/guide/README.mdx", {}, "/docs/guide/"),
        ("docusaurus", "docs/guide/a.md", {"slug": "/start"}, "/docs/start/"),
        ("docusaurus", "docs/guide/a.md", {"slug": "b"}, "/docs/guide/b/"),
        ("docusaurus", "docs/guide/a.md", {"id": "b"}, "/docs/guide/b/"),
        ("docusaurus", "docs/2.0-notes.md", {}, "/docs/2.0-notes/"),
        ("mkdocs", "docs/user/index.md", {}, "/user/"),
        ("mkdocs", "docs/user/guide.md", {}, "/user/guide/"),
        ("sphinx", "docs/source/a/b.rst", {}, "/a/b.html"),
        ("sphinx", "docs/source/a/index.rst", {}, "/a/"),
        ("sphinx", "notebooks/x.ipynb", {}, "/notebooks/x.html"),
        ("github", "docs/a b.md", {}, "/docs/a%20b.md"),
        ("hugo", "content/en/docs/a.md", {"url": "/:year/:title/"}, "/docs/a/"),
    ],
)
def test_addresses_follow_the_generator(
    site: Site, page: str, front: dict[str, str], url: str
) -> None:
    options = ParseOptions(url_base="https://docs.example.com/v2/", site=site)
    assert public_url(page, options, front) == f"https://docs.example.com/v2{url}"


def test_an_absolute_permalink_is_taken_as_it_is_and_no_base_means_no_address() -> None:
    options = ParseOptions(url_base="https://docs.example.com")
    assert public_url("a.md", options, {"permalink": "https://x.org/a"}) == "https://x.org/a"
    assert public_url("a.md", ParseOptions(), {"url": "/a"}) is None


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("guides/deploy-to_k8s.md", "Deploy to k8s"),
        ("guides/README.md", "Guides"),
        ("index.md", "Index"),
        ("v1.2/notes.final.txt", "Notes.final"),
    ],
)
def test_a_page_without_any_title_is_named_after_its_file(page: str, title: str) -> None:
    assert humanise(page) == title


def test_builder_nests_sections_under_the_title_and_keeps_spans_apart() -> None:
    text = "one two three four"
    builder = DocumentBuilder(raw("a.html"), ParseOptions(tags=("x",), product_version="2"))
    builder.start_section("top", "Title", 1)
    builder.add(BlockKind.PARAGRAPH, 0, 3)
    builder.start_section("h3", "Deep", 3)
    builder.add(BlockKind.CODE, 2, 7, "two", "sh", anchor="b")
    builder.start_section("h2", "Next", 2)
    builder.add(BlockKind.PARAGRAPH, 7, 8)
    builder.add(BlockKind.PARAGRAPH, 8, 13, "  ")
    builder.tags = ("y", "x")
    document = builder.build(text)
    assert document.title == "Title"
    assert [section.path for section in document.sections] == [
        ("Title",),
        ("Title",),
        ("Title", "Deep"),
        ("Title", "Next"),
    ]
    assert [(block.start, block.end, block.section) for block in document.blocks] == [
        (0, 3, 1),
        (3, 7, 2),
    ]
    assert document.blocks[1].anchor == "b"
    assert (document.tags, document.product_version) == (("x", "y"), "2")


def test_builder_refuses_a_page_without_text() -> None:
    builder = DocumentBuilder(raw("a.html"), ParseOptions())
    builder.start_section("a", "Only a heading", 1)
    with pytest.raises(ParseError) as caught:
        builder.build("Only a heading")
    assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    ("page", "content", "media_type", "expected"),
    [
        ("a.md", b"x", None, "markdown"),
        ("A.MDX", b"x", None, "markdown"),
        ("a.md", b"x", "text/html; charset=utf-8", "html"),
        ("a.md", b"x", "text/plain", "markdown"),
        ("guide/", b"  <!-- c --><!DOCTYPE html><html>", None, "html"),
        ("a", b"%PDF-1.7", None, "pdf"),
        ("a", b"PK\x03\x04 word/document.xml", None, "docx"),
        ("a", b'{"cells": [], "nbformat": 4}', None, "notebook"),
        ("a", b"Title\n=====\n\n.. note:: x\n", None, "rst"),
        ("README", b"# Title\n\ntext", None, "markdown"),
        ("LICENSE", b"Permission is hereby granted", None, "text"),
        (".md", b"plain", None, "text"),
    ],
)
def test_format_is_told_by_type_then_suffix_then_content(
    page: str, content: bytes, media_type: str | None, expected: str
) -> None:
    assert format_of(raw(page, content, media_type)) == expected


@pytest.mark.parametrize(
    ("page", "content", "reason"),
    [
        ("a.png", b"\x89PNG\0\0", "binary"),
        ("a.zip", b"PK\x03\x04stuff", "unsupported"),
        ("a.md", b" \n\t", "empty"),
        ("a.md", b"", "empty"),
        ("a.md", b"a\0", "binary"),
    ],
)
def test_what_no_parser_reads_is_refused_by_reason(page: str, content: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(raw(page, content), ParseOptions())
    assert caught.value.reason == reason
    assert page in caught.value.detail or reason == "binary"
