"""What the retraining desk hears of a run: how it ended, also where a step of it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from groundwork.core.errors import InvalidInput
from groundwork.core.monitoring.retraining import Desk, Ended, Run
from groundwork.core.settings import Settings


def end_run(settings: Settings, number: int, ended: Ended) -> Run:
    """Tell the desk how its run of this number came out. Raises InvalidInput where it knows none, Unavailable."""
    desk = Desk(settings.ledger_url, settings.monitoring.retraining)
    try:
        found = next((each for each in desk.runs(most=1000) if each.id == number), None)
        if found is None:
            raise InvalidInput(f"the desk knows no run {number}", field="run")
        desk.end(found, ended)
        return found
    finally:
        desk.close()


@contextmanager
def desk_hears(settings: Settings, job: Mapping[str, Any]) -> Iterator[None]:
    """The frame of a check of data: where the job is a retraining, the desk hears that the data is bad, and why.

    Trying again reads the same data, so that nothing is lost by saying so at once.
    """
    try:
        yield
    except InvalidInput as error:
        number = int(job.get("run", 0))
        if number:
            end_run(settings, number, Ended("bad-data", error.detail))
        raise
