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

from groundwork.core.settings import Settings, load, quiet_libraries
from groundwork.pipelines.catalogue import build
from groundwork.pipelines.runs import Run, RunFolder


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
    _clean(settings, run, root)
    return 0


def _clean(settings: Settings, run: Run, root: Path) -> None:
    """What a finished ingest left between its steps is of no use any more: its vectors are in the cache."""
    if run.pipeline != "ingest" or settings.pipelines.artifacts is not None:
        return
    from groundwork.ingestion import shards
    from groundwork.ingestion.shards_files import ShardFiles
    from groundwork.ingestion.shards_plan import Cut, Found
    from groundwork.pipelines.code import code_digest

    files = ShardFiles(settings.artifacts_url)
    how = Cut(int(run.arguments.get("shards", 0)), settings.pipelines.shard_bytes, code_digest())
    for path in root.glob("*/discover/found"):
        found = Found.from_json(path.read_bytes())
        if Path(files.documents(found.documents)).is_file():
            shards.forget(found, shards.plan_shards(found, files, how), files)


def _end_with_parent() -> None:
    """The other end of standard input is held by whoever started the run: when it is gone, so is the run."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
