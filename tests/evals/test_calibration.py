"""A judge against labels: kappa by hand and on made-up judges, thresholds that get no credit for luck, the two commands."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from groundwork.cli import cli
from groundwork.core.errors import Conflict, InvalidInput
from groundwork.evals.calibration import calibrate, kappa, threshold
from groundwork.evals.labels import ASKED, Label, read_labels, template
from groundwork.evals.rows import Found, Row
from groundwork.evals.store import Run, RunFolder

FAITHFUL, NOISE = "judged_faithfulness", "judged_noise_sensitivity"


def flags(text: str) -> np.ndarray:
    return np.array([ch == "y" for ch in text])


def row(n: int, score: float | None, metric: str = FAITHFUL) -> Row:
    return Row(
        f"q{n}", "lookup", f"page{n % 25}.md", f"Question {n}?", "answered", answer=f"Answer {n}.",
        retrieved=(Found("a.md#a", 1.0, "A passage."),), scores={metric: score},
    )  # fmt: skip


def label(n: int, yes: bool, metric: str = FAITHFUL) -> Label:
    return Label(f"q{n}", f"Answer {n}.", {metric: yes})


def judged(count: int, right: float, seed: int = 3) -> tuple[list[Row], list[Label]]:
    """A judge that scores above 0.5 what people like, in a share `right` of cases."""
    rng = Random(seed)
    rows, labels = [], []
    for n in range(count):
        yes = rng.random() < 0.6
        says = yes if rng.random() < right else not yes
        rows.append(row(n, 0.5 + 0.5 * rng.random() if says else 0.5 * rng.random()))
        labels.append(label(n, yes))
    return rows, labels


def test_kappa_is_agreement_beyond_chance() -> None:
    # 35 of 50 agree where chance gives half: (0.7 - 0.5) / 0.5.
    ours, theirs = flags("y" * 25 + "n" * 25), flags("y" * 20 + "n" * 5 + "y" * 10 + "n" * 15)
    assert kappa(ours, theirs) == pytest.approx(0.4)
    assert kappa(ours, ours) == 1.0
    assert kappa(ours, ~ours) == -1.0
    assert kappa(flags("yyyy"), flags("yyyy")) == 0.0
    assert kappa(flags(""), flags("")) == 0.0


def test_a_threshold_is_where_the_labels_part() -> None:
    scores = np.array([0.1, 0.2, 0.7, 0.9])
    assert threshold(scores, flags("nnyy")) == pytest.approx(0.45)
    assert threshold(scores, flags("nnny")) == pytest.approx(0.8)


def test_a_judge_that_agrees_is_calibrated_and_one_by_chance_is_not() -> None:
    rows, labels = judged(200, 0.95)
    good = calibrate(rows, labels).metrics[0]
    assert good.metric == FAITHFUL
    assert good.calibrated, good.why_not
    assert good.kappa is not None
    assert good.kappa.low < good.kappa.mean < good.kappa.high
    assert good.threshold == pytest.approx(0.5, abs=0.05)
    counts = good.confusion
    assert counts.both_yes + counts.judge_only + counts.people_only + counts.both_no == 200
    chance = calibrate(*judged(200, 0.5)).metrics[0]
    assert not chance.calibrated
    assert chance.kappa is not None
    # Fitted to the same labels, a threshold finds agreement in noise; on others it does not.
    assert abs(chance.kappa.mean) < 0.2
    assert calibrate(rows, labels) == calibrate(rows, labels)


def test_few_labels_calibrate_nothing() -> None:
    rows, labels = judged(40, 1.0)
    assert calibrate(rows, labels).metrics[0].why_not == "40 labels are fewer than 50"
    rows, labels = judged(200, 1.0)
    same = [Label(one.id, one.answer, {FAITHFUL: True}) for one in labels]
    one_kind = calibrate(rows, same).metrics[0]
    assert (one_kind.kappa, one_kind.threshold) == (None, None)
    assert "rarer kind" in one_kind.why_not
    assert calibrate(rows, []).metrics[0].why_not == "0 labels are fewer than 50"


def test_less_noise_is_better() -> None:
    rows, labels = judged(100, 1.0)
    turned = [row(n, 1.0 - (one.scores[FAITHFUL] or 0.0), NOISE) for n, one in enumerate(rows)]
    ours = [label(n, one.says[FAITHFUL], NOISE) for n, one in enumerate(labels)]
    found = calibrate(turned, ours).metrics[-1]
    assert (found.metric, found.calibrated) == (NOISE, True)
    assert found.threshold == pytest.approx(0.5, abs=0.05)


def test_labels_of_other_answers_do_not_count() -> None:
    rows, labels = judged(100, 1.0)
    labels[0] = Label(labels[0].id, "Other words.", labels[0].says)
    labels[1] = Label("elsewhere", labels[1].answer, labels[1].says)
    found = calibrate(rows, labels)
    assert found.unknown == 2
    assert found.metrics[0].kappa is not None
    assert found.metrics[0].kappa.n == 98


def test_a_template_asks_about_the_worst_and_some_others() -> None:
    rows = [row(n, n / 100) for n in range(100)]
    lines = template([*rows, row(100, None)], [], 20, 1)
    chosen = {int(line["id"][1:]) for line in lines}
    assert set(range(10)) < chosen
    assert len(chosen) == 20
    assert 100 not in chosen
    assert all(line["labels"] == dict.fromkeys(ASKED) for line in lines)
    # Nobody is led by what the judge said.
    assert "scores" not in lines[0]
    assert len(template(rows[:3], [], 20, 1)) == 3


@pytest.mark.parametrize(
    "line",
    [b"no json", b"[]", b'{"id": "a", "answer": "b", "labels": {"judged_taste": true}}',
     b'{"id": "a", "answer": "b", "labels": {"judged_faithfulness": "yes"}}', b'{"id": "a"}'],
)  # fmt: skip
def test_a_wrong_label_is_named(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "labels.jsonl").write_bytes(b"\n" + line + b"\n")
    with pytest.raises(InvalidInput, match=r"labels\.jsonl:2"):
        read_labels(tmp_path / "labels.jsonl")


def test_from_a_run_to_a_calibrated_judge(tmp_path: Path) -> None:
    rows, labels = judged(80, 1.0)
    folder = RunFolder(tmp_path / "home" / "evals" / "r1")
    folder.begin(Run("r1", "golden", "d", 80, "docs", "v", "rel", 11, "2026-11-25T00:00:00Z"))
    for one in rows:
        folder.append(one)
    folder.finish("2026-11-25T00:01:00Z")
    runner = CliRunner(env={"GROUNDWORK_HOME": str(tmp_path / "home")})
    file = tmp_path / "labels.jsonl"
    written = runner.invoke(cli, ["eval", "label", "-n", "80", "--to", str(file)])
    assert written.exit_code == 0, written.output
    again = runner.invoke(cli, ["eval", "label", "--to", str(file)])
    assert isinstance(again.exception, Conflict)
    says = {one.id: one.says[FAITHFUL] for one in labels}
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    for line in lines:
        line["labels"][FAITHFUL] = says[line["id"]]
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    arguments = ["eval", "calibrate", "--labels", str(file), "--run", "r1"]
    told = orjson.loads(runner.invoke(cli, [*arguments, "--json"]).stdout)
    assert [one["metric"] for one in told["metrics"] if one["calibrated"]] == [FAITHFUL]
    shown = runner.invoke(cli, arguments).output
    assert "no: 0 labels are fewer than 50" in shown
    assert "CALIBRATED" in shown
