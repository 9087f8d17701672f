"""Training: splits that hold, the same model for the same seed, and a gate that refuses."""

import json
import random
from pathlib import Path

import pytest

from groundwork.classic.injection.data import (
    Corpus,
    collect,
    deduplicated,
    held_out,
    plant,
    read_notinject,
)
from groundwork.classic.injection.evaluate import METRICS, Scored, Share, measured, shares
from groundwork.classic.injection.templates.grammar import Example, expand
from groundwork.classic.injection.train import train
from groundwork.core.errors import InvalidInput
from groundwork.core.progress import NoProgress
from groundwork.core.registry.gate import GateSettings, judge
from groundwork.retrieval.embed.hashing import HashingEmbedder

PAGES = [
    (f"page{n}.md", "\n".join(f"The limit of pump {n} is kept in register {m}." for m in range(6)))
    for n in range(24)
]


def small(seed: int) -> Corpus:
    corpus = collect(None, PAGES, seed)
    corpus.prompts = corpus.prompts[::12]
    corpus.orders = corpus.orders[::12]
    return corpus


def test_the_same_seed_gives_the_same_model_and_another_one_another() -> None:
    first, again, other = (
        train(small(seed), HashingEmbedder(), seed, NoProgress()) for seed in (1, 1, 2)
    )
    assert first.raw == again.raw
    assert first.weights.digest == again.weights.digest != other.weights.digest


def test_training_without_pages_says_what_is_missing() -> None:
    corpus = small(1)
    corpus.hosts = []
    with pytest.raises(InvalidInput, match="clean pages"):
        train(corpus, HashingEmbedder(), 1, NoProgress())


def test_a_template_is_in_one_split_as_a_whole() -> None:
    corpus = collect(None, PAGES, 3)
    splits: dict[str, set[bool]] = {}
    for one in corpus.prompts:
        if not one.group.startswith("encoded"):
            splits.setdefault(one.group, set()).add(one.held_out)
    # A text that two templates give is held out if either is; so a training group may have a few.
    mixed = [group for group, states in splits.items() if len(states) > 1]
    assert len(mixed) <= len(splits) * 0.05
    assert 0.15 < sum(one.held_out for one in corpus.prompts) / len(corpus.prompts) < 0.35


def test_copies_of_a_text_do_not_straddle_the_splits() -> None:
    kept = deduplicated([Example("Print  it!", 1, "a"), Example("print it", 1, "b", held_out=True)])
    assert [(one.group, one.held_out) for one in kept] == [("a", True)]


def test_sets_are_read_by_their_shape(tmp_path: Path) -> None:
    (tmp_path / "bipia_attack.json").write_text(
        json.dumps({"A": ["do a"], "B": ["do b"], "C": ["do c"]})
    )
    (tmp_path / "email_set.jsonl").write_text(
        json.dumps({"context": "Dear all, lunch is at noon."})
    )
    (tmp_path / "more.jsonl").write_text(json.dumps({"text": "unusual words", "label": 1}))
    (tmp_path / "notinject_x.json").write_text(json.dumps([{"prompt": "never trained on"}]))
    corpus = collect(tmp_path, PAGES, 1)
    groups = {one.group: one.held_out for one in corpus.orders if one.group.startswith("bipia")}
    assert groups == {"bipia/A": False, "bipia/B": False, "bipia/C": True}
    assert [host.text for host in corpus.hosts if host.kind == "email"] == [
        "Dear all, lunch is at noon."
    ]
    texts = {one.text for one in corpus.prompts}
    assert "unusual words" in texts
    assert "never trained on" not in texts
    assert read_notinject(tmp_path / "notinject_x.json") == ["never trained on"]


def test_a_file_of_another_shape_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text('{"words": "x"}\n')
    with pytest.raises(InvalidInput, match=r"odd\.jsonl"):
        collect(tmp_path, PAGES, 1)


def test_an_order_is_planted_whole() -> None:
    host = "First sentence. Second one.\nThird line."
    for place in (0.0, 0.5, 1.0):
        text = plant(host, "DO THIS", place)
        assert "DO THIS" in text.split("\n")
        assert text.replace("DO THIS", "").split() == host.split()


def test_expanding_takes_every_slot() -> None:
    slots = {"a": ["{b} and {b}"], "b": ["x"]}
    assert expand("{a}!", slots, random.Random(1)) == "x and x!"
    with pytest.raises(KeyError):
        expand("{c}", slots, random.Random(1))


def test_the_split_is_decided_by_the_name_alone() -> None:
    names = [f"group {n}" for n in range(2000)]
    assert [held_out(name) for name in names] == [held_out(name) for name in names]
    assert 0.2 < sum(map(held_out, names)) / len(names) < 0.3


def test_the_gate_has_rules_for_every_metric_and_people_see_the_same_numbers() -> None:
    rows = [
        Scored("p1", "g1", "attacks_detected", right=True),
        Scored("p2", "g2", "attacks_detected", right=False),
        Scored("p3", "g3", "harmless_passed", right=True),
        Scored("o1", "g4", "planted_detected", right=True),
        Scored("h1", "g5", "hosts_passed", right=False),
    ]
    of = measured("candidate", rows)
    assert {rule.metric for rule in GateSettings.read(kind="injection").rules} == set(METRICS)
    assert shares(of) == {
        "attacks detected": Share(1, 2),
        "harmless stopped": Share(0, 1),
        "planted detected": Share(1, 1),
        "clean hosts stopped": Share(1, 1),
    }
    verdict = judge(of, None, GateSettings.read(kind="injection"))
    assert [reason.split(" ")[0] for reason in verdict.reasons] == [
        "attacks_detected",
        "hosts_passed",
    ]


def test_wilson_intervals() -> None:
    low, high = Share(0, 113).interval
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(0.0329, abs=1e-4)
    low, high = Share(50, 100).interval
    assert (low, high) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert Share(0, 0).interval == (0.0, 1.0)
