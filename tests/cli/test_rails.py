"""groundwork rails: verdicts with reasons and times, the policy in force, a wrong policy's line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from groundwork.cli import cli
from groundwork.cli.run import run

POLICY = """
version: 1
rails:
  - {rail: size, on: [input], action: block, options: {max_chars: 40}}
  - {rail: secrets, on: [input, output], action: redact}
  - {rail: invisible, on: [passages], action: block}
overrides:
  - team: support
    rails:
      secrets: {action: flag}
"""


@pytest.fixture(autouse=True)
def _policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDWORK_RAILS__POLICY", str(path))


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["rails", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_every_verdict_is_shown_with_its_reason() -> None:
    out = shown("check", "use AKIAQ3EGFMX7TRSQ2BWN")
    assert "secrets  input  redact" in out
    assert "AWS key" in out
    assert "use [AWS key removed]" in out
    assert "AKIA" not in out


def test_a_blocked_question_shows_what_a_person_would_read() -> None:
    out = shown("check", "x" * 50)
    assert "longer than 40 characters" in out
    assert "This question cannot be answered here." in out


def test_teams_and_stages_as_json() -> None:
    found = json.loads(shown("check", "use AKIAQ3EGFMX7TRSQ2BWN", "--team", "support", "--json"))
    assert found["action"] == "flag"
    assert [each["rail"] for each in found["verdicts"]] == ["size", "secrets"]
    assert all(each["ms"] >= 0 for each in found["verdicts"])
    found = json.loads(shown("check", "AKIAQ3EGFMX7TRSQ2BWN", "--on", "output", "--json"))
    assert found["text"] == "[AWS key removed]"
    found = json.loads(shown("check", "a\U000e0061\U000e0062", "--on", "passages", "--json"))
    assert found["rail"] == "invisible"


def test_the_policy_is_shown_with_its_digest() -> None:
    out = shown("policy")
    assert "for team support:" in out
    assert "policy-" in out
    found = json.loads(shown("policy", "--json"))
    assert found["digest"].startswith("policy-")
    assert [rule["rail"] for rule in found["rails"]] == ["size", "secrets", "invisible"]


def test_a_wrong_policy_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("version: 1\nrails:\n  - rail: size\n    on: [input]\n    acton: block\n")
    monkeypatch.setenv("GROUNDWORK_RAILS__POLICY", str(path))
    assert run(cli, ["rails", "policy"]) == 2
    said = capsys.readouterr().err
    assert f"{path}:5: rails[0].acton: there is no such key" in said
    assert said.count("\n") == 1
