"""How log lines look: one line a record, for people or as JSON."""

from __future__ import annotations

import logging
import sys
import time

import orjson

from groundwork.core.settings import TelemetrySettings


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = (
            f"{_timestamp(record.created)} {record.levelname} {record.name} {record.getMessage()}"
        )
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def configure_logging(settings: TelemetrySettings) -> None:
    """Send the platform's own records to standard error. Calling it again replaces the former set-up."""
    logger = logging.getLogger("groundwork")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if settings.log_json else _TextLines())
    logger.handlers[:] = [handler]
    logger.setLevel(settings.log_level)
    logger.propagate = False


def _timestamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"
