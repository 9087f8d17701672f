"""groundwork doctor."""

from __future__ import annotations

from dataclasses import asdict

import click

from groundwork.cli.output import echo_json, json_option


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Say what each setting points at, and whether it answers. Exits with 1 where something does not."""
    from groundwork.cli.checks import all_checks
    from groundwork.core.settings import load, unknown_variables

    settings = load()
    results = all_checks(settings)
    unknown = unknown_variables()
    failed = any(not result.ok for result in results)
    if as_json:
        echo_json({"checks": [asdict(result) for result in results], "unknown_variables": unknown})
    else:
        for result in results:
            click.echo(f"{'ok  ' if result.ok else 'FAIL'}  {result.name:<10} {result.detail}")
        for name in unknown:
            click.echo(f"note  {name} is not a setting; is it misspelt?")
    return 1 if failed else 0
