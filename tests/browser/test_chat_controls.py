"""Copying, rating, cost and time, the theme."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat_double import Double, problem, whole
from tests.browser.chat_page import ChatPage

pytestmark = pytest.mark.browser

CODE = "def f(x):\n\tif x < 1 & x:\n\n        return '<b>`` &amp;'  # [1]\u202e\u200b"


def _clipboard(chat: ChatPage) -> str:
    return str(chat.page.evaluate("navigator.clipboard.readText()"))


def test_copy_code_copies_exactly_the_code(chat: ChatPage, double: Double) -> None:
    double.reply(*whole(f"So:\n\n```python title=x\n{CODE}\n```\n\nDone.", citations=[]))
    chat.ask()
    figure = chat.text.get_by_role("figure", name="Code, python")
    expect(figure.locator(".language")).to_have_text("python")
    button = figure.get_by_role("button", name="Copy code")
    button.click()
    expect(button).to_contain_text("Copied")
    assert _clipboard(chat) == CODE
    assert "Copied" in chat.announcements
    assert figure.locator("code").evaluate("(node) => node.textContent") == CODE
    expect(button).to_contain_text("Copy", timeout=5000)


def test_copying_works_without_the_clipboard_api(chat: ChatPage, double: Double) -> None:
    chat.page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }"
    )
    double.reply(*whole("```\nls -la\n```", citations=[]))
    chat.ask()
    chat.button("Copy code").click()
    expect(chat.button("Copy code")).to_contain_text("Copied")
    assert _clipboard(chat) == "ls -la"


def test_copy_answer_takes_its_sources_along(chat: ChatPage, double: Double) -> None:
    double.reply(*whole("**Yes** [1]."))
    chat.ask()
    chat.button("Copy answer").click()
    expect(chat.button("Copy answer")).to_contain_text("Copied")
    assert _clipboard(chat) == (
        "**Yes** [1].\n\n[1] Index versions: https://docs.example/guides/indexes#roll-back\n"
        "[2] Command line: reference/cli.md"
    )


def test_a_rating_is_sent_at_once_and_a_comment_after_it(chat: ChatPage, double: Double) -> None:
    chat.ask()
    chat.button("Bad answer").click()
    expect(chat.button("Bad answer")).to_have_attribute("aria-pressed", "true")
    expect(chat.button("Good answer")).to_have_attribute("aria-pressed", "false")
    assert double.feedback == [{"answer_id": "ans-0001", "rating": "down"}]
    comment = chat.page.get_by_role("textbox", name="What was wrong or missing?")
    expect(comment).to_be_focused()
    comment.fill("It misses the flag.")
    chat.button("Send comment").click()
    expect(chat.turn).to_contain_text("Thank you.")
    assert double.feedback[1:] == [
        {"answer_id": "ans-0001", "rating": "down", "comment": "It misses the flag."}
    ]
    assert "Thank you. The comment is saved." in chat.announcements
    expect(chat.button("Bad answer")).to_be_focused()


def test_a_rating_without_a_comment(chat: ChatPage, double: Double) -> None:
    chat.ask()
    chat.button("Good answer").click()
    chat.button("No comment").click()
    expect(chat.page.get_by_role("form", name="Comment on this answer")).to_be_hidden()
    expect(chat.button("Good answer")).to_be_focused()
    assert [item["rating"] for item in double.feedback] == ["up"]


def test_a_rating_that_was_not_saved_says_so(chat: ChatPage, double: Double) -> None:
    double.feedback_replies.append(problem(404, "no such answer"))
    chat.ask()
    chat.button("Good answer").click()
    expect(chat.turn).to_contain_text("The rating was not saved. No such answer.")
    expect(chat.button("Good answer")).to_have_attribute("aria-pressed", "false")
    chat.button("Good answer").click()
    expect(chat.button("Good answer")).to_have_attribute("aria-pressed", "true")


def test_cost_time_and_origin_stand_under_the_answer(chat: ChatPage) -> None:
    chat.ask()
    cost = chat.turn.locator(".cost")
    expect(cost).to_have_text("Cost $0.0000000004")
    expect(cost).to_have_attribute("title", "0.00000000036 USD")
    facts = chat.turn.locator(".facts")
    expect(facts).to_contain_text("12 ms")
    expect(facts).to_contain_text("docs v00012-9f3c")
    expect(facts).to_contain_text("rel-01234567…")
    chat.turn.get_by_text("Details", exact=True).click()
    rows = chat.turn.get_by_role("table").get_by_role("row")
    assert rows.all_inner_texts()[1:] == [
        "embed\ttokens\t1,200\t$0.00000000024",
        "generate\ttokens\t60\t$0.00000000012",
        "Total\t$0.00000000036",
    ]
    expect(chat.turn.locator("dl")).to_contain_text("4bf92f3577b34da6")


def test_a_budget_is_shown_where_there_is_one(chat: ChatPage, double: Double) -> None:
    budget = {"limit": "5", "remaining": "4.256", "resets_at": "2026-02-01T00:00:00Z"}
    double.reply(*whole(budget=budget))
    chat.ask()
    chat.turn.get_by_text("Details", exact=True).click()
    expect(chat.turn.locator("dl")).to_contain_text(
        "$4.26 of $5.00 left, until 2026-02-01T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0"),
        ("0.000", "$0"),
        ("0.00000000036", "$0.0000000004"),
        ("0.00000041", "$0.0000004"),
        ("0.000999", "$0.001"),
        ("0.00123", "$0.0012"),
        ("0.0996", "$0.10"),
        ("0.5", "$0.50"),
        ("0.996", "$1.00"),
        ("1", "$1.00"),
        ("12.345", "$12.35"),
        ("9007199254740993.129", "$9007199254740993.13"),
        ("-0.5", "-$0.50"),
        ("unknown", "unknown"),
    ],
)
def test_money_is_human_and_never_in_exponents(lab: ChatPage, amount: str, shown: str) -> None:
    assert lab.module("format.js", "(m, amount) => m.money(amount)", amount) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0.42, "0.4 ms"),
        (9.96, "10 ms"),
        (999.6, "1.0 s"),
        (1234, "1.2 s"),
        (59_960, "1 min 0 s"),
        (125_000, "2 min 5 s"),
    ],
)
def test_durations(lab: ChatPage, milliseconds: float, shown: str) -> None:
    assert lab.module("format.js", "(m, value) => m.duration(value)", milliseconds) == shown


def _paper(chat: ChatPage) -> str:
    return str(chat.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def test_the_theme_follows_the_system_until_it_is_chosen(chat: ChatPage) -> None:
    toggle = chat.button("Dark theme")
    light = _paper(chat)
    expect(toggle).to_have_attribute("aria-pressed", "false")
    chat.page.emulate_media(color_scheme="dark")
    dark = _paper(chat)
    assert dark != light
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    assert _paper(chat) == light
    chat.open()
    assert _paper(chat) == light
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.click()
    assert _paper(chat) == dark
    assert chat.page.evaluate("localStorage.length") == 0


def test_print_shows_quotes_and_addresses_and_no_buttons(chat: ChatPage) -> None:
    chat.ask()
    chat.page.emulate_media(media="print")
    chat.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(chat.turn.locator(".sources blockquote").first).to_be_visible()
    expect(chat.question).to_be_hidden()
    expect(chat.button("Copy answer")).to_be_hidden()
    chat.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    chat.page.emulate_media(media="screen")
    expect(chat.turn.locator(".sources blockquote").first).to_be_hidden()


def test_the_page_says_what_it_needs_without_scripts(browser: Browser, double: Double) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(double.url)
    expect(page.get_by_text("This page needs JavaScript.")).to_be_visible()
    context.close()
