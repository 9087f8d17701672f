from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from groundwork.core.monitoring.logs import configure_logging
from groundwork.core.monitoring.metrics import MAX_INDEXES, Metrics
from groundwork.core.settings import TelemetrySettings


def series(metrics: Metrics, name: str) -> list[str]:
    return [
        line for line in metrics.exposition().decode().splitlines() if line.startswith(name + "{")
    ]


def test_methods_beyond_the_known_ones_are_counted_together() -> None:
    metrics = Metrics()
    for method in ("GET", "BREW", "X" * 500):
        metrics.request("/v1/ask", method, 200, 0.1)
    assert sorted(series(metrics, "groundwork_http_requests_total")) == [
        'groundwork_http_requests_total{method="GET",route="/v1/ask",status="2xx"} 1.0',
        'groundwork_http_requests_total{method="other",route="/v1/ask",status="2xx"} 2.0',
    ]


def test_index_names_are_bounded() -> None:
    metrics = Metrics()
    for n in range(MAX_INDEXES + 20):
        metrics.outcome(f"index-{n}", "answered")
    metrics.outcome("index-0", "answered")
    lines = series(metrics, "groundwork_answers_total")
    assert len(lines) == MAX_INDEXES + 1
    assert 'groundwork_answers_total{index="other",outcome="answered"} 20.0' in lines
    assert 'groundwork_answers_total{index="index-0",outcome="answered"} 2.0' in lines
    metrics.live((f"index-{n}", "v1") for n in range(MAX_INDEXES + 20))
    assert len(series(metrics, "groundwork_index_info")) == MAX_INDEXES


def test_a_version_that_is_live_no_more_disappears() -> None:
    metrics = Metrics()
    metrics.live([("docs", "v1")])
    metrics.live([("docs", "v2")])
    assert series(metrics, "groundwork_index_info") == [
        'groundwork_index_info{index="docs",version="v2"} 1.0'
    ]


def test_two_services_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.judged("up")
    assert series(first, "groundwork_feedback_total")
    assert not series(second, "groundwork_feedback_total")


@pytest.fixture
def platform_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("groundwork")
    before = (list(logger.handlers), logger.level, logger.propagate)
    yield logger
    logger.handlers[:], logger.level, logger.propagate = before[0], before[1], before[2]


def test_json_lines(platform_logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(TelemetrySettings(log_json=True, log_level="INFO"))
    configure_logging(TelemetrySettings(log_json=True, log_level="INFO"))
    log = logging.getLogger("groundwork.test")
    log.debug("unseen")
    log.error("it %s", "failed", exc_info=ValueError("two\nlines"))
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record["level"] == "ERROR"
    assert record["logger"] == "groundwork.test"
    assert record["message"] == "it failed"
    assert "ValueError: two\nlines" in record["exception"]
    assert record["time"].endswith("Z")


def test_text_lines(platform_logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(TelemetrySettings(log_json=False, log_level="DEBUG"))
    logging.getLogger("groundwork.test").debug("seen")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" DEBUG groundwork.test seen")
