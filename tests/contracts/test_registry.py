"""Every registry keeps releases, aliases and history alike: in memory, on SQLite, on PostgreSQL, on a server."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.core.errors import Conflict, InvalidInput, NotFound, Unavailable
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
from groundwork.core.registry.open import open_registry
from groundwork.core.registry.promotion import (
    NoCarrier,
    Reason,
    previous,
    promote,
    rollback,
    submit,
)
from tests.contracts.registry_world import LINE, candidate, mlflow_server, settings_at
from tests.postgres import running_server

WHY = Reason("someone", "because")


@pytest.fixture(scope="module", params=["memory", "sqlite", "server", "postgres"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    if request.param == "memory":
        yield MemoryRegistry()
    elif request.param == "sqlite":
        yield open_registry(settings_at(folder))
    elif request.param == "server":
        with mlflow_server(folder) as url:
            yield open_registry(settings_at(folder, url))
    else:
        with running_server() as address:
            yield open_registry(settings_at(folder, f"{address}/postgres"))


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


_MOVER = """
import sys
from pathlib import Path
from groundwork.core.registry.open import open_registry
from groundwork.core.registry.promotion import NoCarrier, Reason, promote
from tests.contracts.registry_world import candidate, settings_at
registry = open_registry(settings_at(Path(sys.argv[1])))
for number in (int(n) for n in sys.argv[2:]):
    release = registry.register(candidate(number))
    promote(registry, release, Reason("mover", "turn"), NoCarrier())
"""


def test_two_processes_move_one_line(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    movers = [
        subprocess.Popen([sys.executable, "-c", _MOVER, str(tmp_path), *numbers], cwd=root)
        for numbers in (("1", "2"), ("3", "4"))
    ]
    assert [mover.wait(120) for mover in movers] == [0, 0]
    registry = open_registry(settings_at(tmp_path))
    told = registry.history(LINE)
    assert sorted(one.release for one in told) == sorted(
        registry.find(str(n), LINE).id for n in (1, 2, 3, 4)
    )
    assert told[0].release == registry.aliases(LINE)[CHAMPION]
    chain = [one.former for one in told]
    assert chain == [*(one.release for one in told[1:]), None]
