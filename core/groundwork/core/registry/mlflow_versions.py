"""Releases as versions of MLflow's registered models: found by whatever names them, read without opening a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core.errors import NotFound
from groundwork.core.registry.base import KINDS, Line, Lineage, Registered
from groundwork.core.registry.mlflow_client import experiment, figures_of
from groundwork.core.registry.references import LATEST

if TYPE_CHECKING:
    from groundwork.core.registry.open import Place

PREFIX = "groundwork."
# Tags of a version.
RELEASE = "groundwork.release"
ID = "groundwork.id"
FILES = "groundwork.files"

_PAGE = 100
_WHOLE_ID = re.compile(r"rel-[0-9a-f]{12}")


class Versions:
    """Reads them. What MLflow raises is the caller's to translate."""

    def __init__(self, client: Any, place: Place) -> None:
        self._client = client
        self._place = place
        self._experiments: dict[str, str] = {}

    def of(self, line: Line, where: str = "", *, newest: bool = False) -> list[Any]:
        """Newest first; only the newest, or those that a filter of MLflow's lets through."""
        found: list[Any] = []
        token = None
        query = f"name = '{model_name(line)}'" + (f" AND {where}" if where else "")
        while True:
            page = self._client.search_model_versions(
                query,
                max_results=1 if newest else _PAGE,
                order_by=["version_number DESC"],
                page_token=token,
            )
            found += [version for version in page if ID in version.tags]
            token = page.token
            if not token or newest:
                return found

    def one(self, line: Line, release: str) -> Any:
        """By its id. Raises NotFound."""
        found = self.of(line, f"tags.`{ID}` = '{release}'") if _WHOLE_ID.fullmatch(release) else []
        if not found:
            raise NotFound(f"no release {release} in {line}", field="release")
        return found[0]

    def named(self, reference: str, line: Line | None) -> list[Any]:
        """Those that a number or `latest` of the line, or a whole id, names. None for anything else."""
        if line is not None and reference == LATEST:
            return self.of(line, newest=True)
        if line is not None and reference.isdecimal():
            return self.of(line, f"version_number = {int(reference)}")
        if _WHOLE_ID.fullmatch(reference) is None:
            return []
        if line is not None:
            return self.of(line, f"tags.`{ID}` = '{reference}'")
        found = self._client.search_model_versions(f"tags.`{ID}` = '{reference}'", max_results=2)
        return [version for version in found if line_of(version.name)]

    def read(self, versions: Sequence[Any], aliases: Mapping[str, str]) -> list[Registered]:
        """As releases of one line; `aliases` maps them to ids."""
        if not versions:
            return []
        line = line_of(versions[0].name)
        if line is None:
            raise NotFound(f"{versions[0].name} is no line of releases", field="release")
        metrics = self._metrics(line, [version.run_id for version in versions])
        return [
            _release(version, line, aliases, metrics.get(version.run_id, {}))
            for version in versions
        ]

    def experiment(self, line: Line) -> str:
        """The id of the experiment that holds the runs of such releases."""
        name = f"groundwork/releases/{line.kind}"
        if name not in self._experiments:
            self._experiments[name] = experiment(self._client, name, self._place.artifacts)
        return self._experiments[name]

    def _metrics(self, line: Line, runs: Sequence[str]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for start in range(0, len(runs), _PAGE):
            some = ", ".join(f"'{run}'" for run in runs[start : start + _PAGE])
            page = self._client.search_runs(
                [self.experiment(line)], f"attributes.run_id IN ({some})", max_results=_PAGE
            )
            found |= {run.info.run_id: figures_of(run) for run in page}
        return found


def model_name(line: Line) -> str:
    """What MLflow calls a line."""
    return f"{PREFIX}{line.kind}.{line.name}"


def line_of(name: str) -> Line | None:
    """None for what is no line: locks and prompts have names like these."""
    kind, _, rest = name.removeprefix(PREFIX).partition(".")
    return Line(kind, rest) if name.startswith(PREFIX) and kind in KINDS and rest else None


def _release(
    version: Any, line: Line, aliases: Mapping[str, str], metrics: Mapping[str, float]
) -> Registered:
    said = orjson.loads(version.tags[RELEASE])
    lineage = said["lineage"]
    name = version.tags[ID]
    at = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return Registered(
        id=name,
        line=line,
        number=int(version.version),
        created_at=at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        content=said["content"],
        digests=orjson.loads(version.tags[FILES]),
        lineage=Lineage(
            lineage["data"], lineage["code"], tuple(lineage["parents"]), lineage["run"]
        ),
        metrics=metrics,
        aliases=tuple(sorted(alias for alias, to in aliases.items() if to == name)),
    )
