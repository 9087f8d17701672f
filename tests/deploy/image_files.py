"""The images as data: what their Dockerfile says of each role."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "images" / "Dockerfile"
ROLES = ("service", "jobs", "mlflow")


@dataclass
class Stage:
    """One `FROM … AS name`, with what it inherits from a stage of the same file."""

    name: str
    base: str
    env: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    user: str = ""
    health: str = ""
    lines: list[str] = field(default_factory=list)


def stages() -> dict[str, Stage]:
    """By name."""
    text = re.sub(r"\\\n\s*", " ", DOCKERFILE.read_text())
    found: dict[str, Stage] = {}
    current: Stage | None = None
    for line in text.splitlines():
        if begins := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            base, name = begins.groups()
            current = Stage(name, base)
            if base in found:
                parent = found[base]
                current.env, current.user = dict(parent.env), parent.user
            found[name] = current
        elif current is not None and line and not line.startswith("#"):
            current.lines.append(line)
            _read(current, line)
    return found


def _read(stage: Stage, line: str) -> None:
    word, _, rest = line.partition(" ")
    if word == "ENV":
        stage.env.update(part.split("=", 1) for part in re.findall(r"\S+=\S*", rest))
    elif word == "CMD":
        stage.command = json.loads(rest)
    elif word == "USER":
        stage.user = rest
    elif word == "HEALTHCHECK":
        stage.health = rest
