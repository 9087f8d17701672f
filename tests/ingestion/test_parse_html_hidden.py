"""Text that nobody sees is not read, and what only looks hidden is."""

import pytest

from groundwork.core.documents import Document, RawDocument
from groundwork.ingestion.parse.html import parse_html
from groundwork.ingestion.parse.options import ParseOptions


def body(markup: str) -> Document:
    content = f"<title>T</title><main><h1>T</h1>{markup}</main>".encode()
    return parse_html(RawDocument("p.html", content, "0" * 64, "r1"), ParseOptions())


def texts(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


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
def test_hidden_text_is_not_read(hidden: str) -> None:
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
def test_what_only_looks_hidden_is_read(shown: str) -> None:
    assert "SHOWN" in body(f"<p>Before.</p>{shown}").text


def test_invisible_characters_are_removed_and_counted() -> None:
    document = body("<p>ad&#8203;min\u202e\u2066 so&shy;ft\U000e0041</p><pre>x\ufeff = 1</pre>")
    assert texts(document) == ["admin soft", "x = 1"]
    assert document.metadata["invisible_characters"] == "6"
    persian = body("<p>\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 a\u200cb</p>")
    assert texts(persian) == ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 ab"]
    assert "invisible_characters" not in body("<p>plain</p>").metadata
