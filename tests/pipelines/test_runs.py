"""The folder of a run: what its steps say, and how that is shown."""

import io
from pathlib import Path

import pytest

from groundwork.cli.commands.pipeline_view import RunView
from groundwork.core.errors import InvalidInput, NotFound
from groundwork.pipelines.runs import Event, RunFolder, RunFolders, states

EVENTS = [
    Event("discover", "", "started", 10.0, pid=1),
    Event("discover", "", "progress", 11.0, "discover: 5 files"),
    Event("discover", "", "finished", 12.0, "5 pages", 2.0),
    Event("embed", "1/2", "started", 13.0, pid=2),
    Event("embed", "2/2", "started", 13.5, pid=3),
    Event("embed", "1/2", "failed", 14.0, "no space", 1.0),
    Event("embed", "1/2", "started", 15.0, pid=4),
]


def test_events_become_states(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin("ingest", {"sources": ["docs"]})
    for event in EVENTS:
        folder.say(event)
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"step": "cut off')
    assert folder.events() == EVENTS
    found = states(folder.events())
    assert [(one.name, one.state, one.attempts, one.pid) for one in found] == [
        ("discover", "succeeded", 1, 1),
        ("embed 1/2", "running", 2, 4),
        ("embed 2/2", "running", 1, 3),
    ]
    assert (found[0].seconds, found[0].text, found[1].text) == (2.0, "5 pages", "no space")
    # A run that goes on shows what is done now.
    assert [one.name for one in states(folder.events(), since=14.5)] == ["embed 1/2"]


def test_a_run_keeps_its_state_and_result(tmp_path: Path) -> None:
    folders = RunFolders(tmp_path)
    folder = folders.new("ingest")
    folder.begin("ingest", {"shards": 2})
    assert folders.unfinished("ingest").path == folder.path
    folder.end("failed", "no space")
    assert (folder.run.state, folder.run.error) == ("failed", "no space")
    assert folder.go_on().resumed == 1
    assert folder.result() == {}
    folder.keep_result({"version": "v"})
    folder.end("succeeded")
    assert folders.open(folder.path.name).result() == {"version": "v"}
    with pytest.raises(NotFound, match="no run of ingest is unfinished"):
        folders.unfinished("ingest")
    with pytest.raises(NotFound):
        folders.open("other")
    (folder.path / "run.json").write_text("{")
    with pytest.raises(InvalidInput):
        _ = folder.run


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_each_beginning_and_end_is_a_line() -> None:
    out = io.StringIO()
    view = RunView(("discover", "embed"), out)
    for n in range(1, len(EVENTS) + 1):
        view.show(states(EVENTS[:n]), 20.0)
    assert out.getvalue().splitlines() == [
        "discover started",
        "discover succeeded in 2.0 s: 5 pages",
        "embed 1/2 started",
        "embed 2/2 started",
        "embed 1/2 failed in 1.0 s: no space",
        "embed 1/2 started (try 2)",
    ]


def test_in_a_terminal_the_table_is_drawn_over() -> None:
    out = _Terminal()
    view = RunView(("discover", "embed", "build"), out)
    view.show(states(EVENTS[:2]), 20.0)
    view.show(states(EVENTS), 20.0)
    first, second = out.getvalue().split("\x1b[J")[:2]
    assert "… discover" in first
    assert "10.0 s" in first
    assert "· build" in first
    assert second.startswith("\x1b[3A")
    assert "✓ discover" in second
    assert "try 2" in second
