"""groundwork eval run | log | compare | report | list | lint | label | calibrate | generate | sample | review."""

from __future__ import annotations

import click

from groundwork.cli.lazy import LazyGroup

_RUN = "groundwork.cli.commands.eval_run"
_LABELS = "groundwork.cli.commands.eval_labels"
_CANDIDATES = "groundwork.cli.commands.eval_candidates"
_COMMANDS = {
    "run": (f"{_RUN}:run", "Run a suite against the assistant, or against a registered release."),
    "log": (f"{_RUN}:log", "Put a finished run before the gate and log it to MLflow."),
    "compare": (f"{_RUN}:compare", "Compare two runs question by question; the gate's word."),
    "report": (f"{_RUN}:report", "Write the report of a run anew."),
    "list": (f"{_RUN}:list_runs", "List the evaluation runs, newest first."),
    "lint": (f"{_RUN}:lint", "Check a golden set against the pages it is about."),
    "label": (f"{_LABELS}:label", "Write answers of a run to a file, to be judged by people."),
    "calibrate": (f"{_LABELS}:calibrate", "Compare a judge's scores with people's labels."),
    "generate": (f"{_CANDIDATES}:generate", "Make candidate questions from an index."),
    "sample": (f"{_CANDIDATES}:sample", "Draw candidate questions from what was asked."),
    "review": ("groundwork.cli.commands.eval_review:review", "Candidates: list, accept, edit, reject."),
}  # fmt: skip


@click.group(name="eval", cls=LazyGroup, commands_at=_COMMANDS)
def evaluate() -> None:
    """Measure the assistant."""
