"""groundwork slack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import load
from groundwork.cli.output import echo_json, echo_table, json_option
from groundwork.core.errors import ConfigurationError, Conflict

if TYPE_CHECKING:
    from groundwork.serving.slack.review import ReviewQueue


@click.group(invoke_without_command=True)
@click.option("--socket", is_flag=True, help="Call Slack (Socket Mode) instead of being called.")
@click.option("--host", help="Address to bind; GROUNDWORK_SLACK__HOST if not given.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; GROUNDWORK_SLACK__PORT if not given."
)
@click.pass_context
def slack(context: click.Context, socket: bool, host: str | None, port: int | None) -> None:
    """Run the Slack app as a process of its own.

    Needs GROUNDWORK_SLACK__BOT_TOKEN and, for HTTP, GROUNDWORK_SLACK__SIGNING_SECRET or, for Socket Mode,
    GROUNDWORK_SLACK__APP_TOKEN. `groundwork up` runs it beside the API where the token is set.
    """
    if context.invoked_subcommand is None:
        _serve(socket=socket, host=host, port=port)


@slack.group()
def queue() -> None:
    """Threads that people proposed for the golden set."""


@queue.command("list")
@json_option
def list_proposals(as_json: bool) -> None:
    """Show the proposals that wait for a reviewer, oldest first."""
    with _queue() as proposals:
        rows = proposals.all()
    if as_json:
        echo_json(rows)
        return
    shown = [
        (
            str(row["id"]),
            row["created_at"],
            row["proposed_by"],
            str(len(row["turns"])),
            row["turns"][0]["question"] if row["turns"] else "",
            row["link"],
        )
        for row in rows
    ]
    echo_table([("ID", "PROPOSED", "BY", "TURNS", "FIRST QUESTION", "LINK"), *shown])


@queue.command()
@click.argument("number", type=int)
def remove(number: int) -> None:
    """Take the proposal NUMBER out: it is in the golden set now, or will not be."""
    with _queue() as proposals:
        proposals.remove(number)
    click.echo(f"removed {number}")


@contextmanager
def _queue() -> Iterator[ReviewQueue]:
    from groundwork.core.metering.database import open_engine
    from groundwork.serving.slack.review import ReviewQueue

    engine = open_engine(load().ledger_url)
    try:
        yield ReviewQueue(engine)
    finally:
        engine.dispose()


def _serve(*, socket: bool, host: str | None, port: int | None) -> None:
    import uvicorn

    from groundwork.core.monitoring.logs import configure_logging
    from groundwork.serving.slack.app import standalone

    settings = load(slack={"mode": "socket"}) if socket else load()
    if not settings.slack.enabled:
        raise ConfigurationError(
            "there is no Slack app without GROUNDWORK_SLACK__BOT_TOKEN; docs/slack.md says how to get one",
            field="slack.bot_token",
        )
    given = {"host": host, "port": port}
    chosen = settings.slack.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    settings = settings.model_copy(update={"slack": chosen})
    configure_logging(settings.telemetry)
    config = uvicorn.Config(
        standalone(settings),
        host=chosen.host,
        port=chosen.port,
        log_level=settings.telemetry.log_level.lower(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    click.echo(f"Slack app on http://{chosen.host}:{chosen.port}, mode {chosen.mode}", err=True)
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        raise Conflict(f"could not serve on {chosen.host}:{chosen.port}", field="port")
