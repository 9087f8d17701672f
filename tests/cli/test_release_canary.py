"""groundwork release canary: a trial is begun, watched and stopped from the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.metering.observations import LedgerObservations
from groundwork.core.registry.base import OCR, Candidate, Line, Registered
from groundwork.core.registry.observe import Observation
from groundwork.core.registry.open import open_registry
from groundwork.core.registry.promotion import NoCarrier, Reason, promote
from groundwork.core.registry.trial import Trial
from groundwork.core.settings import Settings, load

LINE = Line(OCR, "cards")
AT = ("--line", str(LINE))


class Shell:
    """Runs commands in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        self.capture.readouterr()
        code = run(cli, ["release", "canary", *arguments])
        self.out, self.err = self.capture.readouterr()
        return code

    def json(self, *arguments: str, code: int = 0) -> Any:
        assert self(*arguments, "--json") == code, self.err
        return orjson.loads(self.out)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a champion and one more; MLflow takes seconds to make one."""
    made = tmp_path_factory.mktemp("home")
    registry = open_registry(Settings(home=made))
    first, _ = (registry.register(Candidate(LINE, {"name": name})) for name in "ab")
    promote(registry, first, Reason("ada", "first"), NoCarrier())
    registry.close()
    return made


@pytest.fixture
def settings(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWORK_HOME", str(shutil.copytree(home, tmp_path / "home")))
    monkeypatch.setenv("GROUNDWORK_CANARY__LOOK_SECONDS", "0.001")
    return load()


@pytest.fixture
def shell(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def releases(settings: Settings) -> tuple[Registered, Registered]:
    """The champion, and the other."""
    registry = open_registry(settings)
    second, first = registry.releases(LINE)
    registry.close()
    return first, second


@pytest.fixture
def feed(settings: Settings) -> Callable[[str, int, str], None]:
    """So many conversations; those of the challenger end so."""

    def fed(trial: str, count: int, outcome: str) -> None:
        observations = LedgerObservations(settings.ledger_url)
        for n in range(count):
            challenged = n % 10 == 0
            observations.add(
                Observation(
                    trial=trial,
                    role="challenger" if challenged else "champion",
                    request=f"req-{n}",
                    unit=f"u-{n}",
                    at=n,
                    outcome=outcome if challenged else "answered",
                    latency_ms=10.0 + n % 7,
                )
            )
        observations.close()

    return fed


def test_a_trial_is_begun_shown_and_stopped(
    shell: Shell, releases: tuple[Registered, Registered], feed: Callable[[str, int, str], None]
) -> None:
    champion, challenger = releases
    assert shell("status", *AT) == 0
    assert "nothing was tried in ocr/cards yet" in shell.out
    assert shell("stop", *AT, "--reason", "none") == 1
    assert "groundwork release canary start" in shell.err

    begun = shell.json("start", challenger.id, "--share", "0.1", "--max-requests", "500")
    assert (begun["challenger"], begun["champion"]) == (challenger.id, champion.id)
    assert (begun["plan"]["share"], begun["plan"]["max_requests"]) == (0.1, 500)
    feed(begun["id"], 100, "answered")
    shown = shell.json("status", *AT)
    assert Trial.from_json(orjson.dumps(shown["trial"]).decode()).id == begun["id"]
    assert shown["decision"]["verdict"] == "continue"
    assert shown["decision"]["units"] == {"champion": 90, "challenger": 10}
    assert shell("status", *AT) == 0
    assert "failed" in shell.out
    assert "conversations: 10 and 90 of the champion" in shell.out

    assert shell("stop", *AT, "--reason", "wrong weights") == 0
    assert f"{champion.id} answers ocr/cards" in shell.out
    ended = shell.json("status", *AT)
    assert ended["trial"] is None
    assert (ended["last"]["reason"], ended["last"]["detail"]["outcome"]) == (
        "wrong weights",
        "stopped",
    )
    assert shell("status", *AT) == 0
    assert "stopped" in shell.out


def test_watching_takes_a_worse_challenger_out_and_exits_with_3(
    shell: Shell, releases: tuple[Registered, Registered], feed: Callable[[str, int, str], None]
) -> None:
    begun = shell.json("start", releases[1].id)
    feed(begun["id"], 300, "failed")
    shown = shell.json("status", *AT, "--watch", code=3)
    assert shown["trial"] is None
    assert shown["last"]["actor"] == "canary"
    assert shown["last"]["reason"].startswith("failed 100.0 % against 0.0 % of the champion")
    assert "failed 100.0 %" in shell.err


def test_watching_a_challenger_that_passes_exits_with_0(
    shell: Shell, releases: tuple[Registered, Registered], feed: Callable[[str, int, str], None]
) -> None:
    begun = shell.json("start", "2", *AT, "--shadow", "--share", "1", "--max-requests", "10")
    assert (begun["challenger"], begun["plan"]["mode"]) == (releases[1].id, "shadow")
    assert shell("stop", *AT, "--reason", "as a canary instead") == 0
    begun = shell.json("start", "2", *AT, "--max-requests", "10")
    feed(begun["id"], 100, "answered")
    assert shell("status", *AT, "--watch") == 0
    assert "passed" in shell.out


def test_what_cannot_be_tried_is_refused(
    shell: Shell, releases: tuple[Registered, Registered]
) -> None:
    assert shell("start", "rel-000000000000") == 1
    assert "no release rel-000000000000" in shell.err
    assert shell("start", releases[0].id) == 1
    assert "is the champion" in shell.err
    assert shell("start", releases[1].id, "--share", "1.5") == 2
    assert "share" in shell.err
