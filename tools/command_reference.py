"""docs/commands.md, generated from the commands' own help so that the two cannot drift.

Usage: python tools/command_reference.py [--write]. Without --write it exits with 1 where the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
HEAD = """\
# Commands

Every command, as `--help` prints it. This page is generated (`make docs`); a test fails where it is stale.

Exit codes: 0 done, 1 failed with one clear line on standard error, 2 usage, 3 a gate said no.
Every command that prints takes `--json`.
"""


def _walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _walk(child, click.Context(child, info_name=name, parent=context))


def render() -> str:
    """The whole page."""
    from groundwork.cli import cli

    context = click.Context(cli, info_name="groundwork", terminal_width=100, **cli.context_settings)
    sections = [
        f"## {path}\n\n```text\n{text.rstrip()}\n```\n" for path, text in _walk(cli, context)
    ]
    return "\n".join([HEAD, *sections])


def main(arguments: list[str]) -> int:
    """Write the page or compare it."""
    page = render()
    if "--write" in arguments:
        PAGE.write_text(page)
        return 0
    if PAGE.read_text() != page:
        print("docs/commands.md is stale; run: make docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
