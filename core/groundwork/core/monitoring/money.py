"""What was spent, saved and left, as Prometheus metrics.

Floating point, for dashboards and alerts; the ledger is exact. Labels are bounded: the first `MAX_TEAMS` teams and
`MAX_BUDGETS` budgets have a name, later ones are "other" or left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from groundwork.core.metering.postings import Posting
from groundwork.core.metering.standing import Standing
from groundwork.core.monitoring.bounded import Bounded

MAX_TEAMS = 50
MAX_BUDGETS = 100
NO_TEAM = "none"

_PICO = 1e-12
_BUDGET = ("scope", "subject", "period", "currency")


class MoneyMetrics:
    """Counts what is posted, and shows where the budgets stand."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._team = Bounded(MAX_TEAMS)
        self._spend = Counter(
            "groundwork_spend",
            "Charged, in units of the currency; corrections that take away are not in it.",
            ("team", "kind", "currency"),
            registry=registry,
        )
        self._saved = Counter(
            "groundwork_cache_saved",
            "What caches saved, in units of the currency.",
            ("team", "currency"),
            registry=registry,
        )
        self._limit = self._gauge("limit", "The limit of a budget.", registry)
        self._spent = self._gauge("spent", "Spent of a budget in its current period.", registry)
        self._remaining = self._gauge("remaining", "What may still be reserved of it.", registry)

    def posted(self, posting: Posting) -> None:
        """Count a request's charges."""
        request = posting.request
        team = self._team(request.team or NO_TEAM)
        for line in posting.lines:
            # A counter never falls.
            if line.picodollars > 0:
                labels = (team, line.kind, request.currency)
                self._spend.labels(*labels).inc(line.picodollars * _PICO)
        if request.cache_saved_picodollars > 0:
            saved = self._saved.labels(team, request.currency)
            saved.inc(request.cache_saved_picodollars * _PICO)

    def budgets(self, standings: Iterable[Standing]) -> None:
        """Replace what is known about budgets."""
        gauges = (self._limit, self._spent, self._remaining)
        for gauge in gauges:
            gauge.clear()
        for standing in sorted(standings, key=lambda each: each.budget_id)[:MAX_BUDGETS]:
            labels = [getattr(standing, name) for name in _BUDGET]
            amounts = (standing.limit, standing.spent, standing.remaining)
            for gauge, amount in zip(gauges, amounts, strict=True):
                gauge.labels(*labels).set(amount * _PICO)

    @staticmethod
    def _gauge(name: str, help_text: str, registry: CollectorRegistry) -> Gauge:
        return Gauge(f"groundwork_budget_{name}", help_text, _BUDGET, registry=registry)
