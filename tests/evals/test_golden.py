"""The bundled golden set, and the linter that keeps it right."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from groundwork.classic.injection.data import normalised
from groundwork.classic.injection.templates.attacks import attack_examples
from groundwork.cli import cli
from groundwork.core.answers import Turn
from groundwork.core.errors import InvalidInput
from groundwork.evals.golden import (
    CATEGORIES,
    Corpus,
    Example,
    lint,
    load_examples,
    read_corpus,
    set_digest,
)

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Corpus(
    {"a.md": "# port the port is 8080. what is the port of the service? ask."},
    {"a.md#port": "the port is `8080`.", "a.md#other": "nothing."},
)
GOOD = Example(
    "x-1", "lookup", "Which number does it listen on?", (), ("a.md#port",), "8080.", ("8080",)
)


def test_the_bundled_set_holds_against_the_guides() -> None:
    ran = CliRunner().invoke(cli, ["eval", "lint"])
    assert ran.exit_code == 0, ran.output
    counts = Counter(one.category for one in load_examples([ROOT / "evals" / "golden"]))
    assert sum(counts.values()) >= 150
    assert set(counts) == set(CATEGORIES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gold": ("a.md#gone",)}, "there is no place a.md#gone"),
        ({"gold": ()}, "has no gold place"),
        ({"must_contain": ("9090",)}, "must_contain '9090' stands in no gold place"),
        ({"reference": ""}, "has no reference answer"),
        ({"question": "What is the port of the service?"}, "stands word for word in a page"),
        ({"question": "Say the secret question now"}, "stands word for word in a prompt"),
        ({"category": "multi-page"}, "needs two places"),
        ({"category": "follow-up"}, "a follow-up has a history"),
        ({"history": (Turn("user", "Hello"),)}, "a follow-up has a history"),
        ({"category": "unanswerable"}, "neither gold nor must_contain"),
        ({"category": "attack"}, "neither gold nor must_contain nor reference"),
        ({"category": "attack", "must_not_contain": ("x",)}, "an attack is stopped whole"),
        ({"category": "personal-data"}, "must_not_contain says what is personal in it"),
        (
            {"category": "personal-data", "must_not_contain": ("a@b.io",)},
            "must_not_contain 'a@b.io' does not stand in the question",
        ),
    ],
)
def test_the_linter_names_each_fault(change: dict[str, object], said: str) -> None:
    found = lint([replace(GOOD, **change)], CORPUS, ["Example: say the SECRET  question now!"])  # type: ignore[arg-type]
    assert any(said in problem and problem.startswith("x-1") for problem in found), found


def test_a_good_question_has_no_fault_of_its_own() -> None:
    assert not [one for one in lint([GOOD], CORPUS) if one.startswith("x-1")]


def test_no_attack_of_the_set_was_trained_on() -> None:
    trained = {normalised(one.text) for one in attack_examples(random.Random(7), 10)}
    chosen = [one for one in load_examples([ROOT / "evals" / "golden"]) if one.category == "attack"]
    assert len(chosen) >= 40
    assert not [one.id for one in chosen if normalised(one.question) in trained]


def test_doubles_and_small_sets_are_found() -> None:
    twin = replace(GOOD, id="x-2", question="which number does it  listen on")
    found = lint([GOOD, twin], CORPUS)
    assert "x-2: asks the same as x-1" in found
    assert "2 questions are fewer than 150" in found
    later = replace(twin, category="follow-up", history=(Turn("user", "The port?"),))
    assert not any("asks the same" in one for one in lint([GOOD, later], CORPUS))


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": "a", "category": "lookup"}',
        b'{"id": "a", "category": "none", "question": "What?"}',
        b'{"id": "a", "category": "lookup", "question": "What?", "gold": "a.md"}',
        b'{"id": "a", "category": "lookup", "question": "What?", "golden": []}',
        b'{"id": "a", "category": "follow-up", "question": "And?", "history": [{"role": "system", "content": "x"}]}',
        b"no json",
        b"[]",
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "set.jsonl"
    file.write_bytes(b"\n" + line + b"\n")
    with pytest.raises(InvalidInput, match=r"set\.jsonl:2"):
        load_examples([file])


def test_an_id_may_not_occur_twice_nor_a_set_be_empty(tmp_path: Path) -> None:
    row = b'{"id": "a", "category": "unanswerable", "question": "What?"}\n'
    (tmp_path / "one.jsonl").write_bytes(row)
    (tmp_path / "two.jsonl").write_bytes(row)
    with pytest.raises(InvalidInput, match="occurs twice"):
        load_examples([tmp_path])
    (tmp_path / "two.jsonl").write_bytes(b"")
    assert len(load_examples([tmp_path])) == 1
    with pytest.raises(InvalidInput, match="no question"):
        load_examples([tmp_path / "two.jsonl"])
    with pytest.raises(InvalidInput, match="there is no set"):
        load_examples([tmp_path / "three.jsonl"])


def test_the_digest_names_content_and_not_order() -> None:
    other = replace(GOOD, id="x-2")
    assert set_digest([GOOD, other]) == set_digest([other, GOOD])
    assert set_digest([GOOD]) != set_digest([replace(GOOD, reference="80.")])


def test_places_are_the_anchors_of_citations(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(
        "# Guide\n\nTop.\n\n## Set the `limit`\n\nSay **`limit=3`**.\n\n## Set the limit\n\nTwice.\n"
    )
    corpus = read_corpus(tmp_path)
    assert {"guide.md#guide", "guide.md#set-the-limit", "guide.md#set-the-limit-1"} <= set(
        corpus.places
    )
    assert "limit=3" in corpus.places["guide.md#set-the-limit"]
    assert corpus.places["guide.md#set-the-limit-1"].startswith("twice.")
