"""guardrails-ai: quiet, complete, and only there when it is wanted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from groundwork.core.errors import ConfigurationError
from groundwork.guardrails.external import changed_spans, external_rail, widened
from groundwork.guardrails.guard import Guard
from groundwork.guardrails.policy import parse_policy
from groundwork.guardrails.rails import RAILS
from groundwork.guardrails.rails.base import Parts
from tests.rails.rails_world import CANARY, SEEDED, guard, supported

_QUIET = """
import sys
tried = []
def hook(name, arguments):
    if name in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"}:
        tried.append((name, arguments))
        raise OSError("no network here")
sys.addaudithook(hook)
from groundwork.core.settings import load, quiet_libraries
from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.guardrails.factory import create_guard
quiet_libraries()
guard = create_guard(load(home="state"), classifier=InjectionClassifier.load(None))
before = "guardrails" in sys.modules
guard.warm()
session = guard.begin("docs")
asked = session.check_input("mail joe.black@acme.io")
answered = session.check_output("Use AKIAQ3EGFMX7TRSQ2BWN or https://evil.example.io/x now.")
import guardrails
from groundwork.guardrails.validators import VALIDATORS
checked = guardrails.Guard().use(VALIDATORS["personal_data"](on_fail="fix")).validate("mail joe.black@acme.io")
telemetry = guardrails.settings.rc.enable_metrics
print([before, asked.text, answered.text, checked.validated_output, telemetry, tried])
"""


def test_it_runs_without_a_network_and_leaves_the_home_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _QUIET],
        cwd=tmp_path,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(
        [
            False,
            "mail [e-mail address removed]",
            "Use [AWS key removed] or [link removed] now.",
            "mail [e-mail address removed]",
            False,
            [],
        ]
    )
    assert "nltk_data" not in done.stderr
    assert list(home.iterdir()) == []


def test_validators_find_what_the_rails_find() -> None:
    cold, warm = guard(), guard()
    warm.warm()
    warm.warm()
    text = " and ".join(value for _, value in SEEDED) + " for " + CANARY
    for first, second in (
        (cold.begin("docs").check_input(text), warm.begin("docs").check_input(text)),
        (cold.begin("docs").check_output(text), warm.begin("docs").check_output(text)),
    ):
        assert first.text == second.text
        assert [(v.rail, v.verdict, v.reason) for v in first.verdicts] == [
            (v.rail, v.verdict, v.reason) for v in second.verdicts
        ]


def test_every_rail_is_a_registered_validator() -> None:
    from guardrails.validator_base import Validator, validators_registry

    from groundwork.guardrails.validators import VALIDATORS, RailValidator

    assert set(VALIDATORS) == set(RAILS)
    for name, validator in VALIDATORS.items():
        assert issubclass(validator, RailValidator)
        assert issubclass(validator, Validator)
        assert validators_registry[f"groundwork/{name}"] is validator


_SHOUT = """
from guardrails.validator_base import Validator, register_validator
from guardrails_ai.types import ErrorSpan, FailResult, PassResult

@register_validator(name="test/{name}", data_type="string")
class Shout(Validator):
    def __init__(self, word="LOUD", on_fail=None):
        super().__init__(on_fail=on_fail, word=word)
        self.word = word
    def _validate(self, value, metadata):
        place = value.find(self.word)
        if place < 0:
            return PassResult()
        {result}
"""
_SPANS = "return FailResult(error_message='x', error_spans=[ErrorSpan(start=place + 1, end=place + len(self.word), reason='x')])"
_FIX = "return FailResult(error_message='x', fix_value=value.replace(self.word, ''))"
_BARE = "return FailResult(error_message='x')"
POLICY = """
version: 1
rails:
  - use: guardrails-ai-{name}
    on: [input, output]
    action: redact
    reach: {reach}
    time_limit_ms: 20000
    options: {{word: HUGE}}
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Puts a validator's package on the path, as pip would."""

    def put(name: str, result: str) -> None:
        folder = tmp_path / "guardrails_ai" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(_SHOUT.format(name=name, result=result))
        monkeypatch.syspath_prepend(str(tmp_path))

    return put


@pytest.mark.parametrize(
    ("name", "result", "expected"),
    [
        ("shout_spans", _SPANS, "This is [shout spans removed] indeed."),
        ("shout_fix", _FIX, "This is [shout fix removed] indeed."),
        ("shout_bare", _BARE, "[shout bare removed]"),
    ],
)
def test_any_validator_is_added_by_a_line_of_policy(  # type: ignore[no-untyped-def]
    install, name: str, result: str, expected: str
) -> None:
    install(name, result)
    policy = parse_policy(POLICY.format(name=name.replace("_", "-"), reach="text"), "p")
    session = Guard(policy, Parts(support=supported)).begin("docs")
    assert session.check_input("This is HUGE indeed.").text == expected
    window = session.output()
    sent = "".join([*(window.feed(letter) for letter in "This is HUGE indeed."), window.finish()])
    assert sent == expected
    assert window.verdicts()[0].verdict == "redact"


def test_a_validator_by_its_path_and_by_sentence(install) -> None:  # type: ignore[no-untyped-def]
    install("shout_path", _BARE)
    policy = POLICY.replace("guardrails-ai-{name}", "guardrails_ai.shout_path.Shout")
    session = Guard(parse_policy(policy.format(reach="sentence"), "p"), Parts()).begin("docs")
    said = session.check_output("All is well. This is HUGE indeed. Good night.")
    assert said.text == "All is well. [Shout removed] Good night."


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("guardrails-ai-nowhere-to-be-found", "is not installed"),
        ("os.path.join", "is no guardrails-ai validator"),
        ("nothing", "neither a package"),
    ],
)
def test_what_cannot_be_used_is_named(use: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        external_rail(use, {}, "text")


def test_wrong_options_are_named(install) -> None:  # type: ignore[no-untyped-def]
    install("shout_options", _BARE)
    with pytest.raises(ConfigurationError, match="does not take these options"):
        external_rail("guardrails-ai-shout-options", {"wrod": "x"}, "text")


def test_spans_are_widened_to_words() -> None:
    assert widened("a secret here", 3, 7) == (2, 8)
    assert widened("a secret", 5, 99) == (2, 8)
    assert changed_spans("say it loud now", "say it now") != []
