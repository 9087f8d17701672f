"""The compose file: read as Docker reads it, hardened, and naming only what exists."""

from __future__ import annotations

import re
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
def services() -> dict[str, dict[str, Any]]:
    loaded = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    found: dict[str, dict[str, Any]] = loaded["services"]
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
