"""Prometheus and Alertmanager, as Debian has them, scrape the service; each alert is fired by its cause and arrives."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from tests.deploy.fast_rules import RULES, alert_names, fast_rules
from tests.deploy.provoked import Provoked, instance, provoked

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("prometheus", "prometheus-alertmanager")),
    reason="Debian's packages prometheus and prometheus-alertmanager are not installed",
)

# Long enough for a machine that does much else; what fires is not waited for any longer than it takes.
_DEADLINE_SECONDS = 240


class Slack:
    """A double of Slack's incoming webhooks: keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.messages.append(await request.json())
        return web.Response(text="ok")

    def firing(self) -> set[str]:
        """Names of the alerts in messages that are not about their end."""
        texts = [json.dumps(message) for message in self.messages]
        return {name for name in alert_names() for text in texts if f"{name}: " in text}


async def test_each_alert_fires_when_its_cause_is_there_and_reaches_slack(tmp_path: Path) -> None:
    slack = Slack()
    async with provoked(tmp_path) as service, _serving(slack) as slack_url:
        with ExitStack() as ending:
            _start(ending, tmp_path, service, slack_url)
            async with asyncio.timeout(_DEADLINE_SECONDS):
                await _provoke_all(service, slack)
    assert slack.firing() == alert_names()
    message = next(m for m in slack.messages if "GroundworkDrift: " in json.dumps(m))
    (shown,) = message["attachments"]
    assert shown["title"] == "GroundworkDrift: What a model sees or says has changed"
    assert "ocr/cards drifts in 2 looks in a row." in shown["text"]
    assert "Runbook: docs/runbooks/GroundworkDrift.md" in shown["text"]
    # The same alert asked the service to make the model anew, once however often it was told.
    assert [(str(run.line), run.cause) for run in service.runs] == [("ocr/cards", "drift")]


async def _provoke_all(service: Provoked, slack: Slack) -> None:
    service.budget(10**9)
    service.spend(10**5)
    await service.engines()
    await asyncio.to_thread(service.releases)
    await asyncio.to_thread(service.drift)
    last = {"GroundworkLedgerBehind"}
    while not alert_names() - last <= slack.firing():
        await service.questions()
        # A little at first, then much more, until the budget is used up.
        service.spend(10**5 if len(slack.messages) < 3 else 10**8)
    while not service.watched.monitoring.desk.runs():  # noqa: ASYNC110  # a database tells nobody
        await asyncio.sleep(0.1)
    async with service.database_locked():
        while not last <= slack.firing():  # noqa: ASYNC110  # nor does Slack's double
            await asyncio.sleep(0.1)
    service.runs = service.watched.monitoring.desk.runs()


@asynccontextmanager
async def _serving(slack: Slack) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/slack", slack.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack"
    finally:
        await runner.cleanup()


def _start(ending: ExitStack, folder: Path, service: Provoked, slack_url: str) -> None:
    alertmanager = _free_port()
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(_routes(service.root, slack_url)))
    (folder / "rules.yaml").write_text(yaml.safe_dump(fast_rules()))
    config = yaml.safe_load((RULES.parent / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = ["rules.yaml"]
    targets = [{"targets": [f"127.0.0.1:{alertmanager}"]}]
    config["alerting"]["alertmanagers"] = [{"static_configs": targets}]
    # The second one is an instance that is not there.
    here = [{"targets": [instance(service.root), f"127.0.0.1:{_free_port()}"]}]
    config["scrape_configs"] = [{"job_name": "groundwork", "static_configs": here}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    _run(
        ending,
        folder / "alertmanager.log",
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{alertmanager}",
        "--cluster.listen-address=",
    )
    _run(
        ending,
        folder / "prometheus.log",
        "prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{_free_port()}",
    )


def _routes(service: str, slack_url: str) -> dict[str, Any]:
    """The shipped routing, sent to loopback without waiting."""
    config: dict[str, Any] = yaml.safe_load((RULES.parent / "alertmanager.yaml").read_text())
    for route in (config["route"], *config["route"]["routes"]):
        route["group_wait"] = "0s"
        route["group_interval"] = "1s"
    for receiver in config["receivers"]:
        for slack in receiver.get("slack_configs", ()):
            slack.pop("api_url_file")
            slack["api_url"] = slack_url
        for hook in receiver.get("webhook_configs", ()):
            hook.pop("http_config")
            hook["url"] = f"{service}/v1/alerts"
    return config


def _run(ending: ExitStack, log: Path, *command: str) -> None:
    process = subprocess.Popen(
        command, stdout=ending.enter_context(log.open("w")), stderr=subprocess.STDOUT
    )

    def stop() -> None:
        process.terminate()
        process.wait(20)

    ending.callback(stop)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
