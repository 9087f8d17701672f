"""The Markdown renderer, in the browser it runs in: what it makes, that it is safe, and that it is fast."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.chat_page import ChatPage
from tests.browser.test_chat_hostile import SURVEY, assert_harmless

pytestmark = pytest.mark.browser

# Makes `render(pieces)`, which shows a text piece by piece and gives the element.
SHOW = """
    const parts = {
        mark: (node) => ({ element: Object.assign(document.createElement('sup'), { textContent: node.mark }), update() {} }),
        code: (node) => {
            const pre = document.createElement('pre');
            pre.dataset.language = node.language;
            pre.textContent = node.code;
            return { element: pre, update(next) { pre.textContent = next.code; } };
        },
    };
    const render = (pieces) => {
        const element = document.createElement('div');
        const answer = new m.AnswerText(element, parts);
        let text = '';
        for (const piece of pieces) { text += piece; answer.set(text, { open: true }); }
        answer.set(text);
        return element;
    };
"""

PLAIN = """
    const plain = (node) => node.nodeType === Node.TEXT_NODE ? node.data
        : `<${node.tagName.toLowerCase()}>${[...node.childNodes].map(plain).join('')}</>`;
"""


def _html(lab: ChatPage, *pieces: str) -> str:
    """The answer's elements without their attributes, as `<p>text</>`."""
    function = f"(m, pieces) => {{ {SHOW} {PLAIN} return [...render(pieces).childNodes].map(plain).join(''); }}"
    return str(lab.module("render.js", function, list(pieces)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ntwo\n\nthree", "<p>one\ntwo</><p>three</>"),
        ("a **b *c* d** _e_ ~~f~~", "<p>a <strong>b <em>c</> d</> <em>e</> <del>f</></>"),
        ("***x*** and **a**b", "<p><em><strong>x</></> and <strong>a</>b</>"),
        ("snake_case_name 2 * 3 * 4 **", "<p>snake_case_name 2 * 3 * 4 **</>"),
        ("`a*b` ``c`d`` ` e", "<p><code>a*b</> <code>c`d</> ` e</>"),
        (r"\*not\* \[1\] \\", r"<p>*not* [1] \</>"),
        ("a  \nb\\\nc", "<p>a<br></>b<br></>c</>"),
        ("see [2, 10]. And [3][4]", "<p>see<sup>2</><sup>10</>. And<sup>3</><sup>4</></>"),
        ("[text](https://a.example/x_(y) 'title') z", "<p><a>text</> z</>"),
        ("[**b**](https://a.example) [c] (d)", "<p><a><strong>b</></> [c] (d)</>"),
        ("[a [1]](https://a.example) z", "<p>[a<sup>1</>](<a>https://a.example</>) z</>"),
        ("[**2**](https://a.example)", "<p><a>https://a.example/</></>"),
        ("![alt](https://a.example/i.png)", "<p><a>alt</></>"),
        ("(https://a.example/b_(c)). x", "<p>(<a>https://a.example/b_(c)</>). x</>"),
        ("<https://a.example/> <b>", "<p><a>https://a.example/</> &lt;b&gt;</>"),
        ("AT&amp;T &lt;b&gt; &#39; &bogus;", "<p>AT&T <b> ' &bogus;</>"),
        ("# One\n## Two ##\nText\n---\n***", "<h3>One</><h4>Two</><h4>Text</><hr></>"),
        ("- a\n- b\n  - c\n- d", "<ul><li>a</><li>b<ul><li>c</></></><li>d</></>"),
        ("3. a\n4. b\n\n   c", "<ol><li><p>a</></><li><p>b</><p>c</></></>"),
        ("1. a\n  - b\n2. c", "<ol><li>a<ul><li>b</></></><li>c</></>"),
        ("1. a\n   ```sh\n   x\n     y\n   ```", "<ol><li>a<pre>x\n  y</></></>"),
        ("> a\n> - b", "<blockquote><p>a</><ul><li>b</></></>"),
        ("```py\n\tx\n\n```\nz", "<pre>\tx\n</><p>z</>"),
        ("~~~~\n```\n~~~\n~~~~", "<pre>```\n~~~</>"),
        ("    four\n\n      six\n\nx", "<pre>four\n\n  six</><p>x</>"),
        (
            "T:\n| a | b |\n|:-:|--:|\n| `x|y` | \\| |\n| 1 |",
            (
                "<p>T:</><div><table><thead><tr><th>a</><th>b</></></><tbody>"
                "<tr><td><code>x|y</></><td>|</></><tr><td>1</><td></></></></></>"
            ),
        ),
        ("a | b\nnot a table", "<p>a | b\nnot a table</>"),
        ("", ""),
    ],
)
def test_markdown(lab: ChatPage, text: str, shown: str) -> None:
    assert _html(lab, text) == shown.replace("&lt;b&gt;</>", "<b></>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("so **bo", "<p>so <strong>bo</></>"),
        ("run `ls -", "<p>run <code>ls -</></>"),
        ("see [12", "<p>see </>"),
        ("see [the docs](https://a.ex", "<p>see the docs</>"),
        ("end **", "<p>end </>"),
        ("```sh\nls\n``", "<pre>ls</>"),
    ],
)
def test_half_written_markdown_is_not_shown_raw(lab: ChatPage, text: str, shown: str) -> None:
    function = f"""(m, text) => {{ {SHOW} {PLAIN}
        const element = document.createElement('div');
        new m.AnswerText(element, parts).set(text, {{ open: true }});
        return [...element.childNodes].map(plain).join('');
    }}"""
    assert lab.module("render.js", function, text) == shown


FRAGMENTS = [
    "word", " ", "  ", "\n", "\n\n", "\t", "    ", "*", "**", "***", "_", "~~", "`", "``", "```", "```py\n", "~~~",
    "[", "]", "[1]", "[1, 2]", "(", ")", "![", "](https://a.example)", "](javascript:x)", "https://a.example/b",
    "<", ">", "<b>", "<https://a.example>", "&amp;", "&lt;", "\\", "#", "# ", "- ", "1. ", "2) ", "> ", "---", "===",
    "| a | b |\n", "|---|---|\n", "|", "\u202e", "\u00e9", "\U0001f600", "\r\n", "\x00",
]  # fmt: skip
TEXTS = st.lists(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join), max_size=8)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answers=st.lists(TEXTS, min_size=10, max_size=30))
def test_any_text_is_harmless_and_the_same_however_it_is_cut(
    lab: ChatPage, answers: list[list[str]]
) -> None:
    function = f"""(m, answers) => {{ {SHOW} {PLAIN}
        const survey = {SURVEY};
        return answers.map((pieces) => {{
            const [cut, whole] = [render(pieces), render([pieces.join('')])];
            return [plain(cut), plain(whole), survey([cut])];
        }});
    }}"""
    results: list[Any] = lab.module("render.js", function, answers)
    for pieces, (cut, whole, nodes) in zip(answers, results, strict=True):
        assert cut == whole, pieces
        for node in nodes:
            node["attributes"] = [name for name in node["attributes"] if name != "data-language"]
        assert_harmless(nodes)


@pytest.mark.parametrize(
    "unit",
    ["*a ", "**a *", "_a*b_", "[", "![", "[a](", "](", "`a``", "```a ", "> ", "- ", "  - ", "1. ", "|", "|-", "&#",
     "<https://", "https://)", "https://a(", "\\", "#", "# ", " ", "\n> ", "\n- ", "a\n", "[1]", "[1,", "~~a", "*", "a*",
     "` ", "[a](https://b \"", "&amp", "\n| a |\n|-|", "é**"],
)  # fmt: skip
def test_no_text_takes_long(lab: ChatPage, unit: str) -> None:
    # 100,000 characters; a step of quadratic cost takes minutes on these, a linear one far below a second.
    function = f"""(m, text) => {{ {SHOW}
        const begin = performance.now();
        render([text]);
        return performance.now() - begin;
    }}"""
    text = (unit * 100_000)[:100_000]
    assert lab.module("render.js", function, text) < 8_000


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_an_event_stream_is_read_the_same_however_it_is_cut(
    lab: ChatPage, data: st.DataObject
) -> None:
    events = data.draw(
        st.lists(st.tuples(st.sampled_from(["delta", "done", ""]), st.text(max_size=8)), max_size=5)
    )
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    stream = ": keep-alive" + end + end
    for name, text in events:
        stream += f"event: {name}{end}" if name else ""
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        stream += "".join(f"data: {line}{end}" for line in lines) + end
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    function = (
        "(m, pieces) => { const p = new m.EventParser(); return pieces.flatMap((s) => p.push(s)); }"
    )
    expected = [
        {"event": name or "message", "data": text.replace("\r\n", "\n").replace("\r", "\n")}
        for name, text in events
    ]
    assert lab.module("stream.js", function, pieces) == expected
