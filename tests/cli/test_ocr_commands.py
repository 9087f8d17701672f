"""groundwork ocr, through the command line's own runner: drawn, read, labelled, cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundwork.classic.ocr.data.folder import read_crops
from groundwork.classic.ocr.data.fonts import HELD_OUT
from groundwork.cli import cli
from groundwork.cli.run import run
from tests.classic.ocr.fonts import book_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def card(home: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    book_of(HELD_OUT)
    assert run(cli, ["ocr", "generate", "made", "--lines", "2", "--cards", "1", "--seed", "3"]) == 0
    assert "2 lines and 1 cards in made" in capsys.readouterr().out
    return home / "made" / "card-00000.jpg"


def test_a_picture_is_read_and_marked(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["ocr", "read", str(card), "--boxes", "marked"]) == 0
    said = capsys.readouterr().out
    assert "a card, turned by" in said
    assert "FIELD" in said
    assert (Path("marked") / "card-00000.png").stat().st_size > 10_000
    assert run(cli, ["ocr", "read", str(card), "--page", "--json"]) == 0
    [reading] = json.loads(capsys.readouterr().out)
    assert reading["card"] is None
    assert reading["picture"] == str(card)


def test_readings_go_to_the_labelling_tool_and_come_back_as_crops(
    card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, ["ocr", "annotate", str(card), "--out", "tasks.json"]) == 0
    [task] = json.loads(Path("tasks.json").read_text(encoding="utf-8"))
    # What a person does there: confirm the prediction.
    task["annotations"] = [{"result": task["predictions"][0]["result"]}]
    # And what the tool does to names of uploaded files.
    task["data"]["ocr"] = "/data/upload/1/0a1b2c3d-card-00000.jpg"
    Path("export.json").write_text(json.dumps([task]), encoding="utf-8")
    assert run(cli, ["ocr", "crops", "export.json", "--pictures", "made", "--out", "crops"]) == 0
    crops = read_crops(Path("crops"))
    assert f"{len(crops)} crops in crops" in capsys.readouterr().out
    assert len(crops) >= 5
    assert {one.group for one in crops} == {"card-00000"}
    assert all(24 <= one.pixels().shape[0] <= 64 for one in crops)


def test_what_is_no_picture_or_export(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "x.png").write_bytes(b"nothing")
    assert run(cli, ["ocr", "read", "x.png"]) == 2
    assert "x.png is no picture" in capsys.readouterr().err
    assert run(cli, ["ocr", "crops", "x.png", "--pictures", ".", "--out", "o"]) == 2
    assert "is no JSON" in capsys.readouterr().err
