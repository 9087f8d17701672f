"""Every registry keeps releases, aliases and history alike: in memory, on SQLite, on PostgreSQL, on a server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.core.errors import (
    ConfigurationError,
    Conflict,
    InvalidInput,
    NotFound,
    Unavailable,
)
from groundwork.core.registry.base import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Event,
    Line,
    Registered,
    Registry,
)
from groundwork.core.registry.gate import GateSettings, Measured, Rule
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.open import open_registry, open_tracker, place_of
from groundwork.core.registry.promotion import (
    NoCarrier,
    Reason,
    previous,
    promote,
    rollback,
    submit,
)
from groundwork.core.registry.tracking import MemoryTracker, Tracker
from groundwork.core.settings import Settings
from tests.contracts.registry_world import (
    LINE,
    candidate,
    kept_runs,
    mlflow_server,
    settings_at,
)
from tests.mlflow_tables import give_tables
from tests.postgres import new_database

WHY = Reason("someone", "because")


@pytest.fixture(scope="module", params=["memory", "sqlite", "server", "postgres"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mlflow_tables: Path
) -> Iterator[Settings | None]:
    """Settings of each place where a registry may be; None for memory."""
    folder = give_tables(mlflow_tables, tmp_path_factory.mktemp("registry"))
    if request.param == "memory":
        yield None
    elif request.param == "sqlite":
        yield settings_at(folder)
    elif request.param == "server":
        with mlflow_server(folder / "mlflow") as url:
            yield settings_at(folder, url)
    else:
        url = new_database(request.getfixturevalue("postgres_server"), "registry")
        # As people write it, without a driver.
        yield settings_at(folder, url.replace("+psycopg", ""))


@pytest.fixture(scope="module")
def opened(place: Settings | None) -> Iterator[Registry]:
    registry = MemoryRegistry() if place is None else open_registry(place)
    yield registry
    registry.close()


_count = iter(range(1000))


@pytest.fixture
def line() -> Line:
    """A line of the test's own: the stores are shared by the module."""
    return Line("assistant", f"docs-{next(_count)}")


def test_a_release_is_kept_whole_and_once(opened: Registry, line: Line, tmp_path: Path) -> None:
    release = opened.register(candidate(1, line))
    assert release.id == candidate(1, line).id
    assert (release.number, release.line) == (1, line)
    assert release.content == {"number": 1, "embedder": "m@1"}
    assert release.lineage == candidate(1, line).lineage
    assert sorted(release.digests) == ["card.md", "recipe.json", "weights.bin"]
    again = opened.register(candidate(1, line, metrics={"passed": 0.9, "support": 0.7}))
    assert (again.id, again.number) == (release.id, 1)
    assert again.metrics == {"passed": 0.5, "support": 0.7}
    folder = opened.files(release, tmp_path)
    assert (folder / "weights.bin").read_bytes() == bytes(range(256))
    assert (folder / "card.md").read_text() == "# Release 1\n"
    assert line in opened.lines()


def test_a_file_that_was_changed_is_brought_anew(
    opened: Registry, line: Line, tmp_path: Path
) -> None:
    release = opened.register(candidate(1, line))
    (opened.files(release, tmp_path) / "recipe.json").write_bytes(b"{}")
    assert (opened.files(release, tmp_path) / "recipe.json").read_bytes() == b'{"number": 1}'
    odd = Registered(
        release.id, line, 1, release.created_at, release.content,
        {**release.digests, "recipe.json": "0" * 64}, release.lineage, {},
    )  # fmt: skip
    with pytest.raises(Conflict, match="not what was registered"):
        opened.files(odd, tmp_path / "other")


def test_releases_are_found_by_id_alias_number_and_newest(opened: Registry, line: Line) -> None:
    first, second = (opened.register(candidate(n, line)) for n in (1, 2))
    opened.point(line, CHAMPION, first.id)
    assert opened.find(second.id, line).number == 2
    assert opened.find("champion", line).id == first.id
    assert opened.find("champion", line).aliases == (CHAMPION,)
    assert opened.find("2", line).id == opened.find("latest", line).id == second.id
    assert opened.find(first.id[:10], line).id == first.id
    assert [one.id for one in opened.releases(line)] == [second.id, first.id]
    with pytest.raises(NotFound, match=f"there is {second.id}"):
        opened.find("rel-ffffffffffff", line)
    with pytest.raises(NotFound, match="no release challenger"):
        opened.find(CHALLENGER, line)


def test_aliases_and_notes_come_and_go(opened: Registry, line: Line) -> None:
    assert opened.aliases(line) == {}
    assert opened.tags(line) == {}
    release = opened.register(candidate(1, line))
    opened.point(line, CHALLENGER, release.id)
    opened.tag(line, "trial", '{"share": 0.1}')
    assert opened.aliases(line) == {CHALLENGER: release.id}
    assert opened.tags(line) == {"trial": '{"share": 0.1}'}
    opened.point(line, CHALLENGER, None)
    opened.tag(line, "trial", None)
    opened.tag(line, "trial", None)
    assert opened.aliases(line) == {}
    assert opened.tags(line) == {}
    with pytest.raises(NotFound):
        opened.point(line, CHAMPION, "rel-ffffffffffff")


def test_files_and_figures_can_be_added_and_not_replaced(
    opened: Registry, line: Line, tmp_path: Path
) -> None:
    release = opened.register(candidate(1, line))
    opened.add_file(release, "report.html", b"<p>good</p>")
    opened.add_file(release, "report.html", b"<p>good</p>")
    with pytest.raises(Conflict, match=r"report\.html already"):
        opened.add_file(release, "report.html", b"<p>bad</p>")
    with pytest.raises(Conflict):
        opened.add_file(release, "recipe.json", b"{}")
    opened.add_metrics(release, {"context_recall": 0.8})
    found = opened.find(release.id, line)
    assert found.metrics["context_recall"] == 0.8
    assert (opened.files(found, tmp_path) / "report.html").read_bytes() == b"<p>good</p>"
    with pytest.raises(InvalidInput, match="name of a release's file"):
        opened.register(candidate(2, line, files={"../x": b""}))


def test_figures_are_called_as_elsewhere_and_cards_may_be_long(
    opened: Registry, line: Line, tmp_path: Path
) -> None:
    card = "# Films\n\n" + "word " * 3_000
    given = candidate(1, line, metrics={"ndcg@10": 0.25}, card=card)
    release = opened.register(given)
    opened.add_metrics(release, {"recall@50": 0.5})
    found = opened.find(release.id, line)
    assert found.metrics == {"ndcg@10": 0.25, "recall@50": 0.5}
    assert opened.releases(line)[0].metrics == found.metrics
    assert (opened.files(found, tmp_path) / "card.md").read_text() == card


def test_an_id_that_two_lines_have_needs_the_line(opened: Registry, line: Line) -> None:
    other = Line("ocr", line.name)
    release, same = (opened.register(candidate(70, each)) for each in (line, other))
    assert release.id == same.id
    with pytest.raises(InvalidInput, match="name the line"):
        opened.find(release.id)
    assert opened.find(release.id, other).line == other


def test_an_alias_that_moved_often_is_still_read_at_once(opened: Registry, line: Line) -> None:
    releases = [opened.register(candidate(n, line)) for n in range(3)]
    for release in [*releases, *releases]:
        opened.point(line, CHAMPION, release.id)
        assert opened.aliases(line) == {CHAMPION: release.id}
    opened.point(line, PREVIOUS, releases[0].id)
    assert opened.aliases(line) == {CHAMPION: releases[2].id, PREVIOUS: releases[0].id}


def test_history_is_whole_and_newest_first(opened: Registry, line: Line) -> None:
    long = {"deltas": [{"example": f"q{n}", "champion": 1.0} for n in range(2000)]}
    first = Event("2026-11-01T10:00:00.000Z", "promoted", "rel-1", None, "a", "first")
    second = Event("2026-11-01T10:00:01.000Z", "refused", "rel-2", "rel-1", "b", "worse", long)
    for event in (first, second):
        opened.record(line, event)
    assert opened.history(line) == [second, first]
    assert opened.history(Line("ocr", line.name)) == []


def test_promotion_and_rollback_move_and_are_told(opened: Registry, line: Line) -> None:
    first, second = (opened.register(candidate(n, line)) for n in (1, 2))
    promote(opened, first, WHY, NoCarrier())
    opened.point(line, CHALLENGER, second.id)
    assert promote(opened, second, WHY, NoCarrier()).aliases == (CHAMPION,)
    assert opened.aliases(line) == {CHAMPION: second.id, PREVIOUS: first.id}
    # Promoting the champion changes nothing.
    promote(opened, second, WHY, NoCarrier())
    back = rollback(opened, previous(opened, second), WHY, NoCarrier())
    assert back.id == first.id
    assert opened.aliases(line) == {CHAMPION: first.id, PREVIOUS: second.id}
    told = [(event.action, event.release, event.former) for event in opened.history(line)]
    assert told == [
        ("rolled-back", first.id, second.id),
        ("promoted", second.id, first.id),
        ("promoted", first.id, None),
    ]


class Broken(NoCarrier):
    def check(self, release: Registered) -> None:
        raise Unavailable("it does not load")


def test_what_does_not_load_is_not_promoted(opened: Registry, line: Line) -> None:
    first, second = (opened.register(candidate(n, line)) for n in (1, 2))
    promote(opened, first, WHY, NoCarrier())
    with pytest.raises(Unavailable, match="does not load"):
        promote(opened, second, WHY, Broken())
    assert opened.aliases(line) == {CHAMPION: first.id}
    assert len(opened.history(line)) == 1


def test_the_gate_stands_before_promotion(opened: Registry, line: Line) -> None:
    gate = GateSettings((Rule("passed", floor=0.5, alpha=0.05),), draws=500)

    def measured(name: str, value: float) -> Measured:
        examples = {f"q{n}": {"passed": value} for n in range(50)}
        return Measured(name, examples, {one: one for one in examples})

    good, bad = measured("good", 0.9), measured("bad", 0.6)
    first = submit(opened, candidate(1, line), good, None, gate, actor="trainer")
    assert first.promoted
    second = submit(opened, candidate(2, line), bad, good, gate, actor="trainer")
    assert not second.promoted
    assert opened.aliases(line) == {CHAMPION: first.release.id}
    refused = opened.history(line)[0]
    assert (refused.action, refused.actor) == ("refused", "trainer")
    assert "below the champion" in refused.reason
    assert refused.detail["passed"] is False


def test_movers_take_turns(opened: Registry, line: Line) -> None:
    releases = [opened.register(candidate(n, line)) for n in range(4)]

    def move(release: Registered) -> None:
        promote(opened, release, WHY, NoCarrier())

    threads = [threading.Thread(target=move, args=(release,)) for release in releases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = opened.history(line)
    assert len(told) == 4
    # Each move knows the champion before it: none was overwritten unseen.
    assert {event.former for event in told} == {None, *(one.release for one in told)} - {
        opened.aliases(line)[CHAMPION]
    }


def test_nothing_is_printed_and_nothing_added_to_requests(
    place: Settings | None, opened: Registry, line: Line, capfd: pytest.CaptureFixture[str]
) -> None:
    opened.register(candidate(1, line))
    opened.record(line, Event("2026-11-01T10:00:00.000Z", "promoted", "rel-1", None, "a", "b"))
    # Standard output is for what a command prints.
    assert capfd.readouterr().out == ""
    if place is not None and place_of(place).is_server:
        from mlflow.tracking.request_header.registry import (
            _request_header_provider_registry as providers,
        )

        # Feast's plugin would add the token of the pod.
        assert {type(each).__module__.split(".")[0] for each in providers} == {"mlflow"}


# Moves a line in a process of its own, and lets nobody speak to the outside.
_MOVER = """
import os, sys
from pathlib import Path

def heard(event, arguments):
    outside = event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost")
    if outside or (event == "socket.connect" and arguments[1][0] != "127.0.0.1"):
        os._exit(7)

sys.addaudithook(heard)
from groundwork.core.registry.open import open_registry
from groundwork.core.registry.promotion import NoCarrier, Reason, promote
from tests.contracts.registry_world import candidate, settings_at

class Slow(NoCarrier):
    def carry(self, release):
        print("carrying", flush=True)
        sys.stdin.read()

home, hangs, *numbers = sys.argv[1:]
registry = open_registry(settings_at(Path(home)))
for number in map(int, numbers):
    release = registry.register(candidate(number))
    promote(registry, release, Reason("mover", "turn"), Slow() if hangs else NoCarrier())
"""
ROOT = Path(__file__).resolve().parents[2]


def mover(home: Path, *numbers: int, hangs: bool = False) -> subprocess.Popen[str]:
    given = [str(home), "yes" if hangs else "", *map(str, numbers)]
    # Where MLflow sees a test or a CI it counts nobody, and nothing would be shown.
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-c", _MOVER, *given], cwd=ROOT, text=True, env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_two_processes_move_one_line(tmp_path: Path, mlflow_tables: Path) -> None:
    home = give_tables(mlflow_tables, tmp_path)
    with mover(home, 1, 2) as one, mover(home, 3, 4) as other:
        assert [one.wait(240), other.wait(240)] == [0, 0]
    registry = open_registry(settings_at(home))
    told = registry.history(LINE)
    assert sorted(one.release for one in told) == sorted(
        registry.find(str(n), LINE).id for n in (1, 2, 3, 4)
    )
    assert told[0].release == registry.aliases(LINE)[CHAMPION]
    chain = [one.former for one in told]
    assert chain == [*(one.release for one in told[1:]), None]


def test_a_killed_mover_leaves_the_champion_and_no_lock(
    tmp_path: Path, mlflow_tables: Path
) -> None:
    home = give_tables(mlflow_tables, tmp_path)
    registry = open_registry(settings_at(home))
    first = registry.register(candidate(1))
    promote(registry, first, WHY, NoCarrier())
    with mover(home, 2, hangs=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "carrying\n"
        killed.send_signal(signal.SIGKILL)
    assert registry.aliases(LINE) == {CHAMPION: first.id}
    began = time.monotonic()
    second = promote(registry, registry.find("2", LINE), WHY, NoCarrier())
    # Far less than anybody would wait for a lock.
    assert time.monotonic() - began < 15
    assert registry.aliases(LINE) == {CHAMPION: second.id, PREVIOUS: first.id}
    assert len(registry.history(LINE)) == 2


def test_a_run_is_kept_with_its_curves_and_its_end(place: Settings | None) -> None:
    if place is None:
        tracker: Tracker = MemoryTracker()
    else:
        tracker = open_tracker(place)
    with tracker.run("training", "ocr", {"epochs": "2", "words": "w" * 900}) as run:
        for step, loss in enumerate((0.5, 0.25)):
            run.metrics({"loss": loss, "ndcg@10": 1 - loss}, step)
        run.tags({"release": "rel-1"})
        run.file("curves/loss.csv", b"0.5\n0.25\n")
    with pytest.raises(RuntimeError), tracker.run("training", "ocr", {}):
        raise RuntimeError("out of memory")
    if place is not None:
        kept = kept_runs(place)
        assert sorted(one.state for one in kept) == ["FAILED", "FINISHED"]
        finished = next(one for one in kept if one.id == run.id)
        assert finished.curves == {"loss": [0.5, 0.25], "ndcg at 10": [0.5, 0.75]}
        assert finished.files == ["curves/loss.csv"]
        with tracker.run("training", "ocr", {}) as other, pytest.raises(InvalidInput):
            other.file("../elsewhere", b"")
    tracker.close()


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("http://127.0.0.1:9", Unavailable, "127.0.0.1:9 does not answer"),
        ("postgresql://me:secret@127.0.0.1:9/mlflow", Unavailable, "127.0.0.1:9/mlflow does not"),
        ("postgresql+psycopg2://127.0.0.1:9/mlflow", Unavailable, "does not answer"),
        ("mysql://somewhere/mlflow", ConfigurationError, "postgresql://"),
        ("./mlruns", ConfigurationError, "GROUNDWORK_REGISTRY__URL"),
    ],
)
def test_a_place_that_does_not_answer_says_so_at_once(
    url: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=re.escape(said)) as raised:
        open_registry(settings_at(tmp_path, url))
    assert "secret" not in str(raised.value)
