"""What people did with recommendations, brought into the data before a recommender is made anew."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

from groundwork.core.registry.base import Line
from groundwork.core.settings import Settings

_log = logging.getLogger("groundwork.pipelines")


def with_reactions(settings: Settings, line: Line, data: str) -> bool:
    """Write clicks and ratings beside the ratings of a folder, as `groundwork recommender feedback` does.

    A retraining that new labels asked for would learn nothing from them otherwise. Data that is no folder here, or of another
    recommender than the one that answers, stays as it is. Returns whether something was written.
    """
    folder = Path(data)
    if line != Line("recommender", settings.recommender.name) or not data or not folder.is_dir():
        return False
    from groundwork.classic.recommender.kept import Recommendations, export
    from groundwork.classic.recommender.read import FEEDBACK

    with closing(Recommendations(settings.ledger_url)) as kept:
        rows = list(kept.reactions())
    if not rows:
        return False
    try:
        export(rows, folder / FEEDBACK)
    except OSError as error:
        _log.warning("clicks are not in the data of %s: %s", line, error)
        return False
    return True
