"""For everybody: keyboard alone, screen readers, small windows, contrast, motion."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat_double import TEXT, Double, Sent, delta, finished, whole
from tests.browser.chat_page import ChatPage

pytestmark = pytest.mark.browser

RICH = f"""{TEXT}

# A heading

```sh
ls
```

| a | b |
|---|---|
| 1 | [link](https://docs.example/x) |
"""


def _everything(chat: ChatPage, double: Double) -> None:
    """A page with an answer, an abstention and an error on it, all disclosures open."""
    double.indexes = ["docs", "internal"]
    chat.open()
    double.reply(*whole(RICH))
    chat.ask()
    chat.button("Good answer").click()
    expect(chat.page.get_by_role("form", name="Comment on this answer")).to_be_visible()
    for summary in chat.turn.locator("summary").all():
        summary.click()
    double.reply(*whole("Not there.", abstained=True, reason="nothing_found", citations=[]))
    chat.ask("Who?", state="abstained")
    double.refuse(503, "the index is still loading")
    chat.ask("What?", state="failed")


UNNAMED = """() => {
    const name = (node) => node.getAttribute('aria-label')
        ?? (node.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean)
            .map((id) => document.getElementById(id)?.textContent).join(' ')
        ?? '';
    const label = (node) => [...(node.labels ?? [])].map((each) => each.textContent).join(' ');
    const controls = 'a[href], button, input, select, textarea, summary, [tabindex="0"], [role=region], form, dialog';
    return [...document.querySelectorAll(controls)]
        .filter((node) => !(name(node) || label(node) || node.textContent).trim()
            || (node.matches('input, select, textarea') && !(name(node) || label(node)).trim()))
        .map((node) => node.outerHTML);
}"""


def test_every_control_has_a_name_and_every_id_is_single(chat: ChatPage, double: Double) -> None:
    _everything(chat, double)
    assert chat.page.evaluate(UNNAMED) == []
    ids = chat.page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))
    for attribute in ("aria-labelledby", "aria-describedby", "for"):
        script = f"(nodes) => nodes.flatMap((node) => node.getAttribute('{attribute}').split(' '))"
        assert set(chat.page.locator(f"[{attribute}]").evaluate_all(script)) <= set(ids)


def test_landmarks_and_headings(chat: ChatPage, double: Double) -> None:
    _everything(chat, double)
    for role in ("banner", "main", "log"):
        expect(chat.page.get_by_role(role)).to_have_count(1)
    expect(chat.page.get_by_role("form", name="Ask a question")).to_have_count(1)
    expect(chat.page.get_by_role("region", name="Conversation")).to_have_count(1)
    assert chat.page.evaluate("document.documentElement.lang") == "en"
    assert chat.page.title() == "Groundwork"
    levels = chat.page.get_by_role("heading").evaluate_all(
        "(nodes) => nodes.map((node) => Number(node.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(after - before for before, after in pairwise(levels)) == 1, levels
    expect(chat.page.get_by_role("article", name="How do I roll back?")).to_have_count(1)


CONTRAST = """() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (top, bottom) => top.slice(0, 3).map((value, i) => value * top[3] + bottom[i] * (1 - top[3]));
    const behind = (node) => {
        const layers = [];
        for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
        return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
    };
    const luminance = (color) => {
        const [r, g, b] = color.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (a, b) => {
        const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
        return (light + 0.05) / (dark + 0.05);
    };
    const seen = [...document.querySelectorAll('body *')].filter((node) => node.checkVisibility()
        && !node.closest('svg, .unseen, .skip, .sprite, option')
        && ([...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()) || node.matches('textarea')));
    return seen.map((node) => {
        const ground = behind(node);
        const ink = over(rgba(getComputedStyle(node).color), ground);
        return [Math.round(ratio(ink, ground) * 100) / 100, node.tagName + '.' + node.className, node.textContent.slice(0, 30)];
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(chat: ChatPage, double: Double, scheme: Any) -> None:
    chat.page.emulate_media(color_scheme=scheme)
    _everything(chat, double)
    chat.mark(1)
    measured = chat.page.evaluate(CONTRAST)
    assert len(measured) > 60
    assert [each for each in measured if each[0] < 4.5] == []
    chat.button("New chat").click()
    assert [each for each in chat.page.evaluate(CONTRAST) if each[0] < 4.5] == []


@pytest.mark.parametrize("width", [320, 375, 768])
def test_small_windows_never_scroll_sideways(chat: ChatPage, double: Double, width: int) -> None:
    chat.page.set_viewport_size({"width": width, "height": 560})
    _everything(chat, double)
    assert chat.page.evaluate("document.documentElement.scrollWidth") == width
    box = chat.button("Ask").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 560
    small = chat.page.evaluate("""[...document.querySelectorAll('button, select, textarea, summary')]
        .filter((node) => node.checkVisibility() && !node.matches('.cite')).map((node) => node.getBoundingClientRect())
        .filter(({ width, height }) => width < 24 || height < 24).length""")
    assert small == 0


def test_the_whole_way_by_keyboard(chat: ChatPage, double: Double) -> None:
    keyboard, focused = chat.page.keyboard, chat.page.locator(":focus")
    skip = chat.page.get_by_role("link", name="Skip to the question box")
    expect(skip).not_to_be_in_viewport()
    for _ in range(6):  # theme, new chat, three suggestions, and the link before them all
        keyboard.press("Shift+Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    keyboard.press("Enter")
    expect(chat.question).to_be_focused()
    keyboard.type("One line")
    keyboard.press("Shift+Enter")
    keyboard.type("another")
    expect(chat.question).to_have_value("One line\nanother")
    double.reply(*whole(RICH))
    keyboard.press("Enter")
    expect(chat.turn).to_have_attribute("data-state", "done")
    assert double.asked[0]["question"] == "One line\nanother"
    expect(chat.question).to_be_focused()
    expect(chat.question).to_have_value("")
    reached = []
    for _ in range(14):
        keyboard.press("Shift+Tab")
        reached.append(
            focused.evaluate("(node) => node.getAttribute('aria-label') ?? node.textContent")
        )
        assert focused.evaluate("(node) => getComputedStyle(node).outlineStyle") != "none"
    for name in ("Details", "Bad answer", "Good answer", "Copy answer", "Copy code", "Table",
                 "Source 1: Index versions", "Source 2: Command line", "Code, sh"):  # fmt: skip
        assert name in reached
    keyboard.press("/")
    expect(chat.question).to_be_focused()
    expect(chat.question).to_have_value("")
    keyboard.type("a/b")
    expect(chat.question).to_have_value("a/b")


def test_stopping_by_keyboard_keeps_the_focus_useful(chat: ChatPage, double: Double) -> None:
    double.reply(delta("Slow"), double.gate())
    chat.question.fill("How?")
    chat.page.keyboard.press("Tab")
    expect(chat.button("Ask")).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(chat.text).to_have_text("Slow")
    chat.button("Stop").focus()
    chat.page.keyboard.press("Enter")
    expect(chat.turn).to_have_attribute("data-state", "stopped")
    expect(chat.question).to_be_focused()


def test_enter_that_ends_an_input_method_does_not_send(chat: ChatPage, double: Double) -> None:
    chat.question.fill("\u304b\u306a")
    chat.question.evaluate("""(node) => node.dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))""")
    chat.question.press("End")
    expect(chat.turns).to_have_count(0)
    assert double.asked == []


def test_only_what_is_finished_is_announced(chat: ChatPage, double: Double) -> None:
    more, end = double.gate(), double.gate()
    text = "First block, [1] of three.\n\n```sh\nls -la\n```\n\nLast block."
    double.reply(
        delta("First blo"), delta("ck, [1] of three.\n\n```sh\nls -la\n```\n\nLa"), more, delta("st bl"), end,
        delta("ock."), Sent("done", finished(text)),
    )  # fmt: skip
    chat.send("How?")
    expect(chat.text).to_contain_text("La")
    said = ["Question sent.", "First block, of three."]
    assert chat.announcements == said
    more.open()
    expect(chat.text).to_contain_text("Last bl")
    assert chat.announcements == said
    end.open()
    expect(chat.turn).to_have_attribute("data-state", "done")
    assert chat.announcements == [
        *said,
        "Code in sh.",
        "Last block.",
        "Answer finished, 2 sources.",
    ]
    region = chat.page.get_by_role("log")
    expect(region).to_have_attribute("aria-live", "polite")


def test_errors_are_announced(chat: ChatPage, double: Double) -> None:
    double.refuse(503, "the index is still loading")
    chat.ask(state="failed")
    assert chat.announcements[-1] == "The index is still loading."


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion_is_optional(browser: Browser, double: Double, motion: Any) -> None:
    page = browser.new_page(reduced_motion=motion)
    chat = ChatPage(page, double.url).open()
    double.reply(double.gate())
    chat.send("How?")
    expect(chat.turn).to_contain_text("Reading the documentation")
    running = page.evaluate(
        "document.getAnimations().filter((each) => each.playState === 'running').length"
    )
    assert (running > 0) == (motion == "no-preference")
    page.close()


def test_the_newest_question_moves_to_the_top(chat: ChatPage, double: Double) -> None:
    long = "\n\n".join(f"Paragraph {n}." for n in range(60))
    double.reply(*whole(long, citations=[]))
    chat.ask("First?")
    heading = chat.turn.get_by_role("heading", level=2)
    expect(heading).to_be_in_viewport()
    chat.button("Jump to the end").click()
    expect(chat.turn.get_by_text("Details", exact=True)).to_be_in_viewport()
    expect(chat.button("Jump to the end")).to_be_hidden()
    chat.ask("Second?")
    expect(chat.turn.get_by_role("heading", level=2)).to_be_in_viewport()
    expect(chat.page.get_by_role("heading", name="First?")).not_to_be_in_viewport()
