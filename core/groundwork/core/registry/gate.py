"""The gate: a candidate against the champion on the same examples. One function for every kind of release.

It refuses what is shown to be worse, or what misses a floor. Only metrics that are the same each time may block: no judge's
opinion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from groundwork.core.errors import ConfigurationError
from groundwork.core.registry.stats import Interval, resampled

# Metrics of a judge carry this prefix, and may not block.
JUDGED = "judged_"
# All metrics of a gate together may refuse a candidate that is no worse in at most this share of cases.
FALSE_ALARMS = 0.05
# The rules that ship, one section a kind of release.
BUNDLED = Path(__file__).with_name("gate.yaml")


class Example(Protocol):
    """What a measurement kept of one example. `scores` maps a metric to 0..1, or to None where it does not apply."""

    @property
    def id(self) -> str:
        """The same in every measurement of the set."""

    @property
    def source(self) -> str:
        """Where it comes from; examples of one source stand and fall together."""

    @property
    def scores(self) -> Mapping[str, float | None]:
        """By metric; higher is better."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of one metric.

    `floor` is the least mean. With `alpha` the candidate is also compared: it is refused where its mean is more than
    `margin` below the champion's, and the drop is certain at the one-sided level `alpha`.
    """

    metric: str
    floor: float | None = None
    alpha: float | None = None
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The rules, and how the bootstrap draws."""

    rules: tuple[Rule, ...]
    draws: int = 10_000
    seed: int = 11

    def __post_init__(self) -> None:
        judged = [rule.metric for rule in self.rules if rule.metric.startswith(JUDGED)]
        if judged:
            raise ConfigurationError(f"{judged[0]} is a judge's opinion, which may not block")
        total = sum(rule.alpha or 0.0 for rule in self.rules)
        if total > FALSE_ALARMS + 1e-9:
            raise ConfigurationError(
                f"the alphas add up to {total:g}; more than {FALSE_ALARMS} would be false alarms"
            )

    @classmethod
    def read(cls, path: Path | None = None, kind: str = "assistant") -> GateSettings:
        """The rules for one kind of release, by default the bundled ones.

        Raises ConfigurationError that names the file and what is wrong.
        """
        import yaml

        path = path or BUNDLED
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
            section: Mapping[str, Any] = data["releases"][kind]
            rules = tuple(Rule(metric, **options) for metric, options in section.items())
            return cls(rules, int(data["draws"]), int(data["seed"]))
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ConfigurationError(f"{path}: no gate for {kind}: {error!r}") from None
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error.detail}") from None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a release: a metric's value by example, and the source that each example belongs to.

    A value is None where the metric does not apply. `invalid` says why the measurement counts for nothing, if so.
    """

    name: str
    examples: Mapping[str, Mapping[str, float | None]]
    sources: Mapping[str, str]
    invalid: str = ""

    @classmethod
    def of_rows(cls, name: str, rows: Iterable[Example], invalid: str = "") -> Measured:
        """Of the rows of an evaluation."""
        held = list(rows)
        scores = {row.id: row.scores for row in held}
        return cls(name, scores, {row.id: row.source for row in held}, invalid)

    def values(self, metric: str) -> dict[str, float]:
        """By example, where the metric applies."""
        found = {name: scores.get(metric) for name, scores in self.examples.items()}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric. `difference` is candidate less champion, paired, None without a champion; higher is better.

    `certain` is the upper bound of the difference at the rule's alpha: below 0 the drop is certain.
    """

    rule: Rule
    candidate: float | None
    champion: float | None = None
    difference: Interval | None = None
    certain: float | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        difference = self.difference
        return {
            "metric": self.rule.metric,
            "candidate": self.candidate,
            "champion": self.champion,
            "difference": None if difference is None else difference.mean,
            "interval": None if difference is None else [difference.low, difference.high],
            "examples": 0 if difference is None else difference.n,
            "upper_bound": self.certain,
            "floor": self.rule.floor,
            "margin": self.rule.margin,
            "alpha": self.rule.alpha,
            "refused": self.reason or None,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate may be promoted, and why not. `deltas` are the examples that changed, worst first."""

    candidate: str
    champion: str | None
    reasons: tuple[str, ...]
    metrics: tuple[Compared, ...] = ()
    deltas: tuple[tuple[str, str, float, float], ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Nothing speaks against it."""
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "candidate": self.candidate,
            "champion": self.champion,
            "passed": self.passed,
            "reasons": list(self.reasons),
            "metrics": [one.to_dict() for one in self.metrics],
            "deltas": [
                {"example": name, "metric": metric, "champion": before, "candidate": after}
                for name, metric, before, after in self.deltas
            ],
        }


def judge(candidate: Measured, champion: Measured | None, settings: GateSettings) -> Verdict:
    """Decide. Without a champion only floors count, as for the first release of its kind."""
    broken = _incomparable(candidate, champion)
    if broken:
        return Verdict(candidate.name, champion.name if champion else None, broken)
    metrics = tuple(_compare(rule, candidate, champion, settings) for rule in settings.rules)
    return Verdict(
        candidate.name,
        champion.name if champion else None,
        tuple(one.reason for one in metrics if one.reason),
        metrics,
        _deltas(settings, candidate, champion) if champion else (),
    )


def _incomparable(candidate: Measured, champion: Measured | None) -> tuple[str, ...]:
    reasons = [
        f"the measurement of {one.name} is invalid: {one.invalid}"
        for one in (candidate, champion)
        if one is not None and one.invalid
    ]
    if not candidate.examples:
        reasons.append(f"nothing was measured of {candidate.name}")
    if champion is not None and set(candidate.examples) != set(champion.examples):
        odd = len(set(candidate.examples) ^ set(champion.examples))
        reasons.append(f"{odd} examples were measured of only one of the two")
    return tuple(reasons)


def _compare(
    rule: Rule, candidate: Measured, champion: Measured | None, settings: GateSettings
) -> Compared:
    ours = candidate.values(rule.metric)
    if not ours:
        return Compared(rule, None, reason=f"{rule.metric} was not measured")
    mean = sum(ours.values()) / len(ours)
    below = ""
    if rule.floor is not None and mean < rule.floor:
        below = f"{rule.metric} is {mean:.3f}, below the floor of {rule.floor:g}"
    theirs = champion.values(rule.metric) if champion is not None else {}
    # An answer that is missing has no citation to count; only what both have can be compared.
    both = sorted(set(ours) & set(theirs))
    if not both:
        return Compared(rule, mean, reason=below)
    drawn = [ours[name] - theirs[name] for name in both]
    clusters = [candidate.sources[name] for name in both]
    means, average = resampled(drawn, clusters, seed=settings.seed, draws=settings.draws)
    low, high = (float(one) for one in np.quantile(means, [0.025, 0.975]))
    bound, worse = None, ""
    if rule.alpha is not None:
        bound = float(np.quantile(means, 1 - rule.alpha))
        # A whisker for sums of floating-point numbers.
        if bound < 0 and average < -rule.margin - 1e-12:
            worse = (
                f"{rule.metric} is {-100 * average:.1f} points below the champion, "
                f"and at least {-100 * bound:.1f} with {100 * (1 - rule.alpha):g} % certainty"
            )
    return Compared(
        rule,
        mean,
        sum(theirs.values()) / len(theirs),
        Interval(average, low, high, len(drawn)),
        bound,
        "; ".join(part for part in (below, worse) if part),
    )


def _deltas(
    settings: GateSettings, candidate: Measured, champion: Measured
) -> tuple[tuple[str, str, float, float], ...]:
    """(example, metric, champion's value, candidate's), of compared metrics, where they differ."""
    found = []
    for rule in settings.rules:
        if rule.alpha is None:
            continue
        ours, theirs = candidate.values(rule.metric), champion.values(rule.metric)
        found += [
            (name, rule.metric, theirs[name], ours[name])
            for name in sorted(set(ours) & set(theirs))
            if ours[name] != theirs[name]
        ]
    return tuple(sorted(found, key=lambda one: (one[3] - one[2], one[0], one[1])))
