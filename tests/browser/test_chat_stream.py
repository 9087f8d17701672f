"""Asking: streaming, follow-ups, stopping, and what goes wrong."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chat_double import PASSAGE, Double, Sent, delta, finished, whole
from tests.browser.chat_page import ChatPage

pytestmark = pytest.mark.browser


def test_partial_text_shows_before_the_answer_is_done(chat: ChatPage, double: Double) -> None:
    more, end = double.gate(), double.gate()
    text = "First **bold** part. Second part [1]."
    double.reply(
        delta("First **bo"),
        more,
        delta("ld** part. Second part [1]."),
        end,
        Sent("done", finished(text)),
    )
    chat.send("How?")
    expect(chat.text).to_have_text("First bo")
    expect(chat.text.locator("strong")).to_have_text("bo")
    expect(chat.text).to_have_attribute("aria-busy", "true")
    expect(chat.button("Stop")).to_be_visible()
    more.open()
    expect(chat.text).to_have_text("First bold part. Second part1.")
    expect(chat.turn).to_have_attribute("data-state", "streaming")
    expect(chat.text.locator(".cite")).to_have_count(0)
    end.open()
    expect(chat.turn).to_have_attribute("data-state", "done")
    expect(chat.mark(1)).to_be_visible()
    expect(chat.button("Ask")).to_be_visible()


def test_a_citation_may_come_before_or_after_its_text(chat: ChatPage, double: Double) -> None:
    after, end = double.gate(), double.gate()
    second = {**PASSAGE, "n": 2, "title": "Later"}
    double.reply(
        Sent("citation", PASSAGE), delta("One [1], two [2]."), after, Sent("citation", second), end,
        *whole("One [1], two [2].", citations=[PASSAGE, second]),
    )  # fmt: skip
    chat.send("How?")
    expect(chat.mark(1)).to_be_visible()
    expect(chat.mark(2)).to_have_count(0)
    after.open()
    expect(chat.mark(2)).to_have_attribute("aria-label", "Source 2: Later")
    end.open()
    expect(chat.turn).to_have_attribute("data-state", "done")


def test_what_stands_keeps_its_elements_while_the_answer_grows(
    chat: ChatPage, double: Double
) -> None:
    more = double.gate()
    head = "A first paragraph with a mark [1].\n\n```sh\nls\n```\n\nNow "
    text = head + "more text and [1] again."
    double.reply(
        Sent("citation", PASSAGE), delta(head), more, delta("more text and [1] again."),
        Sent("done", finished(text, citations=[PASSAGE])),
    )  # fmt: skip
    chat.send("How?")
    expect(chat.text).to_contain_text("Now")
    chat.mark(1).focus()
    handles = [chat.text.locator(selector).first.element_handle() for selector in ("p", "pre")]
    more.open()
    expect(chat.turn).to_have_attribute("data-state", "done")
    expect(chat.mark(1)).to_be_focused()
    expect(chat.card).to_be_visible()
    for handle in handles:
        assert handle is not None
        assert handle.evaluate("(node) => node.isConnected")


def test_the_finished_answer_has_the_last_word(chat: ChatPage, double: Double) -> None:
    redacted = finished("The key is [redacted].", citations=[])
    double.reply(delta("The key is hunter2."), Sent("done", redacted))
    chat.ask()
    expect(chat.text).to_have_text("The key is [redacted].")


def test_follow_ups_send_the_conversation(chat: ChatPage, double: Double) -> None:
    double.reply(*whole("First answer [1]."))
    chat.ask("First?")
    chat.ask("Second?")
    assert double.asked[0] == {"question": "First?", "history": [], "stream": True}
    assert double.asked[1] == {
        "question": "Second?",
        "history": [
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "First answer [1]."},
        ],
        "stream": True,
    }


def test_failed_turns_stay_out_of_the_history(chat: ChatPage, double: Double) -> None:
    double.refuse(503, "the index is still loading")
    chat.ask("First?", state="failed")
    chat.ask("Second?")
    assert double.asked[1]["history"] == []


def test_history_is_bounded_and_keeps_the_newest(chat: ChatPage, double: Double) -> None:
    for number in range(12):
        double.reply(*whole(f"Answer {number}. " + "x" * 5000))
        chat.ask(f"Question {number}?")
    chat.ask("Last?")
    history = double.asked[-1]["history"]
    assert history[0]["role"] == "user"
    assert history[-1]["content"].startswith("Answer 11.")
    assert 4 <= len(history) <= 20
    assert sum(len(message["content"]) for message in history) <= 40_000


def test_new_chat_forgets_and_aborts(chat: ChatPage, double: Double) -> None:
    chat.ask("First?")
    double.reply(delta("Never"), double.gate())
    chat.send("Second?")
    expect(chat.text).to_have_text("Never")
    chat.button("New chat").click()
    assert double.disconnected.wait(15)
    expect(chat.turns).to_have_count(0)
    expect(chat.page.get_by_role("heading", name="Ask the documentation")).to_be_visible()
    expect(chat.question).to_be_focused()
    chat.ask("Third?")
    assert double.asked[-1]["history"] == []


def test_suggestions_ask(chat: ChatPage, double: Double) -> None:
    chat.button("What does an answer cost?").click()
    expect(chat.turn).to_have_attribute("data-state", "done")
    assert double.asked[0]["question"] == "What does an answer cost?"


def test_stop_reaches_the_server_and_keeps_what_came(chat: ChatPage, double: Double) -> None:
    double.reply(Sent("citation", PASSAGE), delta("Half of it [1], and [9]"), double.gate())
    chat.send("How?")
    expect(chat.text).to_contain_text("Half of it")
    chat.button("Stop").click()
    expect(chat.turn).to_have_attribute("data-state", "stopped")
    assert double.disconnected.wait(15)
    expect(chat.text).to_have_text("Half of it1, and [9]")
    expect(chat.turn).to_contain_text("Stopped before it was finished.")
    expect(chat.question).to_be_focused()
    chat.button("Ask again").click()
    expect(chat.turn).to_have_attribute("data-state", "done")
    expect(chat.turns).to_have_count(1)
    assert [request["question"] for request in double.asked] == ["How?", "How?"]


def test_a_question_waits_for_the_answer_before_it(chat: ChatPage, double: Double) -> None:
    gate = double.gate()
    double.reply(delta("Slow"), gate, *whole())
    chat.send("One?")
    expect(chat.text).to_have_text("Slow")
    chat.send("Two?")
    expect(chat.question).to_have_value("Two?")
    gate.open()
    expect(chat.turn).to_have_attribute("data-state", "done")
    assert len(double.asked) == 1


def test_a_refusal_is_one_sentence_with_the_request_id(chat: ChatPage, double: Double) -> None:
    double.refuse(503, "the index is still loading", Retry_After="5")
    chat.ask(state="failed")
    expect(chat.turn).to_contain_text("The index is still loading. Try again in 5 seconds.")
    expect(chat.turn).to_contain_text("Request req-503")
    chat.button("Try again").click()
    expect(chat.turn).to_have_attribute("data-state", "done")
    expect(chat.turn).not_to_contain_text("still loading")


def test_an_error_event_keeps_the_partial_answer(chat: ChatPage, double: Double) -> None:
    document = {"type": "about:blank", "title": "Down", "status": 503, "detail": "The engine died."}
    double.reply(delta("Some text"), Sent("error", {**document, "trace_id": "trace-7"}))
    chat.ask(state="failed")
    expect(chat.text).to_have_text("Some text")
    expect(chat.turn).to_contain_text("The engine died.")
    expect(chat.turn).to_contain_text("Request trace-7")


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ([delta("Some")], "The answer broke off before it was finished."),
        ([delta("Some"), b"event: done\ndata: {oops\n\n"], "sent something that is not JSON"),
    ],
    ids=["broken-off", "not-json"],
)
def test_a_broken_stream_is_said(
    chat: ChatPage, double: Double, steps: list[Sent | bytes], sentence: str
) -> None:
    double.reply(*steps)
    chat.ask(state="failed")
    expect(chat.turn).to_contain_text(sentence)


def test_an_unreachable_service_is_said(chat: ChatPage) -> None:
    chat.page.route("**/v1/ask", lambda route: route.abort())
    chat.ask(state="failed")
    expect(chat.turn).to_contain_text("The service cannot be reached.")


def test_an_abstention_looks_different_and_helps(chat: ChatPage, double: Double) -> None:
    double.reply(
        *whole("It is not in the docs.", abstained=True, reason="low_confidence", citations=[])
    )
    chat.ask("Who won?", state="abstained")
    expect(chat.turn).to_contain_text("Not found in the documentation")
    expect(chat.turn).to_contain_text("The closest passages do not answer this question.")
    chat.button("Rephrase the question").click()
    expect(chat.question).to_have_value("Who won?")
    expect(chat.question).to_be_focused()


def test_a_key_is_asked_for_and_kept_for_the_tab_only(chat: ChatPage, double: Double) -> None:
    double.api_key = "right"
    double.indexes = ["docs", "internal"]
    chat.send("How?")
    dialog = chat.page.get_by_role("dialog", name="API key")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Key", exact=True).fill("wrong")
    chat.button("Use this key").click()
    expect(dialog).to_contain_text("That key was not accepted.")
    dialog.get_by_label("Key", exact=True).fill("right")
    chat.button("Use this key").click()
    expect(chat.turn).to_have_attribute("data-state", "done")
    expect(chat.page.get_by_role("combobox", name="Index")).to_be_visible()
    stored = chat.page.evaluate("[Object.values(sessionStorage), Object.values(localStorage)]")
    assert stored == [["right"], []]


def test_declining_to_give_a_key_leaves_the_error(chat: ChatPage, double: Double) -> None:
    double.api_key = "right"
    chat.send("How?")
    chat.button("Cancel").click()
    expect(chat.turn).to_have_attribute("data-state", "failed")
    expect(chat.turn).to_contain_text("Send a key as Authorization: Bearer.")


def test_the_index_picker_shows_only_where_there_is_a_choice(
    chat: ChatPage, double: Double
) -> None:
    picker = chat.page.get_by_role("combobox", name="Index")
    expect(picker).to_be_hidden()
    double.indexes = ["docs", "internal"]
    chat.open()
    picker.select_option("internal")
    chat.ask()
    assert double.asked[0]["index"] == "internal"


def test_an_answer_without_a_stream_is_shown_too(chat: ChatPage, double: Double) -> None:
    chat.page.route(
        "**/v1/ask", lambda route: route.fulfill(json=finished("At once [1]."), status=200)
    )
    chat.ask()
    expect(chat.text).to_have_text(re.compile("At once"))
