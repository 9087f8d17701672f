"""What a service follows, as Prometheus metrics: which release answers, which is tried, what cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from groundwork.core.registry.followers import Followers

# As many lines have figures; a service has one for each index that it answers from.
MAX_LINES = 50


class FollowMetrics(Collector):
    """Read from the followers when they are asked for: `metrics.registry.register(FollowMetrics(followers))`."""

    def __init__(self, followers: Followers) -> None:
        self._followers = followers

    def describe(self) -> Iterator[Metric]:
        """The names, without values; so that registering asks nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The figures of now."""
        info = GaugeMetricFamily(
            "groundwork_release_info",
            "1 for each line, the release that is loaded and its role.",
            labels=("line", "role", "release"),
        )
        share = GaugeMetricFamily(
            "groundwork_trial_share", "The share that a challenger gets.", labels=("line", "mode")
        )
        behind = GaugeMetricFamily(
            "groundwork_release_behind",
            "1 where another release answers than the registry's champion.",
            labels=("line",),
        )
        failures = CounterMetricFamily(
            "groundwork_release_load_failures",
            "Releases that could not be loaded.",
            labels=("line",),
        )
        leases = CounterMetricFamily(
            "groundwork_release_requests", "Requests by role.", labels=("line", "role")
        )
        for status in sorted(self._followers.status(), key=lambda each: str(each.line))[:MAX_LINES]:
            line = str(status.line)
            for role, release in (("champion", status.champion), ("challenger", status.challenger)):
                if release:
                    info.add_metric((line, role, release), 1)
            if status.trial is not None:
                share.add_metric((line, status.trial.plan.mode), status.trial.plan.share)
            behind.add_metric(
                (line,), float(bool(status.wanted) and status.wanted != status.champion)
            )
            failures.add_metric((line,), status.failures)
            for role, count in status.leases.items():
                leases.add_metric((line, role), count)
        yield from (info, share, behind, failures, leases)
        yield GaugeMetricFamily(
            "groundwork_registry_up",
            "1 where the registry answered last time.",
            value=float(not self._followers.error),
        )
        age = self._followers.age_seconds
        if age is not None:
            yield GaugeMetricFamily(
                "groundwork_registry_age_seconds", "Since the registry last answered.", value=age
            )
