"""Marks, the passage card, the list of sources."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat_double import PASSAGE, Double, passage, whole
from tests.browser.chat_page import ChatPage

pytestmark = pytest.mark.browser

TARGET = "https://docs.example/guides/indexes#roll-back"


def _assert_card(chat: ChatPage) -> None:
    expect(chat.card).to_be_visible()
    expect(chat.card).to_contain_text("Index versions")
    expect(chat.card.locator(".path")).to_have_text("Roll back")
    quote = chat.card.locator("blockquote")
    assert quote.inner_text() == PASSAGE["quote"]
    assert quote.evaluate("(node) => getComputedStyle(node).whiteSpace").startswith("pre-wrap")
    link = chat.card.get_by_role("link", name="Open page")
    expect(link).to_have_attribute("href", TARGET)
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_a_mark_is_a_numbered_link(chat: ChatPage) -> None:
    chat.ask()
    mark = chat.text.get_by_role("link", name="Source 1: Index versions")
    expect(mark).to_have_text("1")
    expect(mark).to_have_attribute("href", TARGET)
    expect(mark).to_have_attribute("target", "_blank")
    expect(mark).to_have_attribute("rel", "noopener noreferrer")


def test_hover_shows_the_passage_and_the_pointer_may_enter_it(chat: ChatPage) -> None:
    chat.ask()
    chat.page.clock.install()
    chat.mark(1).hover()
    _assert_card(chat)
    chat.card.locator("blockquote").hover()
    chat.page.clock.run_for(1000)  # longer than the card waits for the pointer
    _assert_card(chat)
    chat.page.mouse.move(5, 5)
    chat.page.clock.run_for(1000)
    expect(chat.card).to_be_hidden()


def test_focus_shows_the_passage_and_escape_closes_it(chat: ChatPage) -> None:
    chat.ask()
    mark = chat.mark(1)
    chat.page.get_by_role("banner").get_by_role("button", name="Dark theme").focus()
    chat.page.keyboard.press("Tab")
    expect(mark).to_be_focused()
    _assert_card(chat)
    described = mark.get_attribute("aria-describedby")
    assert chat.page.locator(f"#{described}").inner_text() == PASSAGE["quote"]
    chat.page.keyboard.press("Escape")
    expect(chat.card).to_be_hidden()
    expect(mark).to_be_focused()
    expect(mark).not_to_have_attribute("aria-describedby", "passage-quote")
    chat.page.keyboard.press("Tab")
    expect(chat.mark(2)).to_be_focused()
    expect(chat.card).to_contain_text("Command line")


def test_a_tap_shows_the_passage_and_stays_on_the_page(browser: Browser, double: Double) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    chat = ChatPage(context.new_page(), double.url)
    chat.page.goto(double.url)
    chat.ask()
    chat.mark(1).tap()
    _assert_card(chat)
    chat.mark(2).tap()
    expect(chat.card).to_contain_text("Command line")
    chat.mark(2).tap()
    expect(chat.card).to_be_hidden()
    chat.mark(1).tap()
    chat.turn.get_by_role("heading", level=2).tap()
    expect(chat.card).to_be_hidden()
    assert len(context.pages) == 1
    chat.assert_quiet()
    context.close()


def test_sources_that_are_opened_are_counted(chat: ChatPage, double: Double) -> None:
    double.reply(*whole("One [1]. Three [3].", citations=[PASSAGE, passage(3)], id="ans-0007"))
    chat.ask()
    chat.page.context.route("https://docs.example/**", lambda route: route.fulfill(body="a page"))
    listed = chat.turn.get_by_role("region", name="Sources").get_by_role("link").last
    with chat.page.expect_response("**/v1/clicks"):
        listed.click()
    with chat.page.expect_response("**/v1/clicks"):
        chat.mark(3).click()
    with chat.page.expect_response("**/v1/clicks"):
        chat.mark(1).click(button="middle")
    chat.mark(1).hover()
    with chat.page.expect_response("**/v1/clicks"):
        chat.card.get_by_role("link", name="Open page").click()
    assert double.clicks == [("ans-0007", n) for n in (3, 3, 1, 1)]


def test_looking_at_a_passage_is_no_click_and_a_click_that_is_not_counted_hurts_nobody(
    browser: Browser, double: Double
) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    context.route("https://docs.example/**", lambda route: route.fulfill(body="a page"))
    chat = ChatPage(context.new_page(), double.url)
    chat.page.goto(double.url)
    chat.ask()
    chat.mark(1).tap()
    _assert_card(chat)
    assert double.clicks == []
    double.clicks_fail = True
    with chat.page.expect_response("**/v1/clicks"), context.expect_page():
        chat.card.get_by_role("link", name="Open page").tap()
    assert double.clicks == [("ans-0001", 1)]
    expect(chat.text).to_be_visible()
    context.close()


def test_a_source_without_a_public_page_is_no_link(chat: ChatPage) -> None:
    chat.ask()
    chat.page.clock.install()
    mark = chat.text.get_by_role("button", name="Source 2: Command line")
    mark.click()
    expect(mark).to_have_attribute("aria-expanded", "true")
    chat.page.mouse.move(5, 5)
    chat.page.clock.run_for(1000)  # pinned: the pointer may leave
    expect(chat.card).to_contain_text("reference/cli.md")
    expect(chat.card.get_by_role("link")).to_have_count(0)
    chat.page.keyboard.press("Escape")
    expect(mark).to_have_attribute("aria-expanded", "false")


def test_every_source_is_listed_under_the_answer(chat: ChatPage) -> None:
    chat.ask()
    sources = chat.turn.get_by_role("region", name="Sources")
    items = sources.get_by_role("listitem")
    expect(items).to_have_count(2)
    expect(items.nth(0).get_by_role("link", name="Index versions")).to_have_attribute(
        "href", TARGET
    )
    expect(items.nth(1)).to_contain_text("groundwork index · reference/cli.md#index")
    expect(items.nth(1).get_by_role("link")).to_have_count(0)
    items.nth(0).locator("summary").click()
    assert items.nth(0).locator("blockquote").inner_text() == PASSAGE["quote"]


def test_stretches_of_one_number_share_a_mark(chat: ChatPage, double: Double) -> None:
    both = [passage(1), passage(1, quote="Another sentence of that page.")]
    double.reply(*whole("A [1]. B [1].", citations=both))
    chat.ask()
    expect(chat.turn.get_by_role("region", name="Sources").get_by_role("listitem")).to_have_count(1)
    chat.mark(1).hover()
    expect(chat.card.locator("blockquote")).to_have_count(2)


def test_a_mark_without_a_citation_is_text(chat: ChatPage, double: Double) -> None:
    double.reply(*whole("Take argv[1] or argv [7] [1, 9].", citations=[]))
    chat.ask()
    expect(chat.text).to_have_text("Take argv[1] or argv [7] [1][9].")
    expect(chat.turn.get_by_role("region", name="Sources")).to_have_count(0)


@pytest.mark.parametrize(
    ("url", "anchor", "href"),
    [
        ("https://docs.example/a", "b c", "https://docs.example/a#b%20c"),
        ("https://docs.example/a", "", "https://docs.example/a"),
        ("/guides/a", "b", "{origin}/guides/a#b"),
        ("guides/a.md", "b", None),
        ("//evil.example/a", "b", None),
        ("/\\evil.example/a", "b", None),
        ("https://docs.example@evil.example/", "b", None),
        ("javascript:alert(1)", "b", None),
        ("java\nscript:alert(1)", "", None),
        (" https://docs.example/a", "", None),
        ("data:text/html,x", "", None),
        ("https://[", "", None),
    ],
)
def test_which_urls_become_links(lab: ChatPage, url: str, anchor: str, href: str | None) -> None:
    given = lab.module("links.js", "(m, [url, anchor]) => m.safeHref(url, anchor)", [url, anchor])
    assert given == (href.format(origin=lab.url) if href else None)
