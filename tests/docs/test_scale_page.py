"""The figures of docs/scale.md are those that the command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundwork.cli import cli
from groundwork.cli.run import run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


def test_the_plan_on_the_page_is_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["pipeline", "plan"]) == 0
    printed = capsys.readouterr().out.strip()
    assert "100,000,000" in printed
    assert f"```text\n{printed}\n```" in PAGE.read_text(), "print it anew: groundwork pipeline plan"
