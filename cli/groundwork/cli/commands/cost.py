"""groundwork cost report | export | reconcile | correct | estimate | prices | close-gpu | retire."""

from __future__ import annotations

import click

from groundwork.cli.lazy import LazyGroup

_COMMANDS = {
    "report": ("groundwork.cli.commands.cost_report:report", "What was spent, by anything, exactly."),
    "export": ("groundwork.cli.commands.cost_report:export", "The charges as CSV, Parquet or FOCUS."),
    "reconcile": (
        "groundwork.cli.commands.cost_reconcile:reconcile",
        "Compare the ledger with itself, an engine's counters and an invoice.",
    ),
    "correct": ("groundwork.cli.commands.cost_correct:correct", "Repair a charge by a further row."),
    "estimate": (
        "groundwork.cli.commands.cost_estimate:estimate",
        "Compare self-hosting with an API at a volume.",
    ),
    "prices": ("groundwork.cli.commands.cost_prices:prices", "The price book: list, show, import."),
    "close-gpu": (
        "groundwork.cli.commands.cost_prices:close_gpu",
        "Charge the idle time of GPUs that are paid by the hour.",
    ),
    "retire": ("groundwork.cli.commands.cost_prices:retire", "Export old charges, then delete them."),
}  # fmt: skip


@click.group(cls=LazyGroup, commands_at=_COMMANDS)
def cost() -> None:
    """What answers cost: reports, exports, comparison with engines and invoices."""
