from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from groundwork.core.errors import NotFound, Unavailable
from groundwork.core.monitoring.state import TraceMetrics
from groundwork.core.monitoring.tracing.exporter import Lane, NoPlace, Tracer
from groundwork.core.monitoring.tracing.open import open_tracer
from groundwork.core.monitoring.tracing.otlp import OtlpPlace
from groundwork.core.monitoring.tracing.spans import Spans, spans_of
from groundwork.core.monitoring.tracing.store import TraceStore, mark_of
from groundwork.core.settings import RegistrySettings, Settings, TelemetrySettings
from groundwork.core.settings.telemetry import TracesSettings
from groundwork.core.telemetry import MAX_STAGES, Trace

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def made(trace: Trace | None = None) -> Spans:
    trace = trace or Trace()
    with trace.stage("retrieve") as stage:
        stage.note(passages=3)
        with trace.stage("embed"):
            pass
    with trace.stage("generate"):
        pass
    return spans_of(
        trace,
        "invoke_agent docs",
        request="ans-1",
        attributes={"gen_ai.agent.name": "docs", "nothing": None},
        by_stage={"generate": {"gen_ai.usage.input_tokens": 7}},
    )


class Held:
    """A place that keeps what it gets, and may hang or refuse."""

    name = "held"

    def __init__(self) -> None:
        self.got: list[Spans] = []
        self.refuse = False
        self.hang: threading.Event | None = None
        self.entered = threading.Event()

    def write(self, batch: Sequence[Spans]) -> None:
        self.entered.set()
        if self.hang is not None:
            self.hang.wait(30)
        if self.refuse:
            raise Unavailable("it refuses")
        self.got += batch

    def close(self) -> None:
        pass


def test_stages_become_spans_under_their_stages() -> None:
    spans = made(Trace(PARENT))
    root, retrieve, embed, generate = spans.spans
    assert spans.trace_id == "a" * 32
    assert root.parent_id == "b" * 16
    assert (retrieve.parent_id, embed.parent_id, generate.parent_id) == (
        root.span_id,
        retrieve.span_id,
        root.span_id,
    )
    assert root.began <= retrieve.began <= embed.began <= embed.ended <= retrieve.ended
    assert retrieve.ended <= generate.began <= generate.ended <= root.ended
    assert retrieve.attributes == {"passages": 3}
    assert generate.attributes == {"gen_ai.usage.input_tokens": 7}
    assert root.attributes == {"gen_ai.agent.name": "docs"}
    assert abs(root.began / 1e9 - time.time()) < 60
    assert Spans.from_dict(json.loads(json.dumps(spans.to_dict()))) == spans


def test_what_ends_a_stage_is_named_but_a_caller_that_leaves_is_no_error() -> None:
    trace = Trace()
    with pytest.raises(KeyError), trace.stage("retrieve"):
        raise KeyError("x")
    with pytest.raises(GeneratorExit), trace.stage("generate"):
        raise GeneratorExit
    spans = spans_of(trace, "ask")
    assert [span.error for span in spans.spans] == ["", "KeyError", ""]
    assert spans.failed
    assert set(trace.finish()) == {"retrieve", "generate", "total"}


def test_stages_beyond_the_limit_are_timed_and_not_kept() -> None:
    trace = Trace()
    for _ in range(MAX_STAGES + 5):
        with trace.stage("loop"), trace.stage("inner"):
            pass
    assert len(trace.stages) == MAX_STAGES
    spans = spans_of(trace, "ask")
    assert {span.parent_id for span in spans.spans[1:]} <= {span.span_id for span in spans.spans}


def test_the_callers_trace_goes_on() -> None:
    trace = Trace(PARENT)
    assert trace.traceparent == f"00-{'a' * 32}-{trace.span_id}-01"
    assert trace.sampled is True
    assert Trace(PARENT[:-2] + "00").traceparent.endswith("-00")
    assert Trace("00-" + "0" * 32 + "-" + "b" * 16 + "-01").parent_id == ""
    assert Trace().sampled is None


def test_a_share_is_kept_and_what_failed_always() -> None:
    tracer = Tracer([NoPlace()], share=0.25)
    traces = [Trace() for _ in range(2000)]
    wanted = [trace for trace in traces if tracer.wants(trace)]
    assert 400 < len(wanted) < 600
    # All services of one trace decide alike.
    assert [t for t in traces if Tracer([NoPlace()], 0.25).wants(t)] == wanted
    unwanted = next(trace for trace in traces if not tracer.wants(trace))
    calls = []
    tracer.emit(unwanted, lambda: calls.append(1) or made(), failed=False)  # type: ignore[func-returns-value]
    assert not calls
    failed = next(t for t in traces if not tracer.wants(t) and t.ended_ns is None)
    tracer.emit(failed, made, failed=True)
    tracer.emit(failed, made, failed=True)
    tracer.flush(0)
    assert sum(len(lane._waiting) for lane in tracer.lanes) == 1
    assert not Tracer([NoPlace()], 1.0).wants(Trace(PARENT[:-2] + "00"))


def test_batches_arrive_and_close_sends_the_rest() -> None:
    place = Held()
    tracer = Tracer([place])
    tracer.start()
    for _ in range(300):
        tracer.emit(Trace(), made)
    assert tracer.flush()
    assert len(place.got) == 300
    tracer.emit(Trace(), made)
    tracer.close()
    assert len(place.got) == 301
    assert tracer.lanes[0].dropped == 0


def test_spans_are_made_behind_the_request_and_end_when_it_did() -> None:
    place = Held()
    tracer = Tracer([place])
    trace, made_by = Trace(), []

    def make() -> Spans:
        made_by.append(threading.current_thread().name)
        return spans_of(trace, "ask")

    with trace.stage("retrieve"):
        pass
    tracer.emit(trace, make)
    ended = trace.now()
    assert not made_by
    # What comes after the trace was handed on is none of its business.
    time.sleep(0.002)
    tracer.start()
    tracer.close()
    assert made_by
    (spans,) = place.got
    assert spans.spans[0].ended <= ended
    assert [span.name for span in spans.spans] == ["ask", "retrieve"]


def test_a_trace_that_cannot_be_made_is_counted_and_holds_up_none_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> Spans:
        raise RuntimeError("no spans")

    place = Held()
    tracer = Tracer([place])
    tracer.start()
    tracer.emit(Trace(), broken)
    tracer.emit(Trace(), made)
    tracer.close()
    assert (len(place.got), tracer.lanes[0].dropped) == (1, 1)
    assert "could not be made" in caplog.text


def test_a_hanging_place_drops_what_does_not_fit_and_holds_nobody_up() -> None:
    place = Held()
    place.hang = threading.Event()
    lane = Lane(place, most_waiting=10)
    lane.start()
    lane.put(made())
    lane.flush(0)
    assert place.entered.wait(5)
    for _ in range(25):
        lane.put(made())
    assert lane.dropped == 15
    place.hang.set()
    assert lane.flush()
    assert lane.sent == 11
    lane.close()


def test_what_a_place_refuses_is_counted() -> None:
    place, good = Held(), Held()
    place.refuse = True
    good.name = "good"
    tracer = Tracer([place, good])
    tracer.start()
    tracer.emit(Trace(), made)
    tracer.flush()
    counts = {
        (sample.name, sample.labels["place"]): sample.value
        for metric in TraceMetrics(tracer).collect()
        for sample in metric.samples
    }
    assert counts["groundwork_traces_dropped_total", "held"] == 1
    assert counts["groundwork_traces_sent_total", "good"] == 1
    tracer.close()


def test_a_trace_id_opens_its_traces(tmp_path: Path) -> None:
    store = TraceStore(f"sqlite:///{tmp_path / 'ledger.sqlite'}", keep_days=3)
    first = made(Trace(PARENT))
    second = made(Trace(PARENT))
    store.write([first, second, made()])
    store.write([first])
    assert store.get("a" * 32) == [first, second]
    lines = store.newest()
    assert len(lines) == 3
    assert lines[0]["request"] == "ans-1"
    assert store.newest(failed=True) == []
    page = store.after((0, ""), 2)
    rest = store.after(mark_of(page[-1]), 2)
    assert (len(page), len(rest)) == (2, 1)
    assert {one.root.span_id for one in page + rest} == {line["span_id"] for line in lines}
    with pytest.raises(NotFound, match="3 days"):
        store.get("c" * 32)
    assert store.forget(1) == 0
    assert store.forget(-1) == 3
    store.close()


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """An OTLP collector's double: its address, and (path, request) of what it got."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    got: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            got.append((self.path, ExportTraceServiceRequest.FromString(body)))
            got.append(("headers", dict(self.headers)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_reach_a_collector(collector: tuple[str, list[tuple[str, Any]]]) -> None:
    url, got = collector
    place = OtlpPlace(url, {"x-key": "secret"})
    trace = Trace(PARENT)
    with pytest.raises(RuntimeError), trace.stage("rerank"):
        raise RuntimeError
    spans = made(trace)
    place.write([spans])
    place.close()
    (path, request), (_, headers) = got
    assert path == "/v1/traces"
    assert headers["x-key"] == "secret"
    (resource,) = request.resource_spans
    names = {a.key: a.value.string_value for a in resource.resource.attributes}
    assert names["service.name"] == "groundwork"
    sent = {span.name: span for span in resource.scope_spans[0].spans}
    root = sent["invoke_agent docs"]
    assert root.trace_id.hex() == "a" * 32
    assert root.parent_span_id.hex() == "b" * 16
    assert sent["embed"].parent_span_id == sent["retrieve"].span_id
    assert sent["rerank"].status.code == 2
    assert {a.key: a.value.string_value for a in sent["rerank"].attributes} == {
        "error.type": "RuntimeError"
    }
    assert sent["generate"].attributes[0].key == "gen_ai.usage.input_tokens"
    assert sent["generate"].attributes[0].value.int_value == 7


def test_a_collector_that_is_not_there_is_unavailable() -> None:
    place = OtlpPlace("http://127.0.0.1:9", timeout_seconds=0.5)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        place.write([made()])
    place.close()


def test_settings_say_where_traces_go(tmp_path: Path) -> None:
    def places(**options: Any) -> list[str]:
        traces = TracesSettings(**options.pop("traces", {}))
        tracer = open_tracer(
            Settings(home=tmp_path, telemetry=TelemetrySettings(traces=traces), **options)
        )
        found = [getattr(lane.place, "url", lane.place.name) for lane in tracer.lanes]
        for lane in tracer.lanes:
            lane.place.close()
        return found

    assert places() == ["store"]
    mlflow = RegistrySettings(url="http://mlflow:5000")
    assert places(registry=mlflow) == ["store", "http://mlflow:5000/v1/traces"]
    assert places(registry=mlflow, traces={"endpoint": "http://otel:4318", "keep_days": 0}) == [
        "http://otel:4318/v1/traces"
    ]
