"""What a page shows, where it stands, and where a link to it leads."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from groundwork.core.documents import Block, BlockKind, Document, RawDocument
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


def body(markup: str) -> Document:
    return parse(f"<title>T</title><main><h1>T</h1>{markup}</main>")


def texts(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def block(document: Document, start: str) -> Block:
    return next(one for one in document.blocks if document.text.startswith(start, one.start))


def where(document: Document, start: str) -> tuple[str, tuple[str, ...]]:
    section = document.sections[block(document, start).section]
    return section.anchor, section.path


def reason_of(markup: str | bytes) -> str:
    with pytest.raises(ParseError) as caught:
        parse(markup)
    return caught.value.reason


# --- text -------------------------------------------------------------------------------------------------


def test_white_space_is_collapsed_as_a_browser_does_and_line_breaks_are_kept():
    document = body("<p>one\n   two\t<b>three</b> <i> four</i><br>five<br/>\n six</p>")
    assert texts(document) == ["one two three four\nfive\nsix"]
    assert document.text == "T\n\none two three four\nfive\nsix"


def test_words_of_neighbouring_blocks_never_run_together():
    document = body("<div>one<div>two</div>three<p>four</div><section>five</section>six")
    assert texts(document) == ["one", "two", "three", "four", "five", "six"]


def test_inline_markup_does_not_split_words():
    document = body("<p>foo<b>bar</b>, <code>a</code>.<code>b</code>()</p>")
    assert texts(document) == ["foobar, a.b()"]


def test_preformatted_text_is_verbatim():
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
def test_languages_of_code_come_from_the_classes_of_highlighters(markup, language):
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
def test_lines_of_code_survive_how_highlighters_mark_them(markup):
    assert texts(body(markup)) == ["a\nb"]


def test_list_items_carry_their_marks_in_the_reading_only():
    document = body(
        "<ul><li>one<ol start=3><li>sub<li value=9>nine<li>ten</ol></li><li><p>two</p><p>more</p></ul>"
    )
    assert texts(document) == ["one", "sub", "nine", "ten", "two", "more"]
    assert [document.plain(one) for one in document.blocks] == [
        "- one", "  3. sub", "  9. nine", "  10. ten", "- two", "more",
    ]  # fmt: skip
    assert [one.kind for one in document.blocks][-2:] == [BlockKind.LIST_ITEM, BlockKind.PARAGRAPH]


def test_tables_read_by_cell_and_show_as_a_browser_copies_them():
    document = body(
        "<table><caption>Units</caption><tr><th>a<th>b</tr><tr><td><p>1</p><p>one</p><td></tr><tr></tr></table>"
    )
    assert texts(document) == ["Units", "a\tb\n1 one"]
    table = document.blocks[1]
    assert table.kind is BlockKind.TABLE
    assert document.plain(table) == "a | b\n1 one |"


def test_tables_that_lay_out_blocks_are_walked_through():
    nested = body("<table><tr><td><h2 id=a>A</h2><p>x</p><td><pre>1\n2</pre></table>")
    assert texts(nested) == ["x", "1\n2"]
    assert where(nested, "x") == ("a", ("T", "A"))
    column = body("<table><tr><td><p>one</p><p>two</p></tr></table>")
    assert texts(column) == ["one", "two"]


def test_a_label_joins_the_paragraph_that_it_announces():
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


def test_pictures_are_left_out_unless_they_are_all_there_is():
    assert texts(body("<p>a <img alt='a cat'> b</p>")) == ["a b"]
    assert texts(parse("<body><img alt='a  cat'><img alt=''></body>")) == ["a cat"]


# --- what nobody sees -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>SECRET</p>",
        "<p style='display:none'>SECRET</p>",
        "<p style='DISPLAY : NONE !important'>SECRET</p>",
        "<p style='visibility:hidden'>SECRET</p>",
        "<p style='opacity:0'>SECRET</p>",
        "<p style='opacity: 0.0; color: red'>SECRET</p>",
        "<p style='font-size:0'>SECRET</p>",
        "<p style='font-size:1px'>SECRET</p>",
        "<p style='position:absolute;left:-9999px'>SECRET</p>",
        "<p style='position:fixed;top:-200em'>SECRET</p>",
        "<p style='text-indent:-9999px'>SECRET</p>",
        "<p style='position:absolute;clip:rect(0,0,0,0)'>SECRET</p>",
        "<p style='height:0;overflow:hidden'>SECRET</p>",
        "<p style='color:#fff;background:#FFFFFF'>SECRET</p>",
        "<div style='background-color:rgb(0, 0, 0)'>x <span style='color:#000'>SECRET</span></div>",
        "<p>x <span style='color:white'>SECRET</span></p>",
        "<p>x <font color='#ffffff'>SECRET</font></p>",
        "<p style='color:transparent'>SECRET</p>",
        "<span class='sr-only'>SECRET</span>",
        "<i aria-hidden=true class=material-icons>SECRET</i>",
        "<script>SECRET</script><style>SECRET</style><template>SECRET</template><noscript>SECRET</noscript>",
        "<svg><title>SECRET</title><text>SECRET</text></svg>",
        "<!-- SECRET -->",
        "<button>SECRET</button><select><option>SECRET</select><textarea>SECRET</textarea>",
        "<div role=tabpanel hidden>SECRET</div>",
    ],
)
def test_hidden_text_is_not_read(hidden):
    document = body(f"<p>Before {hidden} after.</p><p>Shown.</p>")
    assert "SECRET" not in document.text
    assert "after." in document.text
    assert "Shown." in document.text


@pytest.mark.parametrize(
    "shown",
    [
        "<p style='color:#fff;background:#000'>SHOWN</p>",
        "<pre style='background:#272822'><span style='color:#ffffff'>SHOWN</span></pre>",
        "<pre><span style='color:#fff'>SHOWN</span></pre>",
        "<span class='badge' style='color:white'>SHOWN</span>",
        "<div style='font-size:0'><span style='font-size:16px'>SHOWN</span></div>",
        "<p style='opacity:0.5;font-size:0.8em;text-indent:-1em'>SHOWN</p>",
        "<div><ul role=tablist><li role=tab>A</ul><div role=tabpanel hidden>SHOWN</div></div>",
        "<details><summary>More</summary>SHOWN</details>",
        "<p hidden=until-found>SHOWN</p>",
        "<p aria-hidden=true>SHOWN by a stylesheet</p>",
    ],
)
def test_what_only_looks_hidden_is_read(shown):
    assert "SHOWN" in body(f"<p>Before.</p>{shown}").text


def test_invisible_characters_are_removed_and_counted():
    document = body("<p>ad&#8203;min\u202e\u2066 so&shy;ft\U000e0041</p><pre>x\ufeff = 1</pre>")
    assert texts(document) == ["admin soft", "x = 1"]
    assert document.metadata["invisible_characters"] == "6"
    persian = body("<p>\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 a\u200cb</p>")
    assert texts(persian) == ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 ab"]
    assert "invisible_characters" not in body("<p>plain</p>").metadata


# --- sections and anchors ---------------------------------------------------------------------------------


def test_a_heading_takes_the_id_that_a_link_to_it_uses():
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


def test_an_id_that_another_element_has_first_leads_elsewhere():
    document = body("<p id=x>first</p><h2 id=x>Second</h2><p>text</p>")
    assert where(document, "text") == ("", ("T", "Second"))


def test_sphinx_prefers_the_section_over_the_label_in_front():
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


def test_nested_sections_nest_whatever_their_headings_level():
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


def test_terms_with_ids_are_sections_and_what_follows_returns_to_the_outer_one():
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


def test_terms_in_a_row_share_a_section_and_keep_their_own_anchors():
    document = body(
        "<dl><dt id=o-a>-a (string)<dt id=o-all>--all<dd>All.<dt>plain<dd>None.<dt id=o-b>-b<dd>B.</dl>"
    )
    assert where(document, "All.") == ("o-a", ("T", "-a"))
    assert block(document, "--all").anchor == "o-all"
    assert block(document, "--all").section == block(document, "All.").section
    assert where(document, "plain") == ("", ("T",))
    assert where(document, "B.") == ("o-b", ("T", "-b"))


def test_without_headings_the_page_is_one_section():
    document = parse("<title>Hello | Docs</title><p>Text.</p>")
    assert document.title == "Hello"
    assert [(one.anchor, one.path, one.level) for one in document.sections] == [("", ("Hello",), 0)]


# --- the head ---------------------------------------------------------------------------------------------


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
def test_titles(head, inner, title):
    assert parse(f"<title>{head}</title><body>{inner}</body>").title == title


def test_metadata_version_and_address():
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


# --- bytes ------------------------------------------------------------------------------------------------


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
def test_encodings(content, media_type):
    assert texts(parse(content, media_type=media_type)) == ["naïve €"]


def test_one_stray_byte_does_not_cost_the_page():
    content = "<meta charset=utf-8><p>naïve café".encode() + b" \xff end"
    assert texts(parse(content)) == ["naïve café \ufffd end"]


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
def test_pages_without_text_of_their_own_are_refused(markup, reason):
    assert reason_of(markup) == reason


@pytest.mark.parametrize("tag", ["div", "b", "section", "ul><li", "blockquote"])
def test_no_nesting_is_too_deep(tag):
    assert "deep text" in parse(f"<{tag}>" * 1500 + "deep text").text
    assert "deep text" in parse(f"<{tag}>" * 30_000 + "deep text").text


_TAGS = st.sampled_from(
    "p div section article ul ol li dl dt dd table tr td th pre code span a b h1 h2 h3 h6 br hr img nav aside "
    "header footer main details summary figure blockquote font form button svg math custom-tag".split()
)
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
    tree = lxml_html.document_fromstring(content, parser=lxml_html.HTMLParser(encoding="utf-8"))
    ids = {*tree.xpath("//@id"), *tree.xpath("//a/@name"), ""}
    assert {section.anchor for section in document.sections} <= ids
    assert all(section.path[0] == document.title for section in document.sections)
    shown = re.sub(r"\s", "", tree.text_content().replace("\u200b", ""))
    for one in document.blocks:
        words = document.text[one.start : one.end].split()
        assert all(word in shown for word in words)


@settings(max_examples=300, deadline=None)
@given(_PAGES)
def test_any_markup_parses_or_is_refused(markup):
    content = f"<meta charset=utf-8>{markup}".encode()
    try:
        document = parse(content)
    except ParseError:
        return
    check(document, content)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<p>", b"<meta charset=utf-8>", b"<meta charset=utf-16><td>"]),
)
def test_any_bytes_parse_or_are_refused(garbage, prefix):
    try:
        document = parse(prefix + garbage)
    except ParseError:
        return
    assert document.blocks
