"""How many new labels each line of releases has, for the retraining desk.

What people say of answers and recommendations is counted in the ledger's database, since the last retraining; labels that come
in files by the size of the data, less what that was then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.core.errors import NotFound
from groundwork.core.monitoring.retraining import Run
from groundwork.core.registry.base import ASSISTANT, Line
from groundwork.core.settings import Settings
from groundwork.serving.store import AnswerStore

if TYPE_CHECKING:
    from groundwork.classic.recommender.kept import Recommendations

_VERSIONED = "data:"
# Later than every instant that is kept.
_EVER = "9999"


class LabelCounts:
    """A `retraining.NewLabels`.

    Of an assistant: judgements of answers from its index. Of the recommender that answers: clicks and ratings of known people.
    Of the others: rows of the newest version of `data:NAME`, or of a folder's labels.tsv.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, line: Line, last: Run | None) -> int:
        """Raises Unavailable."""
        since = last.at if last is not None else 0
        if line.kind == ASSISTANT:
            with closing(AnswerStore(self._settings.ledger_url)) as store:
                return sum(store.ratings(line.name, _iso(since), _EVER).values())
        if line == Line("recommender", self._settings.recommender.name):
            with _recommendations(self._settings) as kept:
                return kept.count(since // 1000)
        before = last.labels if last is not None else 0
        return max(0, self._rows(line) - before)

    def _rows(self, line: Line) -> int:
        """0 where the data is not here, or cannot be counted."""
        named = self._settings.monitoring.retraining.data.get(str(line), [])
        if not named:
            return 0
        if named[0].startswith(_VERSIONED):
            return self._version_rows(named[0].removeprefix(_VERSIONED))
        from groundwork.classic.ocr.data.folder import LABELS

        table = Path(named[0]) / LABELS
        if not table.is_file():
            return 0
        with table.open("rb") as file:
            return sum(bool(row.strip()) for row in file)

    def _version_rows(self, reference: str) -> int:
        from groundwork.core.datasets_store import DataStore

        try:
            return DataStore(self._settings.data_url).find(reference).rows or 0
        except NotFound:
            return 0


@contextmanager
def _recommendations(settings: Settings) -> Iterator[Recommendations]:
    from groundwork.classic.recommender.kept import Recommendations

    with closing(Recommendations(settings.ledger_url)) as kept:
        yield kept


def _iso(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
