"""Which code a release was made by."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path


@cache
def code_revision() -> str:
    """The package's version; in a checkout also the commit, as `0.1.0+6f1c2ab90d3e`. Changes that are not committed do not show."""
    commit = _commit()
    return version("groundwork") + (f"+{commit[:12]}" if commit else "")


def _commit() -> str:
    # Read from git's files: a process would cost more than all else here, and git may not be installed.
    root = next((at for at in Path(__file__).resolve().parents if (at / ".git").is_dir()), None)
    if root is None:
        return ""
    try:
        head = (root / ".git" / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        loose = root / ".git" / name
        if loose.is_file():
            return loose.read_text(encoding="utf-8").strip()
        packed = (root / ".git" / "packed-refs").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((row.split(" ")[0] for row in packed if row.endswith(f" {name}")), "")
