"""The process edge: errors become one line on standard error and an exit code."""

from __future__ import annotations

import click

from groundwork.core.errors import GroundworkError

_INTERRUPTED = 130  # 128 + SIGINT, as shells expect


def run(command: click.Command, arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    from groundwork.core.settings import quiet_libraries

    quiet_libraries()
    try:
        result = command.main(arguments, prog_name="groundwork", standalone_mode=False)
    except GroundworkError as error:
        where = f"{error.field}: " if error.field else ""
        click.echo(f"groundwork: {where}{error.detail}", err=True)
        return error.exit_code
    except click.exceptions.Abort:
        click.echo("groundwork: interrupted", err=True)
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0
