"""The steps of an ingest as spans: by command, by a pipeline's steps, and not at all where nothing takes traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.monitoring.tracing.job import traced
from groundwork.core.monitoring.tracing.open import open_trace_store
from groundwork.core.monitoring.tracing.spans import Span, Spans
from groundwork.core.settings import load
from groundwork.core.telemetry import MAX_STAGES, NO_STAGES, Trace
from groundwork.pipelines.steps import ingest as steps
from tests.monitoring.pumps import pump_pages

PAGES = 70


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = pump_pages(tmp_path, monkeypatch, PAGES)
    (folder / "broken.ipynb").write_text("{")
    return folder


def kept() -> list[Spans]:
    store = open_trace_store(load())
    assert store is not None
    try:
        return store.after((0, ""), 100)
    finally:
        store.close()


def by_name(spans: Spans) -> dict[str, Span]:
    return {span.name: span for span in spans.spans}


def test_an_ingest_by_command_leaves_the_span_of_each_step(pages: Path) -> None:
    assert run(cli, ["ingest", str(pages), "--index", "docs"]) == 0
    (spans,) = kept()
    found = by_name(spans)
    assert list(found) == [
        "ingest docs", "discover", "embed", "parse", "scan", "chunk", "write", "publish",
    ]  # fmt: skip
    assert spans.root.attributes == {"groundwork.index": "docs"}
    assert not spans.failed
    assert found["discover"].attributes["files"] == PAGES + 1
    # One span a step, however many pages go through it; a page that cannot be parsed is no fault of the ingest.
    assert len(spans.spans) < MAX_STAGES
    assert found["parse"].attributes["times"] == PAGES + 1
    assert found["chunk"].attributes["times"] == found["scan"].attributes["times"] == PAGES
    assert found["embed"].attributes["embedded"] == found["write"].attributes["chunks"] == PAGES
    for name in ("parse", "scan", "chunk"):
        assert found[name].parent_id == found["embed"].span_id
        assert 0 < found[name].attributes["busy_ms"] <= found[name].milliseconds
    assert found["discover"].ended <= found["embed"].began
    assert found["write"].ended <= found["publish"].began
    assert found["publish"].attributes["version"]


def test_what_writes_nothing_and_what_is_not_promoted(pages: Path) -> None:
    assert run(cli, ["ingest", str(pages), "--dry-run"]) == 0
    assert not (load().home / "ledger.sqlite").exists()
    assert run(cli, ["ingest", str(pages), "--no-promote"]) == 0
    (spans,) = kept()
    assert "write" in by_name(spans)
    assert "publish" not in by_name(spans)


def test_an_ingest_that_fails_says_where(pages: Path) -> None:
    for page in pages.glob("*.md"):
        page.unlink()
    assert run(cli, ["ingest", str(pages)]) != 0
    (spans,) = kept()
    assert spans.failed
    assert spans.root.error == "InvalidInput"


def test_steps_in_processes_of_their_own_share_a_trace(pages: Path, tmp_path: Path) -> None:
    found, built = str(tmp_path / "found"), str(tmp_path / "built")
    steps.discover([str(pages)], "docs", {}, found)
    shards = steps.plan(found, 2, "code")
    for shard in shards:
        steps.chunk(shard)
        steps.embed(shard, 1)
    steps.build(found, shards, built)
    assert steps.promote(found, built, "", wanted=True)["promoted"]
    traces = kept()
    assert len({one.trace_id for one in traces}) == 1
    names = {one.root.name: list(by_name(one))[1:] for one in traces}
    assert names["ingest docs discover"] == ["discover"]
    assert names["ingest chunk 1/2"] == ["parse", "scan", "chunk"]
    assert names["ingest embed 2/2"] == ["embed"]
    assert names["ingest docs build"] == ["write"]
    assert names["ingest docs promote"] == ["publish"]


def test_nothing_is_timed_where_nothing_takes_traces(
    pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDWORK_TELEMETRY__TRACES__KEEP_DAYS", "0")

    def refuse(*_: object) -> None:
        raise AssertionError("a trace was begun")

    monkeypatch.setattr(Trace, "__init__", refuse)
    with traced(load(), "ingest docs", {}) as trace:
        assert trace is NO_STAGES
    assert NO_STAGES.bits("parse") is NO_STAGES.bits("chunk")
    assert run(cli, ["ingest", str(pages)]) == 0


def test_a_database_that_does_not_answer_stops_no_ingest(
    pages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GROUNDWORK_LEDGER__URL", "postgresql://nobody@127.0.0.1:1/none")
    assert run(cli, ["ingest", str(pages), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["promoted"]
