"""One model under watch: what it observes, and what the newest observations say.

The first observations are the reference. After that every look takes those that no look has seen, so that looks are
independent of one another, and asks whether they could be more of the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from groundwork.core.monitoring.drift.detect import compare
from groundwork.core.monitoring.drift.recorder import Recorder
from groundwork.core.monitoring.drift.report import DriftReport, shift_of
from groundwork.core.monitoring.drift.store import DriftStore, Standing, now_ms
from groundwork.core.monitoring.drift.table import Feature, Table, Values, checked, table_of
from groundwork.core.settings.monitoring import DriftSettings


class Monitor:
    """`name` is a line of releases such as `ocr/cards`. Safe to use from several threads."""

    def __init__(
        self, name: str, features: Sequence[Feature], recorder: Recorder, settings: DriftSettings
    ) -> None:
        self.name = name
        self.features = tuple(features)
        self._by_name = {feature.name: feature for feature in features}
        self._recorder = recorder
        self._settings = settings

    @property
    def _store(self) -> DriftStore:
        return self._recorder.store

    def record(self, values: Values) -> None:
        """Observe: a value by feature; what is left out or None does not apply. Costs microseconds, never waits.

        Raises ConfigurationError for a feature that this monitor does not have.
        """
        self._recorder.record(self.name, checked(values, self._by_name))

    def learn_from(self, rows: Sequence[Values], reason: str) -> None:
        """Take these rows as the reference, such as those that a model was trained on. Raises Unavailable."""
        at = now_ms()
        self._recorder.flush()
        self._store.begin(self.name, reason, complete=True)
        kept = [(at, checked(row, self._by_name)) for row in rows]
        self._store.add(self.name, kept[: self._settings.reference], reference=True)

    def begin(self, reason: str) -> None:
        """What is observed from now on is the new reference: after a promotion, or where a shift is here to stay."""
        self._recorder.flush()
        self._store.begin(self.name, reason)

    def look(self) -> DriftReport:
        """Look where there is enough to look at, else say what the last look found or what is missing. Raises Unavailable."""
        self._recorder.flush()
        settings = self._settings
        standing = self._store.learn(self.name, settings.reference)
        if not standing.complete:
            return self._counting("learning", standing, standing.reference, settings.reference)
        if standing.fresh < settings.window:
            return self._last(standing)
        return self._look(standing) or self._last(standing)

    def last(self) -> DriftReport:
        """What the last look found, without looking. Raises Unavailable."""
        standing = self._store.standing(self.name)
        if not standing.complete:
            observed = standing.reference + standing.fresh
            return self._counting("learning", standing, observed, self._settings.reference)
        return self._last(standing)

    def samples(self) -> tuple[Table, Table]:
        """The reference, and the newest observations beyond it, for reports. Raises Unavailable."""
        reference = [values for _, values in self._store.reference(self.name)]
        newest = self._store.newest(self.name, self._settings.most)
        return (
            table_of(reference, self.features),
            table_of([values for _, values in newest], self.features),
        )

    def _look(self, standing: Standing) -> DriftReport | None:
        """None where another replica was faster."""
        settings = self._settings
        rows = self._store.window(self.name, standing.looked_to, settings.most)
        reference = table_of([v for _, v in self._store.reference(self.name)], self.features)
        window = table_of([values for _, values in rows], self.features)
        last = rows[-1][0]
        found = compare(reference, window, self.features, alpha=settings.false_alarms, seed=last)
        shifts = tuple(
            shift_of(each, reference, window, found.p_values[each.name], found.alpha)
            for each in self.features
        )
        before = self._store.looks(self.name, 1)
        report = DriftReport(
            monitor=self.name,
            state="drifting" if found.drifted else "steady",
            at=_now(),
            reference=reference.rows,
            window=window.rows,
            observed=0,
            wanted=settings.window,
            alpha=found.alpha,
            shifts=shifts,
            streak=(before[0]["streak"] if before else 0) + 1 if found.drifted else 0,
            fresh=True,
        )
        kept = self._store.looked(self.name, standing.looked_to, last, report.to_dict())
        self._store.forget(self.name, settings.keep)
        return report if kept else None

    def _last(self, standing: Standing) -> DriftReport:
        looks = self._store.looks(self.name, 1)
        if not looks:
            return self._counting("waiting", standing, standing.fresh, self._settings.window)
        return DriftReport.from_dict({**looks[0], "fresh": False, "observed": standing.fresh})

    def _counting(self, state: str, standing: Standing, observed: int, wanted: int) -> DriftReport:
        return DriftReport(
            monitor=self.name,
            state="learning" if state == "learning" else "waiting",
            at=_now(),
            reference=standing.reference,
            window=0,
            observed=observed,
            wanted=wanted,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
