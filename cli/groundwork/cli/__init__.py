"""The `groundwork` command. Importing it costs click and nothing else; each command imports what it needs."""

from __future__ import annotations

import sys

import click

from groundwork.cli.lazy import LazyGroup

# Name, where it is, and the line of help that the overview shows without importing it.
COMMANDS = {
    "up": ("groundwork.cli.commands.up:up", "Serve the whole embedded platform."),
    "ingest": ("groundwork.cli.commands.ingest:ingest", "Bring an index up to date with its sources."),
    "ask": ("groundwork.cli.commands.ask:ask", "Ask a question and get a cited answer."),
    "search": ("groundwork.cli.commands.search:search", "Find passages without writing an answer."),
    "index": ("groundwork.cli.commands.index:index", "List, compare, promote and clean index versions."),
    "prompts": ("groundwork.cli.commands.prompts:prompts", "List and show the prompts of a language model."),
    "cost": ("groundwork.cli.commands.cost:cost", "Reports, exports and corrections of what was spent."),
    "keys": ("groundwork.cli.commands.keys:keys", "API keys, who they belong to, and budgets."),
    "audit": ("groundwork.cli.commands.audit:audit", "Who changed keys, teams, budgets, prices and charges."),
    "eval": ("groundwork.cli.commands.eval:evaluate", "Measure the assistant, compare two runs; the red team."),
    "data": ("groundwork.cli.commands.data:data", "Versions of the data that models learn from."),
    "release": ("groundwork.cli.commands.release:release", "What answers: list, measure, promote, roll back, try."),
    "pipeline": ("groundwork.cli.commands.pipeline:pipeline", "Batch jobs as Kubeflow pipelines: run here, or by a cluster."),
    "train": ("groundwork.cli.commands.train:train", "Train a model and gate it against the champion."),
    "models": ("groundwork.cli.commands.models:models", "Export the embedding model for machines without torch."),
    "ocr": ("groundwork.cli.commands.ocr:ocr", "Read cards and documents; draw and label examples."),
    "predict": ("groundwork.cli.commands.predict:predict", "Let a model answer for a whole set at once."),
    "recommender": ("groundwork.cli.commands.recommender:recommender", "Ratings: check, make up, write feedback."),
    "monitor": ("groundwork.cli.commands.monitor:monitor", "What is healthy, what drifts, what to do; traces, gaps."),
    "rails": ("groundwork.cli.commands.rails:rails", "Try the rails on a text; show the policy in force."),
    "backup": ("groundwork.cli.commands.backup:backup", "Copies of ledger, registry and indexes, and the way back."),
    "slack": ("groundwork.cli.commands.slack:slack", "Run the Slack app; what people proposed for the golden set."),
    "doctor": ("groundwork.cli.commands.doctor:doctor", "Say what each setting points at, and whether it answers."),
}  # fmt: skip


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="groundwork", message="groundwork %(version)s")
def cli() -> None:
    """Answers about documentation, with citations that hold.

    Settings come from GROUNDWORK_* variables and groundwork.toml; state lives under GROUNDWORK_HOME.
    Exit codes: 0 done, 1 failed, 2 usage, 3 a gate said no.
    """


def main() -> None:
    """The console script: runs the command and turns errors into one clear line and an exit code."""
    from groundwork.cli.run import run

    sys.exit(run(cli, sys.argv[1:]))
