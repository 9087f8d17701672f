"""A report of drift for people, by Evidently: distributions before and after, feature by feature.

It is for looking; whether there is drift the look has decided, with thresholds that fit the window (docs/decisions/drift.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwork.core.errors import ConfigurationError, InvalidInput
from groundwork.core.monitoring.drift.monitor import Monitor
from groundwork.core.monitoring.drift.table import Feature, Table

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_report(monitor: Monitor, file: Path) -> None:
    """Reference against the newest observations. Raises InvalidInput where one is empty, ConfigurationError without Evidently."""
    reference, newest = monitor.samples()
    if not reference.rows or not newest.rows:
        raise InvalidInput(f"{monitor.name} has too few observations for a report", field="monitor")
    try:
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset
    except ImportError as error:
        raise ConfigurationError(
            "reports need Evidently; install the extra: pip install 'groundwork[monitoring]'"
        ) from error
    features = [each for each in monitor.features if _comparable(each, reference, newest)]
    definition = DataDefinition(
        numerical_columns=[each.name for each in features if each.kind != "category"],
        categorical_columns=[each.name for each in features if each.kind == "category"],
    )
    held = [
        Dataset.from_pandas(_frame(table, features, reference), data_definition=definition)
        for table in (newest, reference)
    ]
    report = Report([DataDriftPreset()])
    report.run(current_data=held[0], reference_data=held[1]).save_html(str(file))


def _comparable(feature: Feature, reference: Table, newest: Table) -> bool:
    """Whether both samples say something of it."""
    old, new = reference.columns[feature.name], newest.columns[feature.name]
    if feature.kind == "embedding":
        return bool(old.shape[1] == new.shape[1] and old.any() and new.any())
    if feature.kind == "number":
        return not _unknown(old).all() and not _unknown(new).all()
    return bool(any(old) and any(new))


def _unknown(column: Any) -> Any:
    import numpy as np

    return np.isnan(column)


def _frame(table: Table, features: Sequence[Feature], reference: Table) -> Any:
    import numpy as np
    import pandas as pd  # type: ignore[import-untyped]  # Evidently's way in; its stubs are not worth a dependency

    columns: dict[str, Any] = {}
    for feature in features:
        values = table.columns[feature.name]
        if feature.kind == "embedding":
            # Evidently would take a minute over hundreds of columns: the distance to the usual middle says as much to people.
            middle = reference.columns[feature.name].mean(axis=0)
            values = np.linalg.norm(values - middle, axis=1)
        columns[feature.name] = values
    return pd.DataFrame(columns)
