"""The parser of a model's text: the same claims however the stream is cut."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundwork.serving.generate.inline import subscripted
from groundwork.serving.generate.marks import Claim, Kind, MarkParser

SENTINEL = "NOT_IN_DOCUMENTATION"
FRAGMENTS = [
    "Rolling back moves the alias", "it is fast", "See", "e.g. this", "v1.2", "arr[1]", "`arr[1]`", "`", "``",
    "```", "```sh\n", "~~~", "[1]", "[2][3]", "[1, 2]", "[12]", "[0]", "[", "]", "[a](b)", "[1](c)", "【3】", "(", ")",
    ".", "!", "?", ":", ",", " ", "  ", "\n", "\n\n", "\n- ", "\n1. ", "\n# ", "\n| a |", "|", "---", "**", "_", "\\",
    "A", "b", "9", SENTINEL, "NOT_", "IN_DOC", "UMENTATION", "”", "删除", "。",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join)


def parse(
    text: str, cuts: list[int] | None = None, previews: bool = True
) -> tuple[list[Claim], bool]:
    parser = MarkParser(SENTINEL, previews=previews)
    claims: list[Claim] = []
    edges = sorted({min(cut, len(text)) for cut in cuts or []} | {0, len(text)})
    for start, end in itertools.pairwise(edges):
        claims += parser.feed(text[start:end])
    return claims + parser.finish(), parser.abstained


def shown(text: str) -> str:
    return "".join(claim.lead + claim.text for claim in parse(text)[0])


def prose(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(claim.text, claim.marks) for claim in parse(text)[0]]


@given(TEXTS, st.lists(st.integers(0, 300), max_size=12))
@example("Foo. [1] NOT_IN_DOCUMENTATION. Bar [2]", [20])
@example("A. B. NOT_IN_DOCUMENTATION", [3])
@settings(max_examples=400, deadline=None)
def test_every_cut_gives_the_same_claims(text: str, cuts: list[int]) -> None:
    whole = parse(text)
    assert parse(text, cuts) == whole
    assert parse(text, list(range(len(text)))) == whole
    assert parse(text, cuts, previews=False) == whole


@given(TEXTS)
@example("```\n \n")
@settings(max_examples=300, deadline=None)
def test_what_is_shown_early_is_never_taken_back(text: str) -> None:
    final = shown(text)
    parser = MarkParser(SENTINEL)
    done = ""
    for char in text:
        for claim in parser.feed(char):
            done += claim.lead + claim.text
        assert final.startswith(done + parser.peek()), (done, parser.peek())
    for claim in parser.finish():
        done += claim.lead + claim.text
    assert done == final
    # In code the word is no more than a word.
    assert "`" in text or "~~~" in text or not re.search(rf"\b{SENTINEL}\b", final)


@given(st.lists(st.sampled_from(["Foo bar", ". ", "Next one", "\n\n", "- ", "# ", "x: y", "\n"])))
@settings(max_examples=200, deadline=None)
def test_text_without_marks_stays_as_it_is(parts: list[str]) -> None:
    text = "".join(parts)
    # White space at a line's end is not kept.
    assert (
        re.sub(r"[ \t]+(?=\n)", "", shown(text)).strip()
        == re.sub(r"[ \t]+(?=\n)", "", text).strip()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It moves [1]. It ends [2].", [("It moves.", (1,)), ("It ends.", (2,))]),
        ("It moves. [1] It ends. [2]", [("It moves.", (1,)), ("It ends.", (2,))]),
        ("It moves.[1] It ends.[2]", [("It moves.", (1,)), ("It ends.", (2,))]),
        ("It moves [1][2].", [("It moves.", (1, 2))]),
        ("It moves [1, 2] and [3].", [("It moves and.", (1, 2, 3))]),
        ("It moves [1], [2].", [("It moves.", (1, 2))]),
        ("It moves 【1】。", [("It moves。", (1,))]),
        ("It moves\n[1]", [("It moves", (1,))]),
        ("It moves.\n\n[1]", [("It moves.", (1,))]),
        ("[1] It moves.", [("It moves.", (1,))]),
        ("**It moves.**[1] Ends", [("**It moves.**", (1,)), ("Ends", ())]),
        ("It was deleted[1] and gone.", [("It was deleted and gone.", (1,))]),
        ("别名被移动[1]。", [("别名被移动。", (1,))]),
        ("Press Ctrl-C. [1] It ends.", [("Press Ctrl-C.", (1,)), ("It ends.", ())]),
        ("删除。[1]移动。[2]", [("删除。", (1,)), ("移动。", (2,))]),
        ("See e.g. [1] that page.", [("See e.g. that page.", (1,))]),
        ("See version 2.0[1].", [("See version 2.0.", (1,))]),
    ],
)
def test_marks(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert prose(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Use `arr[1]` here.",
        "Use my_list[1] here.",
        "Use argv[1] = 3 here.",
        "Use sys.argv[1] here.",
        "Use rows[1].name here.",
        "Use f()[1] here.",
        "Use arr[0] here.",
        "See [1](https://a.example) here.",
        "See [the page][1] here.",
        "See ![1](x.png) here.",
        r"See \[1\] here.",
        "[1]: https://a.example",
        "Written [one] here.",
    ],
)
def test_what_is_no_mark(text: str) -> None:
    assert prose(text) == [(text, ())]


def test_a_word_that_passages_index_is_no_mark() -> None:
    parser = MarkParser(SENTINEL, subscripted("Take arr[0] and then arr[7]."))
    claims = [*parser.feed("Then arr[1] holds it [2]."), *parser.finish()]
    assert [(claim.text, claim.marks) for claim in claims] == [("Then arr[1] holds it.", (2,))]


def test_code_is_one_claim_and_the_marks_below_are_its_own() -> None:
    text = "Run this:\n\n```sh\ngo [1]\n\ngo on\n```\n[2]\n\nDone."
    first, code, last = parse(text)[0]
    assert (first.kind, code.kind, last.kind) == (Kind.LEAD_IN, Kind.CODE, Kind.PROSE)
    assert code.text == "```sh\ngo [1]\n\ngo on\n```"
    assert code.body == "go [1]\n\ngo on"
    assert code.marks == (2,)


def test_code_that_was_cut_is_closed() -> None:
    (claim,) = parse("```sh\ngo\n``")[0]
    assert claim.text == "```sh\ngo\n```"


def test_a_sentence_is_handed_out_when_the_next_one_begins_not_later() -> None:
    parser = MarkParser(SENTINEL, previews=False)
    claims = [
        (n, claim.text)
        for n, char in enumerate("It moves. [1] It ends. [2] So.")
        for claim in parser.feed(char)
    ]
    assert claims == [(14, "It moves."), (27, "It ends.")]


def test_lists_headings_and_tables() -> None:
    text = "## How\n\n1. Stop it [1].\n2. Start it [2]. Wait.\n\n| a | b |\n|---|---|\n| x [3] | y |\n\nEnd."
    claims = parse(text)[0]
    assert [claim.kind for claim in claims] == [
        Kind.HEADING, Kind.PROSE, Kind.PROSE, Kind.PROSE, Kind.TABLE, Kind.PROSE,
    ]  # fmt: skip
    assert claims[0].level == 2
    assert claims[1].lead == "\n\n1. "
    assert claims[4].marks == (3,)
    assert claims[4].text == "| a | b |\n|---|---|\n| x | y |"


@pytest.mark.parametrize(
    "text",
    [
        SENTINEL,
        f"{SENTINEL}.",
        f"**{SENTINEL}**",
        f"`{SENTINEL}`",
        f"\n{SENTINEL}\n\nBut I think so.",
    ],
)
def test_the_sentinel_ends_the_answer(text: str) -> None:
    assert parse(text) == ([], True)


def test_the_sentinel_ends_what_had_begun() -> None:
    claims, abstained = parse(f"It moves. [1] {SENTINEL} More.")
    assert abstained
    assert [(claim.text, claim.marks) for claim in claims] == [("It moves.", (1,))]


def test_a_word_that_only_begins_like_the_sentinel_is_text() -> None:
    assert shown(f"The {SENTINEL}S exist.") == f"The {SENTINEL}S exist."
