"""What a page shows, where it stands, and where a link to it leads."""

import pytest

from groundwork.core.documents import Block, BlockKind, Document, RawDocument
from groundwork.ingestion.parse.html import parse_html
from groundwork.ingestion.parse.options import ParseOptions


def parse(markup: str) -> Document:
    raw = RawDocument("guide/page.html", markup.encode(), "0" * 64, "r1")
    return parse_html(raw, ParseOptions())


def body(markup: str) -> Document:
    return parse(f"<title>T</title><main><h1>T</h1>{markup}</main>")


def texts(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def block(document: Document, start: str) -> Block:
    return next(one for one in document.blocks if document.text.startswith(start, one.start))


def where(document: Document, start: str) -> tuple[str, tuple[str, ...]]:
    section = document.sections[block(document, start).section]
    return section.anchor, section.path


# --- text -------------------------------------------------------------------------------------------------


def test_white_space_is_collapsed_as_a_browser_does_and_line_breaks_are_kept() -> None:
    document = body("<p>one\n   two\t<b>three</b> <i> four</i><br>five<br/>\n six</p>")
    assert texts(document) == ["one two three four\nfive\nsix"]
    assert document.text == "T\n\none two three four\nfive\nsix"


def test_words_of_neighbouring_blocks_never_run_together() -> None:
    document = body("<div>one<div>two</div>three<p>four</div><section>five</section>six")
    assert texts(document) == ["one", "two", "three", "four", "five", "six"]


def test_inline_markup_does_not_split_words() -> None:
    document = body("<p>foo<b>bar</b>, <code>a</code>.<code>b</code>()</p>")
    assert texts(document) == ["foobar, a.b()"]


def test_preformatted_text_is_verbatim() -> None:
    code = "def f():\n    if x:\n\n        return  1   # two  blanks"
    document = body(f'<pre class="x"><span></span>\n{code}\n\n</pre>')
    assert texts(document) == [code]
    assert document.blocks[0].kind is BlockKind.CODE


@pytest.mark.parametrize(
    ("markup", "language"),
    [
        ('<div class="highlight-python3 notranslate"><div class="highlight"><pre>x</pre></div></div>', "python"),
        ('<div class="highlight-default notranslate"><div class="highlight"><pre>x</pre></div></div>', ""),
        ('<pre><code class="language-rust">x</code></pre>', "rust"),
        ('<pre class="prism-code language-jsx"><code>x</code></pre>', "jsx"),
        ('<div class="highlight highlight-source-shell"><pre>x</pre></div>', "shell"),
        ('<pre class="brush: java; toolbar: false">x</pre>', "java"),
        ('<div class="sourceCode"><pre class="sourceCode yaml"><code>x</code></pre></div>', "yaml"),
        ('<div class="language-ruby highlighter-rouge"><div class="highlight"><pre class="highlight">x</pre></div></div>', "ruby"),
        ('<pre><code data-lang="go">x</code></pre>', "go"),
        ("<pre>x</pre>", ""),
    ],
)  # fmt: skip
def test_languages_of_code_come_from_the_classes_of_highlighters(
    markup: str, language: str
) -> None:
    assert body(markup).blocks[0].language == language


@pytest.mark.parametrize(
    "markup",
    [
        "<pre>a<br>b</pre>",
        "<pre><code><div class='line'>a</div><div class='line'>b</div></code></pre>",
        "<pre><code><span class='line'>a</span>\n<span class='line'>b</span></code></pre>",
        "<pre><code><span class='token-line'>a<br></span><span class='token-line'>b<br></span></code></pre>",
        "<pre><span class='linenos'>1</span>a\n<span class='linenos'>2</span>b</pre>",
        "<table class='highlighttable'><tr><td class='linenos'><pre>1\n2</pre></td><td class='code'><pre>a\nb</pre></td></tr></table>",
    ],
)
def test_lines_of_code_survive_how_highlighters_mark_them(markup: str) -> None:
    assert texts(body(markup)) == ["a\nb"]


def test_list_items_carry_their_marks_in_the_reading_only() -> None:
    document = body(
        "<ul><li>one<ol start=3><li>sub<li value=9>nine<li>ten</ol></li><li><p>two</p><p>more</p></ul>"
    )
    assert texts(document) == ["one", "sub", "nine", "ten", "two", "more"]
    assert [document.plain(one) for one in document.blocks] == [
        "- one", "  3. sub", "  9. nine", "  10. ten", "- two", "more",
    ]  # fmt: skip
    assert [one.kind for one in document.blocks][-2:] == [BlockKind.LIST_ITEM, BlockKind.PARAGRAPH]


def test_tables_read_by_cell_and_show_as_a_browser_copies_them() -> None:
    document = body(
        "<table><caption>Units</caption><tr><th>a<th>b</tr><tr><td><p>1</p><p>one</p><td></tr><tr></tr></table>"
    )
    assert texts(document) == ["Units", "a\tb\n1 one"]
    table = document.blocks[1]
    assert table.kind is BlockKind.TABLE
    assert document.plain(table) == "a | b\n1 one |"


def test_tables_that_lay_out_blocks_are_walked_through() -> None:
    nested = body("<table><tr><td><h2 id=a>A</h2><p>x</p><td><pre>1\n2</pre></table>")
    assert texts(nested) == ["x", "1\n2"]
    assert where(nested, "x") == ("a", ("T", "A"))
    column = body("<table><tr><td><p>one</p><p>two</p></tr></table>")
    assert texts(column) == ["one", "two"]


def test_a_label_joins_the_paragraph_that_it_announces() -> None:
    document = body(
        "<div class='admonition note'><p class=admonition-title>Note</p><p>Be careful. Really.</p><p>More.</p></div>"
        "<div class='warning'><h3 class=title>Warning</h3><pre>x</pre></div>"
        "<dl><dt>term<dt>other:<dd>meaning<dd>second</dl>"
    )
    assert texts(document) == [
        "Note\nBe careful. Really.", "More.", "Warning", "x", "term\nother:\nmeaning", "second",
    ]  # fmt: skip
    assert document.plain(document.blocks[0]) == "Note: Be careful. Really."
    assert document.plain(document.blocks[4]) == "term, other: meaning"
    assert {section.path for section in document.sections} == {("T",)}


def test_pictures_are_left_out_unless_they_are_all_there_is() -> None:
    assert texts(body("<p>a <img alt='a cat'> b</p>")) == ["a b"]
    assert texts(parse("<body><img alt='a  cat'><img alt=''></body>")) == ["a cat"]


# --- sections and anchors ---------------------------------------------------------------------------------


def test_a_heading_takes_the_id_that_a_link_to_it_uses() -> None:
    document = body(
        "<h2 id=own>Own</h2><p>a1</p>"
        "<section id=around><h2>Around</h2><p>a2</p></section>"
        "<a name=before></a><h2>Before</h2><p>a3</p>"
        "<h2><a name=inside></a>Inside</h2><p>a4</p>"
        "<h2 id=mine>Self<a class=headerlink href='#other'>¶</a></h2><span id=other></span><p>a5</p>"
        "<h2>None</h2><p>a6</p><h3 id=deep>Deep</h3><p>a7</p><h4>Deeper</h4><p>a8</p>"
        "<div id=box><h2>Boxed</h2><p>a9</p></div>"
    )
    anchors = [where(document, f"a{number}")[0] for number in range(1, 10)]
    assert anchors == ["own", "around", "before", "inside", "other", "", "deep", "deep", "box"]
    assert where(document, "a8")[1] == ("T", "None", "Deep", "Deeper")
    assert "¶" not in document.text


def test_an_id_that_another_element_has_first_leads_elsewhere() -> None:
    document = body("<p id=x>first</p><h2 id=x>Second</h2><p>text</p>")
    assert where(document, "text") == ("", ("T", "Second"))


def test_sphinx_prefers_the_section_over_the_label_in_front() -> None:
    document = parse(
        "<title>json — JSON encoder &#8212; Python 3.11.2 documentation</title>"
        "<div class=body role=main><section id=module-json><span id=json-encoder></span>"
        "<h1><code>json</code> — JSON encoder<a class=headerlink href='#module-json'>¶</a></h1><p>Intro.</p>"
        "<span class=target id=usage-label></span><section id=usage><h2>Usage</h2><p>Use.</p></section>"
        "</section></div>"
    )
    assert document.title == "json — JSON encoder"
    assert document.product_version == "3.11.2"
    assert where(document, "Intro") == ("module-json", ("json — JSON encoder",))
    assert where(document, "Use") == ("usage", ("json — JSON encoder", "Usage"))


def test_nested_sections_nest_whatever_their_headings_level() -> None:
    document = parse(
        "<title>pg_dump</title><body><div class=refentry id=APP><div class=refnamediv><h2>pg_dump</h2><p>in</p>"
        "</div><div class=refsect1 id=DESC><h2>Description</h2><p>de</p><div class=refsect2 id=SUB><h2>Sub</h2>"
        "<p>su</p></div></div><div class=refsect1 id=OPT><h2>Options</h2><p>op</p></div></div></body>"
    )
    assert [where(document, start) for start in ("in", "de", "su", "op")] == [
        ("APP", ("pg_dump",)),
        ("DESC", ("pg_dump", "Description")),
        ("SUB", ("pg_dump", "Description", "Sub")),
        ("OPT", ("pg_dump", "Options")),
    ]


def test_terms_with_ids_are_sections_and_what_follows_returns_to_the_outer_one() -> None:
    document = body(
        "<section id=enc><h2>Encoders</h2><dl class='py class'><dt class='sig' id='json.Enc'><em>class</em> "
        "<span class='sig-prename descclassname'>json.</span><span class='sig-name descname'>Enc</span>(<em>a=1</em>)"
        "<a class=headerlink href='#json.Enc'>¶</a></dt><dd><p>An encoder.</p>"
        "<dl class='py method'><dt class='sig' id='json.Enc.run'><span class='sig-name descname'>run</span>(o)</dt>"
        "<dd><h4>Notes</h4><p>Runs.</p></dd></dl><p>Of the class.</p></dd></dl><p>Outer.</p></section>"
    )
    inner = ("T", "Encoders", "json.Enc")
    assert where(document, "An encoder") == ("json.Enc", inner)
    assert where(document, "Runs") == ("json.Enc.run", (*inner, "json.Enc.run", "Notes"))
    assert where(document, "Of the class") == ("json.Enc", inner)
    assert where(document, "Outer") == ("enc", ("T", "Encoders"))
    signature = block(document, "class json.Enc(")
    assert (signature.kind, signature.anchor) == (BlockKind.SIGNATURE, "json.Enc")
    numbers = [one.section for one in document.blocks]
    assert numbers == sorted(numbers)


def test_terms_in_a_row_share_a_section_and_keep_their_own_anchors() -> None:
    document = body(
        "<dl><dt id=o-a>-a (string)<dt id=o-all>--all<dd>All.<dt>plain<dd>None.<dt id=o-b>-b<dd>B.</dl>"
    )
    assert where(document, "All.") == ("o-a", ("T", "-a"))
    assert block(document, "--all").anchor == "o-all"
    assert block(document, "--all").section == block(document, "All.").section
    assert where(document, "plain") == ("", ("T",))
    assert where(document, "B.") == ("o-b", ("T", "-b"))


def test_without_headings_the_page_is_one_section() -> None:
    document = parse("<title>Hello | Docs</title><p>Text.</p>")
    assert document.title == "Hello"
    assert [(one.anchor, one.path, one.level) for one in document.sections] == [("", ("Hello",), 0)]
