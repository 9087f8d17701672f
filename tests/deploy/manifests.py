"""What the overlays build, as objects."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OVERLAYS = ("dev", "staging", "prod")
WORKLOADS = ("Deployment", "StatefulSet", "Job")


@cache
def built(overlay: str) -> tuple[dict[str, Any], ...]:
    """Every object of an overlay."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed (Debian: apt install kubernetes-client)")
    folder = DEPLOY / "kustomize" / "overlays" / overlay
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[dict[str, Any]]:
    """The objects of these kinds."""
    return [each for each in built(overlay) if each["kind"] in kinds]


def pods(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name of the workload, pod template)."""
    for each in of_kind(overlay, *WORKLOADS):
        yield f"{each['kind']}/{each['metadata']['name']}", each["spec"]["template"]


def containers(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(workload/container, container)."""
    for name, pod in pods(overlay):
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            yield f"{name}/{container['name']}", container


def settings_of(overlay: str) -> dict[str, str]:
    """The config map that every Groundwork pod reads."""
    for each in of_kind(overlay, "ConfigMap"):
        if each["metadata"]["name"].startswith("groundwork-settings"):
            found: dict[str, str] = each["data"]
            return found
    raise AssertionError("no settings")
