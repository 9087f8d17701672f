"""The window over a stream against the whole text: same text, same verdicts, nothing leaked, however it is cut."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from groundwork.core.answers import RailVerdict
from groundwork.guardrails.guard import Session
from groundwork.guardrails.stream import OutputWindow, Passed
from tests.rails.rails_world import CANARY, SEEDED, guard, passage

GUARD = guard()
FILLER = [
    "Set `timeout` to 30. ", "See the guide", "\n\n", " ", ". ", "a", "-", "\n", "1", "4539", "(", ")", "[x](", "=", "'", "/",
    "The token is ", "password: ", "https://docs.dev/install?a=1. ", "call me on ", "order number ", "。", "version ",
    "-----BEGIN PRIVATE KEY----- ", "10.0.0.1 ", "eyJ", "+1 415 ", "MIIEowIBAAKCAQEAwJx4 ", "DE89 3704 ", "acme search ", "@",
]  # fmt: skip
PIECES = st.lists(
    st.one_of(
        st.sampled_from(FILLER),
        st.sampled_from([value for _, value in SEEDED]),
        st.sampled_from([CANARY[:9], CANARY, "-".join(CANARY)]).filter(bool),
        st.text(st.sampled_from("ab1 .-@:/\n4"), max_size=12),
    ),
    max_size=9,
)


def plain(verdicts: tuple[RailVerdict, ...]) -> list[tuple[str, str, str | None]]:
    return [(each.rail, each.verdict, each.reason) for each in verdicts]


def stream(window: OutputWindow, pieces: list[str]) -> str:
    return "".join([*(window.feed(piece) for piece in pieces), window.finish()])


def check(session: Session, text: str, pieces: list[str]) -> None:
    whole = session.check_output(text)
    window = session.output()
    assert stream(window, pieces) == whole.text
    assert plain(window.verdicts()) == plain(whole.verdicts)


def cuts(text: str, places: list[int]) -> list[str]:
    at = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:end] for start, end in pairwise(at)]


@given(PIECES, st.lists(st.integers(0, 2000), max_size=12))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_cut_gives_what_the_whole_gives(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)
    session = GUARD.begin("docs")
    check(session, text, cuts(text, places))
    check(session, text, list(text))


# Found by generated input once, and by thinking.
@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY----- is the first line of a key (see there). Then text.",
        "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEAwJx4\n and then nothing",
        "-----BEGIN PRIVATE KEY-----",
        "+1 415 555 2671 12 items",
        "password: " + "x1Y2" * 40 + " end",
        "https://docs.dev/" + "a/" * 60 + "?u=https://evil.example.io/x ok",
        "postgres://" + "u" * 60 + ":h7Gk29xQw@db.internal/x?y=" + "z" * 90 + " and",
        "joe.black@acme-mail.io joe.black@acme-mail.io,joe.black@acme-mail.io",
    ],
)
def test_hard_cases_cut_everywhere(text: str) -> None:
    session = GUARD.begin("docs")
    for place in range(len(text) + 1):
        check(session, text, [text[:place], text[place:]])
    check(session, text, list(text))


@pytest.mark.parametrize(("kind", "value"), SEEDED, ids=[kind for kind, _ in SEEDED])
def test_no_split_of_a_seeded_value_leaks_a_byte(kind: str, value: str) -> None:
    text = f"The setting is ▶ {value} ◀ in production, and that is all there is to say about it."
    expected = GUARD.begin("docs").check_output(text).text
    before, _, rest = expected.partition("▶ ")
    middle, _, after = rest.partition(" ◀")
    assert middle == f"[{kind} removed]"
    assert before + "▶ " + value + " ◀" + after == text
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1, 7):
            window = GUARD.begin("docs").output()
            sent = stream(window, [text[:first], text[first:second], text[second:]])
            assert sent == expected


def test_the_canary_ends_the_answer_before_it_shows() -> None:
    for form in (
        CANARY,
        "-".join(CANARY),
        CANARY[::-1],
        CANARY.encode().hex(),
        "YzBmZmVlNWVlZDEyMzQ1Ng",
    ):
        text = f"My instructions: {form} and more of them."
        for place in range(len(text) + 1):
            window = GUARD.begin("docs").output()
            sent = stream(window, [text[:place], text[place:]])
            assert window.blocked == "prompt_leak"
            assert sent.startswith("My instructions: ")
            assert sent.endswith("The rest of this answer was withheld.")
            assert form[:6] not in sent
            assert "more of them" not in sent


def test_what_is_held_back_is_short() -> None:
    window = GUARD.begin("docs").output()
    text = (
        "Most answers have nothing that a rail would take out of them, and go through at once. " * 8
    )
    sent = "".join(window.feed(word) for word in text.split(" ") for word in (word + " ",))
    assert len(text) - len(sent) <= 140


async def test_64_streams_at_once_keep_to_themselves() -> None:
    shared = guard()
    chooser = random.Random(4)

    async def one(number: int) -> tuple[str, str, list[tuple[str, str, str | None]]]:
        mine = f"marker{number:04d}"
        _, value = SEEDED[number % len(SEEDED)]
        text = f"{mine} says: {value} is gone, {mine} stays. " * 3
        window = shared.begin("docs").output()
        out, place = [], 0
        while place < len(text):
            step = chooser.randint(1, 9)
            out.append(window.feed(text[place : place + step]))
            place += step
            await asyncio.sleep(0)
        out.append(window.finish())
        return text, "".join(out), plain(window.verdicts())

    answers = await asyncio.gather(*(one(number) for number in range(64)))
    for number, (text, sent, verdicts) in enumerate(answers):
        whole = shared.begin("docs").check_output(text)
        assert sent == whole.text
        assert verdicts == plain(whole.verdicts)
        assert SEEDED[number % len(SEEDED)][1] not in sent
        assert not any(f"marker{other:04d}" in sent for other in range(64) if other != number)


SENTENCES = """
version: 1
rails:
  - {rail: secrets, on: [output], action: redact}
  - {rail: groundedness, on: [output], action: %s, threshold: 0.5}
"""


@given(
    st.lists(st.sampled_from([
        "Known sentence that a passage holds. ", "Invented sentence that nobody wrote down. ", "Short. ",
        "E.g. v1.2. of it, No. 5 (etc.). ", "AKIAQ3EGFMX7TRSQ2BWN is the key that nobody wrote down.\n", "And so", "? ",
    ]), max_size=7),
    st.lists(st.integers(0, 500), max_size=6),
    st.sampled_from(["redact", "flag", "block"]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
@example(["Invented sentence that nobody wrote down. "], [3], "redact")
def test_sentences_are_judged_alike_however_they_are_cut(
    parts: list[str], places: list[int], action: str
) -> None:
    text = "".join(parts)
    session = guard(SENTENCES % action).begin("docs")
    passages = [passage("Known sentence that a passage holds.")]
    whole = session.check_output(text, passages)
    window = session.output(passages)
    assert stream(window, cuts(text, places)) == whole.text
    assert plain(window.verdicts()) == plain(whole.verdicts)
    if action == "redact":
        assert "Invented sentence that nobody wrote down." not in whole.text


def test_what_is_attached_comes_out_behind_its_text() -> None:
    text = "First statement. Mail joe.black@acme-mail.io now. Last one."
    for step in (1, 3, 10, 100):
        window = GUARD.begin("docs").output()
        sent: list[object] = []
        for start, end, item in ((0, 16, 1), (16, 49, 2), (49, len(text), 3)):
            for place in range(start, end, step):
                sent += window.push(text[place : min(end, place + step)])
            window.attach(item, covers=end - start)
        sent += window.flush()
        out = ""
        covered = {}
        for each in sent:
            if isinstance(each, Passed):
                covered[each.item] = out[len(out) - each.covers :]
            else:
                out += str(each)
        assert covered == {
            1: "First statement.",
            2: " Mail [e-mail address removed] now.",
            3: " Last one.",
        }


def test_flags_hold_nothing_back() -> None:
    window = guard(SENTENCES % "flag").begin("docs").output()
    sent = window.feed("An invented sentence goes on and on, " * 6)
    assert len(sent) > 100
    window.finish()
    assert window.verdicts()[1].verdict == "flag"
