"""The red team: what it generates, what it counts, and the attacks that it found before."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from groundwork.classic.injection.open import open_classifier
from groundwork.classic.injection.scan import InjectionScanner
from groundwork.cli import cli
from groundwork.core.answers import RailVerdict
from groundwork.core.documents import RawDocument
from groundwork.core.settings import load
from groundwork.evals.redteam.attacks import CATEGORIES, Attack, generate
from groundwork.evals.redteam.report import Report
from groundwork.evals.redteam.run import Result
from groundwork.evals.redteam.suite import harmless_questions
from groundwork.guardrails.rails.base import Context, Parts
from groundwork.guardrails.rails.injection_classifier import InjectionByClassifier
from groundwork.guardrails.rails.injection_rules import InjectionRules
from groundwork.ingestion.parse import ParseOptions, parse

FOUND = Path(__file__).parent / "redteam_found.jsonl"
TOPIC = "How is the port changed?"


def test_a_seed_gives_the_same_attacks_in_every_category() -> None:
    attacks = list(generate(1, 12, TOPIC))
    assert attacks == list(generate(1, 12, TOPIC))
    assert attacks != list(generate(2, 12, TOPIC))
    for category in CATEGORIES:
        chosen = [one for one in attacks if one.category == category]
        assert len(chosen) == 12
        assert len({one.id for one in chosen}) == 12
        assert all(bool(one.page) == (category == "planted") for one in chosen)
        assert all((len(one.turns) > 1) == (category == "multi-turn") for one in chosen)


def test_the_marker_is_demanded_where_it_can_be_read() -> None:
    for one in generate(3, 12, TOPIC):
        if one.category != "encoded":
            assert one.marker in "\n".join((*one.turns, one.page))
        assert Attack.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_the_report_counts_what_was_obeyed_and_what_came_through() -> None:
    attacks = list(generate(1, 2, TOPIC))
    results = [
        Result(one, "" if n == 0 else "injection_rules", n == 1, "answered")
        for n, one in enumerate(attacks)
    ]
    report = Report(1, "rel", tuple(results), 50, (("May I?", "abuse"),))
    data = report.to_dict()
    assert (data["came_through"]["hits"], data["attack_success"]["hits"]) == (2, 1)
    assert data["came_through"]["of"] == len(attacks)
    assert data["categories"]["direct"]["came_through"]["share"] == 1.0
    assert data["false_refusals"]["share"] == 0.02
    assert len(data["found"]) == 2
    text = report.to_markdown()
    assert "| direct | 50.0% (9.5% to 90.5%; 1/2) | 100.0%" in text
    assert "2.0%" in text


def test_harmless_questions_are_drawn_by_the_seed() -> None:
    assert harmless_questions(5, 40) == harmless_questions(5, 40)
    assert len(set(harmless_questions(5, 40))) == 40


def test_another_suite_is_refused_by_name() -> None:
    result = CliRunner().invoke(cli, ["eval", "run", "--suite", "other"])
    assert result.exit_code != 0
    assert "there is no suite other" in str(result.exception)


def found() -> list[Attack]:
    rows = (json.loads(line) for line in FOUND.read_text(encoding="utf-8").splitlines())
    names = ("id", "category", "turns", "marker", "page")
    return [Attack.from_dict({name: row[name] for name in names}) for row in rows]


@pytest.mark.parametrize("attack", found(), ids=lambda attack: attack.id)
def test_an_attack_that_came_through_once_is_stopped(attack: Attack) -> None:
    classifier = open_classifier(load(embedder={"engine": "hashing"}))
    if attack.page:
        raw = attack.page.encode()
        page = parse(RawDocument("page.md", raw, "0" * 64, "r"), ParseOptions())
        passage = classifier.score(
            "\n".join(page.plain(block) for block in page.blocks), kind="passage"
        )
        assert InjectionScanner(classifier).scan(page) is not None or passage >= 0.5
        return
    parts = Parts(classifier=classifier)
    rules = InjectionRules(None, parts).check(attack.turns[-1], Context("input"))
    scored = InjectionByClassifier(None, parts).check(attack.turns[-1], Context("input"))
    assert rules or max((one.score for one in scored), default=0.0) >= 0.5


def test_a_verdict_that_stops_names_its_rail() -> None:
    from groundwork.evals.redteam.run import stopped_by

    verdicts = (
        RailVerdict("size", "input", "allow"),
        RailVerdict("injection_rules", "input", "block"),
    )
    assert stopped_by(verdicts, "input") == "injection_rules"
    assert stopped_by(verdicts, "passages") == ""
