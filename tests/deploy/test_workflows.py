"""The workflows call what exists: make targets, tools, paths; with no more rights than they need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))


def _steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_run_exists_and_has_few_rights(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
    for step in _steps(workflow):
        for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
            assert target in targets, target
        for tool in re.findall(r"\b(tools/\S+)", step.get("run", "")):
            assert (ROOT / tool).is_file(), tool
        if "uses" in step:
            # A version, never a branch that somebody else moves.
            assert re.search(r"@v?\d+(\.\d+)*$", step["uses"]), step["uses"]
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


def test_ci_runs_what_ci_runs_here() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    commands = [
        step.get("run", "")
        for step in _steps(yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text()))
    ]
    for line in script.splitlines():
        if line.startswith(("make ", "tools/")):
            assert line in commands, line


def test_images_are_scanned_before_they_are_signed() -> None:
    steps = [
        step.get("name", step.get("uses", ""))
        for step in _steps(yaml.safe_load((ROOT / ".github/workflows/images.yaml").read_text()))
    ]
    assert steps.index("Scan") < steps.index("Sign")
