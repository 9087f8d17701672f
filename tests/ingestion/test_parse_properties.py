"""What holds for every text, however broken: parsers raise ParseError or give spans that are true."""

import hashlib
import textwrap

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.parse.options import Site

ALL_SITES: list[Site] = ["auto", "hugo", "docusaurus", "sphinx", "mkdocs", "github"]
SITES = st.sampled_from(ALL_SITES)
SUFFIXES = st.sampled_from(["md", "mdx", "rst", "txt"])


def read(page: str, text: str, site: Site = "auto") -> Document:
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()
    return parse(RawDocument(page, content, digest, "r1"), ParseOptions(site=site))


def assert_sound(document: Document) -> None:
    assert document.sections[0].level == 0
    assert document.blocks
    position = 0
    for block in document.blocks:
        assert position <= block.start < block.end <= len(document.text)
        assert document.text[block.start : block.end].strip()
        assert document.plain(block).strip()
        assert 0 <= block.section < len(document.sections)
        position = block.end
    sections = [block.section for block in document.blocks]
    assert sections == sorted(sections)
    for section in document.sections:
        assert section.path[0] == document.title


FRAGMENTS = st.sampled_from(
    [
        "\n", "\n\n", " ", "    ", "\t", "- ", "1. ", "> ", "# ", "## ", "===", "---", "```", "````", "~~~", "```{note}", "|",
        "| a | b |\n|---|---|\n", "::", ".. ", ".. note:: ", ".. code-block:: python", ":param x: ", "`", "``", "*", "**", "_",
        "__", "<", ">", "<div hidden>", "</div>", "<!--", "-->", "<b>", "<pre>", "<table><tr><td>", "{{<", "{{% alert %}}", "%}}", "{/*",
        "*/}", ":::note", ":::", "<Tabs>", "import x from 'y'", "!!! note", '=== "Tab"', "(label)=", "{#id}", "[a](b)", "[^1]", "[^1]: ",
        "+---+---+\n", "| a | b |", "=== ===\n", "word", "Ünï", "a_b_", "\\", "$$", "%", "+++\n", "---\n", "title: x\n", ".. _label:\n",
        "* - a\n  - b\n", ".. list-table::\n", ".. py:function:: f(x)", "\u2028", "\x0b", "\x0c", "\u00a0", "🎉", "{", "}", "&amp;", "<x-y>",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=40).map("".join), SUFFIXES, SITES)
@settings(max_examples=400, deadline=None)
@example("- a\n\n\tb\n", "md", "auto")
@example("> ```\n> x\n", "md", "auto")
@example("=== ===\n\n=== ===\n", "rst", "auto")
@example("|\n|\n", "rst", "auto")
@example("{{< highlight >}}\n", "md", "hugo")
@example(".. note:: a\n   :class: b\n\n  c\n", "rst", "sphinx")
def test_any_mixture_of_markup_parses_or_is_refused(text: str, suffix: str, site: Site) -> None:
    try:
        document = read(f"page.{suffix}", text, site)
    except ParseError:
        return
    assert_sound(document)


@given(st.text(max_size=300), SUFFIXES, SITES)
@settings(max_examples=200, deadline=None)
def test_any_text_parses_or_is_refused(text: str, suffix: str, site: Site) -> None:
    try:
        document = read(f"page.{suffix}", text, site)
    except ParseError:
        return
    assert_sound(document)


# PDF and DOCX are told by their first bytes and have properties of their own.
TEXT_LIKE = st.binary(max_size=200).filter(lambda data: not data.startswith((b"%PDF-", b"PK")))


@given(TEXT_LIKE, st.sampled_from(["a.md", "a.rst", "a.txt", "a.ipynb", "a", "a.bin"]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_parse_or_are_refused(content: bytes, page: str) -> None:
    try:
        document = parse(RawDocument(page, content, "0", "r1"), ParseOptions())
    except ParseError:
        return
    assert_sound(document)


WORD = st.text(alphabet="abcdefghijklmnopqrstuvwxyzéß", min_size=1, max_size=8)
PROSE = st.lists(WORD, min_size=1, max_size=8).map(" ".join)
CODE_LINE = st.one_of(
    st.sampled_from(
        [
            "a:", "  - b: <your-name>", "\tx = {{ template }}", "{{< not >}}", "<!-- kept -->", "", "# no heading", ":::note",
            "import x", "- no item", "{/* kept */}", "  | pipe |", "=====", "!!! note", "&amp; \\* **", "key: |", "    deep",
            ".. note:: x",
        ]
    ),
    PROSE,
)  # fmt: skip
CODE = (
    st.lists(CODE_LINE, min_size=1, max_size=8)
    .map("\n".join)
    .filter(lambda code: code.strip() and code == code.strip("\n"))
)


def as_item(code: str) -> str:
    return "- item\n\n" + textwrap.indent(f"```yaml\n{code}\n```", "  ", lambda _: True) + "\n"


@given(
    st.lists(st.tuples(PROSE, CODE), min_size=1, max_size=5), SITES, st.sampled_from(["md", "mdx"])
)
@settings(max_examples=150, deadline=None)
def test_fenced_code_is_verbatim_in_every_dialect(
    pairs: list[tuple[str, str]], site: Site, suffix: str
) -> None:
    text = "\n\n".join(f"{prose}\n\n````yaml title=x\n{code}\n````" for prose, code in pairs)
    document = read(f"page.{suffix}", text, site)
    assert_sound(document)
    found = [block for block in document.blocks if block.kind is BlockKind.CODE]
    assert [document.text[block.start : block.end] for block in found] == [
        code for _, code in pairs
    ]
    assert all(block.plain is None and block.language == "yaml" for block in found)
    prose = [block for block in document.blocks if block.kind is BlockKind.PARAGRAPH]
    assert [document.plain(block) for block in prose] == [prose for prose, _ in pairs]


@given(CODE.filter(lambda code: "\t" not in code), SITES)
@settings(max_examples=100, deadline=None)
def test_code_in_a_list_item_keeps_its_own_indentation(code: str, site: Site) -> None:
    document = read("page.md", as_item(code), site)
    assert_sound(document)
    blocks = [block for block in document.blocks if block.kind is BlockKind.CODE]
    assert [document.plain(block) for block in blocks] == [code]


@given(st.lists(st.tuples(PROSE, CODE), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_rst_code_is_verbatim_without_its_margin(pairs: list[tuple[str, str]]) -> None:
    margin = "    "
    text = "\n\n".join(
        f"{prose}\n\n.. code-block:: yaml\n   :linenos:\n\n{textwrap.indent('@' + code, margin)}"
        for prose, code in pairs
    )
    document = read("page.rst", text)
    assert_sound(document)
    found = [block for block in document.blocks if block.kind is BlockKind.CODE]
    expected = ["@" + code.rstrip() for _, code in pairs]
    # White space on blank lines is nobody's content.
    assert [_trimmed(document.plain(block)) for block in found] == list(map(_trimmed, expected))
    for block, code in zip(found, expected, strict=True):
        source = document.text[block.start : block.end]
        assert _trimmed(source) == _trimmed(textwrap.indent(code, margin))


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n"))


@given(st.lists(st.tuples(st.integers(1, 4), PROSE, PROSE), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_markdown_sections_and_anchors_follow_the_headings(
    parts: list[tuple[int, str, str]],
) -> None:
    text = "\n\n".join(f"{'#' * level} {heading}\n\n{body}" for level, heading, body in parts)
    document = read("page.md", text, "github")
    assert [section.level for section in document.sections[1:]] == [level for level, _, _ in parts]
    anchors = [section.anchor for section in document.sections[1:]]
    assert len(set(anchors)) == len(anchors)
    assert [document.plain(block) for block in document.blocks] == [body for _, _, body in parts]


@given(st.lists(st.tuples(st.integers(0, 3), PROSE), min_size=1, max_size=10))
@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("suffix", ["md", "rst"])
def test_every_item_of_nested_lists_is_one_block(suffix: str, items: list[tuple[int, str]]) -> None:
    depth = -1
    lines = []
    for level, text in items:
        depth = min(level, depth + 1)
        lines.append(f"{'  ' * depth}- {text}")
    blank = "\n\n" if suffix == "rst" else "\n"
    document = read(f"page.{suffix}", blank.join(lines) + "\n")
    assert_sound(document)
    assert [document.plain(block) for block in document.blocks] == [
        f"- {text}" for _, text in items
    ]
    assert {block.kind for block in document.blocks} == {BlockKind.LIST_ITEM}
