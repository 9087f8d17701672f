"""The threat model names code and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH = re.compile(r"`((?:[a-z]+|\.github)/[\w./-]+)`")


def test_every_defence_has_code_and_a_test_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    section = text.partition("## Boundaries")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    for row in rows:
        *_, code, test, _ = row.split("|")
        for cell in (code, test):
            named = PATH.findall(cell)
            assert named, row
            for path in named:
                assert (ROOT / path).exists(), path
        assert all(path.startswith("tests/") for path in PATH.findall(test)), row
