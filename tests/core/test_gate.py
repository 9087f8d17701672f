"""The gate: what it refuses, what it lets pass, and that it can be trusted with both."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.errors import ConfigurationError
from groundwork.core.registry.gate import GateSettings, Measured, Rule, judge
from groundwork.core.registry.stats import interval, resampled

RULES = GateSettings((Rule("passed", floor=0.5, alpha=0.05, margin=0.01),), draws=2000)


def measured(values: list[float], name: str = "r", metric: str = "passed") -> Measured:
    ids = [f"q{n}" for n in range(len(values))]
    return Measured(
        name,
        {one: {metric: value} for one, value in zip(ids, values, strict=True)},
        {one: f"page{n % 20}" for n, one in enumerate(ids)},
    )


CHAMPION = measured([1.0] * 150 + [0.0] * 50, "champion")


def test_the_same_scores_pass() -> None:
    verdict = judge(measured([1.0] * 150 + [0.0] * 50, "candidate"), CHAMPION, RULES)
    assert verdict.passed
    assert verdict.deltas == ()


def test_a_drop_is_refused_with_its_reason_and_its_examples() -> None:
    worse = measured([0.0] * 20 + [1.0] * 130 + [0.0] * 50, "candidate")
    verdict = judge(worse, CHAMPION, RULES)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("passed is 10.0 points below the champion")
    assert len(verdict.deltas) == 20
    assert {(before, after) for _, _, before, after in verdict.deltas} == {(1.0, 0.0)}
    assert verdict.to_dict()["metrics"][0]["difference"] == pytest.approx(-0.1)


def test_a_gain_passes() -> None:
    assert judge(measured([1.0] * 180 + [0.0] * 20), CHAMPION, RULES).passed


def test_a_drop_within_the_margin_passes() -> None:
    rules = GateSettings((Rule("passed", alpha=0.05, margin=0.2),), draws=2000)
    assert judge(measured([0.0] * 20 + [1.0] * 130 + [0.0] * 50), CHAMPION, rules).passed


def test_one_page_that_broke_is_not_twenty_independent_questions() -> None:
    """Ten failures on one page of twenty are weaker evidence than ten on ten pages."""
    ids = [f"q{n}" for n in range(200)]
    ones = {name: {"passed": 1.0} for name in ids}
    together = {name: {"passed": float(n >= 8)} for n, name in enumerate(ids)}
    one_page = {name: f"page{n // 10}" for n, name in enumerate(ids)}
    spread = {name: f"page{n % 20}" for n, name in enumerate(ids)}
    for sources, passes in ((one_page, True), (spread, False)):
        verdict = judge(Measured("b", together, sources), Measured("a", ones, sources), RULES)
        assert verdict.passed is passes


def test_without_a_champion_floors_alone_count() -> None:
    assert judge(measured([1.0] * 6 + [0.0] * 4), None, RULES).passed
    verdict = judge(measured([1.0] * 4 + [0.0] * 6), None, RULES)
    assert verdict.reasons == ("passed is 0.400, below the floor of 0.5",)


def test_a_floor_holds_against_a_champion_that_is_no_better() -> None:
    low = measured([1.0] * 80 + [0.0] * 120)
    assert not judge(low, low, RULES).passed


def test_what_cannot_be_compared_is_refused() -> None:
    short = measured([1.0] * 199)
    assert "1 examples were measured of only one" in judge(short, CHAMPION, RULES).reasons[0]
    invalid = Measured(
        "b", CHAMPION.examples, CHAMPION.sources, invalid="3 % of judge calls failed"
    )
    assert "3 % of judge calls failed" in judge(invalid, CHAMPION, RULES).reasons[0]
    assert not judge(Measured("b", {}, {}), None, RULES).passed
    assert judge(measured([1.0], metric="other"), None, RULES).reasons == (
        "passed was not measured",
    )


def test_a_judge_may_not_block_and_alphas_are_bounded() -> None:
    with pytest.raises(ConfigurationError, match="opinion"):
        GateSettings((Rule("judged_faithfulness", floor=0.5),))
    with pytest.raises(ConfigurationError, match="add up to"):
        GateSettings((Rule("a", alpha=0.03), Rule("b", alpha=0.03)))


def test_the_bundled_gate_is_read_and_a_wrong_one_named(tmp_path: Path) -> None:
    rules = {rule.metric: rule for rule in GateSettings.read().rules}
    assert rules["citations_hold"].floor == 1.0
    assert rules["passed"].alpha is not None
    wrong = tmp_path / "gate.yaml"
    wrong.write_text("draws: 10\nseed: 1\nreleases: {assistant: {passed: {flor: 1}}}\n")
    with pytest.raises(ConfigurationError, match=r"gate\.yaml"):
        GateSettings.read(wrong)
    with pytest.raises(ConfigurationError, match="no gate for nothing"):
        GateSettings.read(kind="nothing")


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=40), st.integers(0, 99))
def test_intervals_hold_the_mean_and_repeat(values: list[float], seed: int) -> None:
    clusters = [f"c{n % 7}" for n in range(len(values))]
    found = interval(values, clusters, seed=seed, draws=500)
    assert found == interval(values, clusters, seed=seed, draws=500)
    assert found.mean == pytest.approx(sum(values) / len(values))
    if len(set(values)) == 1:
        assert found.low == pytest.approx(found.high)


def test_the_spread_is_that_of_a_mean_of_clusters() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=400)
    means, _ = resampled(list(values), [f"c{n}" for n in range(400)], seed=1, draws=8000)
    assert means.std() == pytest.approx(values.std(ddof=1) / 20, rel=0.05)
