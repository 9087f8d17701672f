from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.fast_rules import RULES, alert_names

FOLDER = RULES.parent
RUNBOOKS = FOLDER.parents[1] / "docs" / "runbooks"

promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="Debian's package prometheus is not installed"
)


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yaml"))]
    groups = [group for file in files for group in file["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@promtool
def test_rules_pass_their_own_tests() -> None:
    tests = [str(path) for path in sorted((FOLDER / "tests").glob("*.yaml"))]
    done = subprocess.run(
        ["promtool", "test", "rules", *tests], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_the_configuration_is_valid() -> None:
    config = str(FOLDER / "prometheus.yaml")
    done = subprocess.run(
        ["promtool", "check", "config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    shutil.which("amtool") is None, reason="Debian's package prometheus-alertmanager is missing"
)
def test_every_alert_reaches_slack_and_drift_reaches_the_service_too() -> None:
    config = str(FOLDER / "alertmanager.yaml")
    for rule in rules():
        labels = {"alertname": rule["alert"], **rule["labels"]}
        if rule["alert"] == "GroundworkDrift":
            labels["retrain"] = "ocr/cards"
        shown = [f"{name}={value}" for name, value in labels.items()]
        done = subprocess.run(
            ["amtool", "config", "routes", "test", f"--config.file={config}", *shown],
            capture_output=True,
            text=True,
            check=False,
        )
        wanted = "groundwork,slack" if "retrain" in labels else "slack"
        assert (done.returncode, done.stdout.strip()) == (0, wanted), done.stderr


def test_every_alert_is_tested_to_fire_and_not_to_fire() -> None:
    cases = [yaml.safe_load(path.read_text()) for path in (FOLDER / "tests").glob("*.yaml")]
    seen: dict[str, set[bool]] = {}
    for case in cases:
        for test in case["tests"]:
            for one in test["alert_rule_test"]:
                seen.setdefault(one["alertname"], set()).add(bool(one["exp_alerts"]))
    assert seen == {name: {True, False} for name in alert_names()}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
        assert rule["labels"]["severity"] in {"page", "ticket"}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == alert_names()
