"""What documents say stays text in Slack, whole and in pieces."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.errors import (
    BudgetExceeded,
    ConfigurationError,
    EngineDown,
    GroundworkError,
    IndexMissing,
    TooManyRequests,
)
from groundwork.serving.slack.escape import escape, link, plain
from groundwork.serving.slack.mrkdwn import Stretch, stretches, to_mrkdwn
from groundwork.serving.slack.page import messages
from groundwork.serving.slack.split import sections
from groundwork.serving.slack.words import sorry

# What Slack reads as more than text.
_SPECIAL = re.compile(r"<([^<>]*)>")
_NASTY = st.sampled_from(
    [
        "<!channel>", "<!here>", "<@U0123>", "<#C012|general>", "<!subteam^S1|@team>", "@here", "@channel",
        "<http://evil.example|https://bank.example>", "[https://bank.example](http://evil.example)",
        "[x](http://e.example/|y>)", "![a](http://e.example/<!here>)", "```", "`", "**", "*", "_", "~~", "> ", "- ",
        "1. ", "# ", "\n", "\n\n", "    ", "|", "|-|", "&lt;!here&gt;", "&", "<", ">", "](", "[", "\\", "\u202e",
        "http://a.example", "[1]", "\t", "<script>", "<a href='http://e.example'>x</a>",
    ]
)  # fmt: skip
_TEXTS = st.lists(st.one_of(_NASTY, st.text(max_size=8)), max_size=25).map("".join)


@given(_TEXTS)
@settings(max_examples=300)
def test_nothing_in_a_document_pings_or_forges(markdown: str) -> None:
    text = to_mrkdwn(markdown)
    for inside in _SPECIAL.findall(text):
        assert inside.startswith(("http://", "https://")), inside
        assert inside.count("|") <= 1
    rest = _SPECIAL.sub("", text)
    assert "<" not in rest
    assert re.search(r"&(?!amp;|lt;|gt;)", text) is None
    outside = re.sub(r"```.*?```|`[^`\n]*`", "", rest, flags=re.DOTALL)
    assert not re.search(r"@(here|channel|everyone)\b", outside, re.IGNORECASE)


@given(_TEXTS, st.integers(20, 400))
@settings(max_examples=200)
def test_every_piece_is_small_and_cut_between_things(markdown: str, limit: int) -> None:
    parts = stretches(markdown)
    # A link is never cut, so a limit below its length could not hold.
    longest = max((len(found) for found in re.findall(r"<[^<>]*>", to_mrkdwn(markdown))), default=0)
    limit = max(limit, longest + 20)
    pieces = sections(parts, limit)
    for piece in pieces:
        assert 0 < len(piece) <= limit
        assert "<" not in _SPECIAL.sub("", piece)
        assert re.search(r"&(?!amp;|lt;|gt;)", piece) is None
    words = "".join("".join(part.text.split()) for part in parts)
    assert "".join("".join(piece.replace("```", "").split()) for piece in pieces) == words.replace(
        "```", ""
    )


@given(st.text(max_size=200))
def test_escaping_is_undone_by_reading(text: str) -> None:
    assert plain(escape(text)).replace("\u2060", "") == text.strip().replace("\u2060", "")


def test_markdown_in_slacks_own_form() -> None:
    markdown = (
        "# Roll **back**\n\nUse `groundwork index` and *wait*, ~~not~~ **now**.\n\n"
        "- one\n- two\n  1. inner\n\n> quoted\n\n```bash\nls <dir> && x\n```\n\n"
        "| a | bb |\n|---|---|\n| 1 | 2 |\n\n[docs](https://docs.example.com/a?b=1&c=2)\n"
    )
    assert to_mrkdwn(markdown) == (
        "*Roll back*\n\nUse `groundwork index` and _wait_, ~not~ *now*.\n\n"
        "• one\n• two\n    1. inner\n\n> quoted\n\n```\nls &lt;dir&gt; &amp;&amp; x\n```\n\n"
        "```\na  bb\n1  2\n```\n\n<https://docs.example.com/a?b=1&amp;c=2|docs>"
    )


def test_an_unfinished_code_block_is_closed() -> None:
    assert to_mrkdwn("Run:\n\n```bash\ngroundwork up") == "Run:\n\n```\ngroundwork up\n```"


@pytest.mark.parametrize(
    ("url", "label", "shown"),
    [
        ("https://a.example/x", "a page", "<https://a.example/x|a page>"),
        ("https://a.example/x", "https://a.example/x", "<https://a.example/x|https://a.example/x>"),
        ("http://evil.example", "https://bank.example/login", "<http://evil.example>"),
        ("http://evil.example", "bank.example", "<http://evil.example>"),
        ("http://evil.example", "bank\u200b.example", "<http://evil.example>"),
        ("http://evil.example", "slack://open", "<http://evil.example>"),
        ("http://a.example/|x>y", "z", "<http://a.example/%7Cx%3Ey|z>"),
        ("javascript:alert(1)", "click", "click"),
        ("guides/index.md", "Guide", "Guide"),
        ("https://[bad", "Guide", "Guide"),
        ("https://bank.example@evil.example/", "the bank", "the bank"),
        ("http://evil.example%7Chttps://bank.example", "go", "go"),
        ("http://[::1]:8080/", "local", "<http://[::1]:8080/|local>"),
        ("https://a.example", "<!here>", "<https://a.example|&lt;!here&gt;>"),
    ],
)
def test_links(url: str, label: str, shown: str) -> None:
    assert link(url, label) == shown


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<@U0BOT> how &lt;now&gt; &amp; then?", "how <now> & then?"),
        ("ask <@U2> in <#C1|ops> <!here>", "ask @someone in #ops @here"),
        ("see <https://a.example|the page> <https://b.example>", "see the page (https://a.example) https://b.example"),
        ("&amp;lt; stays", "&lt; stays"),
    ],
)  # fmt: skip
def test_reading_what_people_wrote(text: str, read: str) -> None:
    assert plain(text, "U0BOT") == read


def test_a_long_answer_is_split_between_messages_and_keeps_its_code() -> None:
    code = "\n".join(f"line {n} <&>" for n in range(900))
    answer: dict[str, Any] = {
        "id": "ans-1",
        "answer": f"Before.\n\n```\n{code}\n```\n\nAfter.",
        "citations": [],
        "budget": None,
    }
    pages = messages(answer, thumbs=True, person=True)
    assert len(pages) > 1
    texts = [b["text"]["text"] for _, blocks in pages for b in blocks if b["type"] == "section"]
    assert all(len(text) <= 3000 and text.count("```") % 2 == 0 for text in texts)
    seen = "\n".join(texts)
    assert all(f"line {n} &lt;&amp;&gt;" in seen for n in range(900))
    assert [blocks[-1]["type"] for _, blocks in pages] == ["section"] * (len(pages) - 1) + [
        "actions"
    ]


BUDGET = {
    "scope": "team", "subject": "<search>", "period": "month", "currency": "USD", "limit": "5", "spent": "4.2",
    "remaining": "0.8", "frugal": True, "resets_at": "2026-12-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize("frugal", [True, False])
def test_what_is_left_is_said_from_the_soft_threshold_on(frugal: bool) -> None:
    answer = {"id": "a", "answer": "Yes.", "citations": [], "budget": {**BUDGET, "frugal": frugal}}
    ((_, blocks),) = messages(answer, thumbs=False, person=False)
    notes = [block["elements"][0]["text"] for block in blocks if block["type"] == "context"]
    said = (
        "The month's budget of team &lt;search&gt; has 0.8 of 5 USD left, so answers are short for now; "
        "it begins anew on 2026-12-01."
    )
    assert notes == ([said] if frugal else [])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BudgetExceeded("…", budget=BUDGET), "has 0.8 of 5 USD left, which is not enough for another answer"),
        (TooManyRequests("…", limit={}, retry_after=12.4), "please ask again in 12 seconds."),
        (IndexMissing("no index named <x>"), "I cannot answer that: no index named &lt;x&gt;."),
        (EngineDown("http://10.0.0.7 is down"), "cannot be reached just now; please ask again in a minute."),
        (ConfigurationError("ledger.url is wrong"), "Something went wrong here, and the log knows what."),
        (None, "Something went wrong here, and the log knows what."),
    ],
)  # fmt: skip
def test_errors_in_one_sentence(error: GroundworkError | None, said: str) -> None:
    sentence = sorry(error, "0" * 32)
    assert said in sentence
    assert sentence.endswith(f"(id `{'0' * 32}`)")
    assert "10.0.0.7" not in sentence
    assert "ledger.url" not in sentence


def test_stretches_keep_code_apart() -> None:
    assert stretches("a\n\n    code\n\nb") == [
        Stretch("a"),
        Stretch("code", code=True),
        Stretch("b"),
    ]
