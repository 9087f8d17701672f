"""The rules of deploy/prometheus with their time run faster, so that a test can wait for what takes days.

What an alert asks is left as it is; only durations change: every range, offset and `for` is shortened, ranges to eight seconds
at least so that they span several scrapes, and the thresholds that are themselves durations are replaced as `THRESHOLDS` says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"

_RANGE = re.compile(r"\[(\d+)([smhd])\]")
_OFFSET = re.compile(r"offset (\d+)([smhd])")
# Of a range in seconds, by its unit; the order of short and long windows stays.
_FAST = {"m": "8s", "h": "60s", "d": "120s"}
# (expression of a threshold, the same as the test has it): 8 days, an hour, a minute, and 2.5 seconds to the first word.
THRESHOLDS = (
    ("> 8 * 86400", "> 2"),
    ("groundwork_monitoring_age_seconds > 3600", "groundwork_monitoring_age_seconds > 2"),
    ("groundwork_ledger_behind_seconds > 60", "groundwork_ledger_behind_seconds > 1"),
    ('le="2.5"', 'le="0.05"'),
)


def fast_rules() -> dict[str, Any]:
    """All groups, as one file of rules."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yaml"))]
    groups = [group for file in files for group in file["groups"]]
    return {"groups": [{**g, "rules": [_fast(rule) for rule in g["rules"]]} for g in groups]}


def alert_names() -> set[str]:
    """Of every alert that there is."""
    return {rule["alert"] for g in fast_rules()["groups"] for rule in g["rules"] if "alert" in rule}


def _fast(rule: dict[str, Any]) -> dict[str, Any]:
    expression = str(rule["expr"])
    for slow, fast in THRESHOLDS:
        expression = expression.replace(slow, fast)
    expression = _RANGE.sub(lambda found: f"[{_FAST[found[2]]}]", expression)
    expression = _OFFSET.sub("offset 4s", expression)
    found = {**rule, "expr": expression}
    if "for" in rule:
        found["for"] = "1s"
    return found
