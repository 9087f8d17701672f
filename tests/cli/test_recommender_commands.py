"""groundwork recommender and groundwork predict, through the command line's own runner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundwork.classic.recommender.kept import Kept, Recommendations
from groundwork.classic.recommender.read import read
from groundwork.cli import cli
from groundwork.cli.run import run
from groundwork.core.settings import load


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    assert (
        run(cli, ["recommender", "generate", str(folder), "--users", "40", "--films", "120"]) == 0
    )
    return folder


def test_a_made_up_set_passes_the_checks(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(cli, ["recommender", "check", str(made), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["passed"]
    assert said["ratings"] == len(read(made).ratings)


def test_a_broken_set_is_refused_with_the_reason(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made / "ratings.csv"
    path.write_text(path.read_text() + "1,1,9.5,1500000000\n")
    assert run(cli, ["recommender", "check", str(made)]) == 2
    said = capsys.readouterr()
    assert "1 ratings are not within 0.5 and 5" in said.err
    assert "range" in said.out


def test_feedback_goes_back_into_the_ratings(made: Path) -> None:
    ratings = read(made).ratings
    seen = set(ratings.film[ratings.user == 1].tolist())
    unseen = next(film for film in range(1, 121) if film not in seen)
    kept = Recommendations(load().ledger_url)
    kept.save(Kept("rec-1", 1, "rel-1", (unseen, 7)))
    kept.save(Kept("rec-2", None, "rel-1", (unseen,)))
    kept.react("rec-1", unseen, None)
    kept.react("rec-2", unseen, 5.0)
    kept.close()
    assert run(cli, ["recommender", "feedback", str(made)]) == 0
    again = read(made).ratings
    assert len(again) == len(ratings) + 1
    own = again.take((again.user == 1) & (again.film == unseen))
    assert own.rating.tolist() == [4.0]


def test_predicting_without_a_release_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lists.parquet"
    assert run(cli, ["predict", "recommender", "--out", str(out)]) == 1
    assert "recommender/films" in capsys.readouterr().err
    assert not out.exists()
