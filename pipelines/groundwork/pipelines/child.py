"""The process that executes a run on this machine: `python -m groundwork.pipelines.child RUN`.

It is apart from the command that shows the run, so that the whole of it, kfp with all its children, can be ended at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from pathlib import Path

from groundwork.core import storage
from groundwork.core.settings import Settings, load, quiet_libraries
from groundwork.pipelines.catalogue import build
from groundwork.pipelines.runs import RunFolder


def main(path: str) -> int:
    """0 where the pipeline succeeded."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quiet_libraries()
    # It says of every resource that it has no effect here.
    warnings.simplefilter("ignore")
    from kfp import local

    folder = RunFolder(Path(path))
    run, settings = folder.run, load()
    root = folder.path / "artifacts"
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(root),
        raise_on_error=True,
        enable_caching=True,
        cache_root=str(settings.home / "pipelines" / "cache"),
    )
    try:
        build(run.pipeline, settings)(**run.arguments)
    except RuntimeError as error:
        # kfp raises this for a task that failed; the task's own words are in the events.
        sys.stdout.write(f"{error}\n")
        return 1
    _clean(settings, folder)
    return 0


def _clean(settings: Settings, folder: RunFolder) -> None:
    """What a finished ingest left between its steps is of no use any more: its vectors are in the cache."""
    if settings.pipelines.artifacts is None:
        for url in folder.left():
            storage.delete(url)


def _end_with_parent() -> None:
    """The other end of standard input is held by whoever started the run: when it is gone, so is the run."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
