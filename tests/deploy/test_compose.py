"""The compose file: read as Docker reads it, hardened, and naming only what exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from groundwork.cli import cli
from tests.deploy.image_files import ROLES
from tests.deploy.test_manifests import _known_variables

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "compose"


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def services(composed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = composed["services"]
    return found


def test_nothing_has_rights_or_ports_that_it_does_not_need(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        tag = service["image"].rpartition(":")[2]
        assert re.match(r"v?\d+\.\d+", tag), name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert not source.startswith("/"), name
            if source.startswith("."):
                assert (FOLDER / source).exists(), source
                assert volume.endswith(":ro"), name


def test_variables_and_commands_exist(services: dict[str, dict[str, Any]]) -> None:
    known = _known_variables()
    for name, service in services.items():
        environment = service.get("environment", {})
        assert {one for one in environment if one.startswith("GROUNDWORK_")} <= known, name
        command = service.get("command", [])
        if command[:1] == ["groundwork"]:
            shown = CliRunner().invoke(cli, [command[1], "--help"])
            assert shown.exit_code == 0, name
            for option in (one for one in command if one.startswith("--")):
                assert option in shown.output


def test_what_must_be_set_stands_in_the_example(services: dict[str, dict[str, Any]]) -> None:
    text = (FOLDER / "compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{([A-Z_]+)", text))
    example = dict(
        line.split("=", 1)
        for line in (FOLDER / "example.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert wanted == set(example)
    # A secret with a default would be everybody's.
    assert not any(example[name] for name in example if "PASSWORD" in name or "KEY" in name)


def test_images_of_ours_are_those_that_are_built(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        repository = service["image"].partition(":")[0]
        if repository.startswith("groundwork/"):
            role = repository.partition("/")[2]
            assert role in ROLES
            assert service["build"]["target"] == role


def inside(service: dict[str, Any]) -> dict[str, str]:
    """Where a service sees files of the repository and secrets, and what they are outside."""
    found = dict(reversed(volume.split(":")[:2]) for volume in service.get("volumes", ()))
    for secret in service.get("secrets", ()):
        named = {"source": secret, "target": secret} if isinstance(secret, str) else secret
        target = named["target"]
        found[target if target.startswith("/") else f"/run/secrets/{target}"] = named["source"]
    return found


def hosts(composed: dict[str, Any]) -> set[str]:
    """The names under which services are reached."""
    found = set(composed["services"])
    for service in composed["services"].values():
        found.update(service.get("networks", {}).get("default", {}).get("aliases", ()))
    return found


def test_prometheus_reads_files_that_are_there_and_asks_whom_there_is(
    composed: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    seen = inside(services["prometheus"])
    (flag,) = (one for one in services["prometheus"]["command"] if "config.file" in one)
    file = FOLDER / seen[flag.partition("=")[2]]
    config = yaml.safe_load(file.read_text())
    assert {path.rpartition("/")[0] for path in config["rule_files"]} <= set(seen)
    assert list((FOLDER / seen["/etc/prometheus/rules"]).glob("*.yaml"))
    for job in config["scrape_configs"]:
        credentials = job.get("authorization", {}).get("credentials_file")
        assert credentials is None or seen[credentials] in composed["secrets"]
        for target in (one for each in job["static_configs"] for one in each["targets"]):
            assert target.partition(":")[0] in hosts(composed), target
    for manager in config["alerting"]["alertmanagers"]:
        for target in (one for each in manager["static_configs"] for one in each["targets"]):
            assert target.partition(":")[0] in hosts(composed), target
    # The same jobs as elsewhere: the alerts name them.
    elsewhere = yaml.safe_load((FOLDER.parent / "prometheus" / "prometheus.yaml").read_text())
    names = [[job["job_name"] for job in one["scrape_configs"]] for one in (config, elsewhere)]
    assert names[0] == names[1]


def test_alertmanager_reads_files_that_are_there(
    composed: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    seen = inside(services["alertmanager"])
    (flag,) = (one for one in services["alertmanager"]["command"] if "config.file" in one)
    text = (FOLDER / seen[flag.partition("=")[2]]).read_text()
    for path in re.findall(r"_file: (\S+)", text):
        assert seen[path] in composed["secrets"]
    for host in re.findall(r"http://([\w-]+):", text):
        assert host in hosts(composed)


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="Debian's package prometheus is not installed"
)
def test_promtool_reads_the_configuration() -> None:
    # Only its syntax: keys and the folder of rules lie where the container has them.
    done = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", str(FOLDER / "prometheus.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
