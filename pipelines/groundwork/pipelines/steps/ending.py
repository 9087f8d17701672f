"""The end of every run: a failure is said where people look."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request

import orjson

from groundwork.core.settings import Settings
from groundwork.pipelines.runs import RunFolder, states
from groundwork.pipelines.steps.step import step

_log = logging.getLogger("groundwork.pipelines")
_SECONDS = 10.0


def report(pipeline: str, state: str, name: str, error: str) -> bool:
    """Report a run that failed; returns whether somebody was told besides the log. A success is not reported."""
    with step("report") as one:
        if state == "SUCCEEDED":
            one.done = "nothing to report"
            return False
        text = f"pipeline {pipeline} failed ({name}): {_why(one.settings) or error or state}"
        _log.error("%s", text)
        told = _post(one.settings, text)
        one.done = "the webhook was told" if told else "logged"
        return told


def _why(settings: Settings) -> str:
    """What the failed steps of a run on this machine said."""
    if settings.pipelines.run is None:
        return ""
    folder = RunFolder(settings.pipelines.run)
    return "; ".join(
        f"{one.name}: {one.text}" for one in states(folder.events()) if one.state == "failed"
    )


def _post(settings: Settings, text: str) -> bool:
    address = settings.pipelines.webhook
    if address is None:
        return False
    request = urllib.request.Request(  # noqa: S310 an operator's setting
        address.get_secret_value(),
        orjson.dumps({"text": text}),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, TimeoutError, ValueError) as problem:
        # The run has failed already, and its log says so.
        _log.warning("the webhook was not told: %s", problem)
        return False
