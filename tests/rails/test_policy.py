"""The policy file: what it says, and that a wrong one names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.core.errors import ConfigurationError
from groundwork.core.settings import load
from groundwork.guardrails.factory import create_guard
from groundwork.guardrails.policy import load_policy, parse_policy
from tests.rails.rails_world import guard

HEAD = "version: 1\nrails:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nrails: [", "p.yaml:2: not valid YAML"),
        ("- a\n", "p.yaml:1: the file: a policy is a mapping"),
        ("version: 2\nrails: []\n", "p.yaml:1: version"),
        ("version: 1\nrails: []\nrails: []\n", "p.yaml:3: rails: said twice"),
        (HEAD + "  - {rail: size, on: [input]}\n  - rail: size\n    on: [input]\n", "p.yaml:4: rails[1]: a second rule 'size'"),
        (HEAD + "  - rail: size\n    on: [input]\n    treshold: 1\n", "p.yaml:5: rails[0].treshold: there is no such key"),
        (HEAD + "  - rail: size\n    on: [inputs]\n", "p.yaml:4: rails[0].on[0]"),
        (HEAD + "  - rail: size\n    on: [input]\n    threshold: 1.5\n", "p.yaml:5: rails[0].threshold"),
        (HEAD + "  - rail: size\n    on: [input]\n    action: explode\n", "p.yaml:5: rails[0].action"),
        (HEAD + "  - rail: sise\n    on: [input]\n", "p.yaml:3: rails[0].rail: no such rail"),
        (HEAD + "  - rail: size\n    on: [output]\n", "p.yaml:4: rails[0].on: size does not run on output"),
        (HEAD + "  - rail: size\n    on: [input]\n    options:\n      max_chars: 10\n      max_words: 5\n",
         "p.yaml:7: rails[0].options.max_words: there is no such option"),
        (HEAD + "  - rail: personal_data\n    on: [input]\n    options:\n      kinds: [shoe size]\n", "p.yaml:6: rails[0].options.kinds"),
        (HEAD + "  - rail: encoding\n    on: [passages]\n    action: redact\n", "p.yaml:5: rails[0].action: a passage is quoted"),
        (HEAD + "  - rail: links\n    on: [output]\n    action: rephrase\n", "p.yaml:5: rails[0].action: only a question"),
        (HEAD + "  - on: [input]\n", "p.yaml:3: rails[0]: a rule has either"),
        (HEAD + "  - use: guardrails-ai-not-there-at-all\n    on: [input]\n", "guardrails-ai-not-there-at-all is not installed"),
        (HEAD + "  - {rail: size, on: [input]}\noverrides:\n  - index: a\n    rails:\n      sice: {action: flag}\n",
         "p.yaml:7: overrides[0].rails.sice: no such rule"),
        (HEAD + "  - {rail: size, on: [input]}\noverrides:\n  - rails: {}\n", "p.yaml:5: overrides[0]: an override names"),
        ("version: 1\nrails: &a [*a]\n", "nested too deeply"),
    ],
)  # fmt: skip
def test_a_wrong_policy_names_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        guard_of(text)
    assert said in raised.value.detail


def guard_of(text: str) -> object:
    from groundwork.guardrails.guard import Guard
    from groundwork.guardrails.rails.base import Parts

    return Guard(parse_policy(text, "p.yaml"), Parts())


def test_a_wrong_option_of_an_override_stops_the_start() -> None:
    text = (
        HEAD
        + "  - {rail: size, on: [input]}\noverrides:\n  - index: a\n    rails: {size: {options: {max_chars: -1}}}\n"
    )
    with pytest.raises(ConfigurationError, match="max_chars"):
        guard_of(text)


def test_the_shipped_policy_makes_a_guard() -> None:
    made = create_guard(load(), classifier=InjectionClassifier.load(None))
    assert made.identity.startswith("policy-")
    assert {rule.name for rule in made.policy.rules(None, None)} >= {
        "size",
        "secrets",
        "links",
        "injection_rules",
        "injection_classifier",
    }


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GROUNDWORK_RAILS__POLICY"):
        load_policy(tmp_path / "none.yaml")


def test_rails_can_be_switched_off() -> None:
    made = create_guard(load(rails={"enabled": False}))
    outcome = made.begin("docs").check_input("card 4539988915720591")
    assert outcome.text == "card 4539988915720591"
    assert outcome.verdicts == ()


def test_the_digest_goes_by_what_is_said() -> None:
    first = parse_policy(HEAD + "  - {rail: size, on: [input]}\n", "a")
    same = parse_policy("# a comment\nrails:\n - on: [input]\n   rail: size\nversion: 1\n", "b")
    other = parse_policy(HEAD + "  - {rail: size, on: [input], action: block}\n", "c")
    assert first.digest == same.digest
    assert first.digest != other.digest


def test_the_more_special_override_wins() -> None:
    made = guard(
        HEAD
        + "  - {rail: personal_data, on: [input], action: redact}\n"
        + "overrides:\n"
        + "  - {index: in, team: hr, rails: {personal_data: {action: allow}}}\n"
        + "  - {index: in, rails: {personal_data: {action: flag}}}\n"
        + "  - {team: hr, rails: {personal_data: {action: block}}}\n"
    )
    text = "mail joe.black@acme.io"

    def action(index: str, team: str | None) -> str:
        return made.begin(index, team).check_input(text).action

    assert action("other", None) == "redact"
    assert action("in", None) == "flag"
    assert action("in", "sales") == "flag"
    assert action("other", "hr") == "block"
    assert action("in", "hr") == "allow"
