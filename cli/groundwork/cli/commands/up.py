"""groundwork up."""

from __future__ import annotations

import sys

import click

from groundwork.cli.compose import load
from groundwork.core.errors import Conflict

_SWITCH_SECONDS = 0.001


@click.command()
@click.option("--host", help="Address to bind; GROUNDWORK_SERVICE__HOST if not given.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; GROUNDWORK_SERVICE__PORT if not given."
)
@click.option(
    "--first-answer", is_flag=True, help="Ask the bundled docs one question and print the answer."
)
def up(host: str | None, port: int | None, first_answer: bool) -> None:
    """Serve the whole embedded platform: the API, the chat page and the metrics.

    Indexes the bundled documentation first if nothing is indexed yet.
    """
    import uvicorn

    from groundwork.cli.first_run import ensure_index, print_first_answer
    from groundwork.serving.app import check_bind, create_app, keys_exist

    settings = load()
    given = {"host": host, "port": port}
    service = settings.service.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    settings = settings.model_copy(update={"service": service})
    check_bind(settings, has_keys=keys_exist(settings))
    ensure_index(settings)
    if first_answer:
        print_first_answer(settings)
    config = uvicorn.Config(
        create_app(settings),
        host=service.host,
        port=service.port,
        log_level=settings.telemetry.log_level.lower(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    click.echo(f"serving on http://{service.host}:{service.port}", err=True)
    server = uvicorn.Server(config)
    # Threads that retrieve hand the interpreter back to the event loop sooner than after Python's five milliseconds.
    sys.setswitchinterval(_SWITCH_SECONDS)
    server.run()
    if not server.started:
        raise Conflict(
            f"could not serve on {service.host}:{service.port}; is the port taken?", field="port"
        )
