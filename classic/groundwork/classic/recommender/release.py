"""A recommender as a release: what decides its answers, its files, and how a service loads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from groundwork.classic.recommender.choose import Choice
from groundwork.classic.recommender.evaluate import Measurement
from groundwork.classic.recommender.features.definitions import digest as features_digest
from groundwork.classic.recommender.profile import PROFILE, Profile
from groundwork.classic.recommender.rank import FORMAT, Ranker, digest_of
from groundwork.core.errors import ConfigurationError, NotFound
from groundwork.core.registry.base import (
    MEASURED,
    RECOMMENDER,
    Candidate,
    Line,
    Lineage,
    Registered,
)
from groundwork.core.registry.gate import Measured
from groundwork.core.registry.measured import to_json

RANKER = "ranker.npz"
EVALUATION = "evaluation.json"


def line_of(name: str) -> Line:
    """The line of recommenders of this name."""
    return Line(RECOMMENDER, name)


def candidate(
    line: Line,
    ranker: Ranker,
    choice: Choice,
    profile: Profile,
    lineage: Lineage,
    measured: Measured,
    found: Measurement,
    data: Mapping[str, Any],
) -> Candidate:
    """The release that training made. The same data, code and seed give the same id.

    `data` has the digest of the `ratings` and the `report` of their checks.
    """
    raw = ranker.to_bytes()
    content = {
        "kind": RECOMMENDER,
        "format": FORMAT,
        "ranker": digest_of(raw),
        "features": features_digest(),
        "recipe": choice.recipe.to_dict(),
        "prior": choice.prior,
        "data": {"ratings": data["ratings"]},
    }
    evaluation = {"measured": found.to_dict(), "choice": choice.to_dict(), "data": data["report"]}
    return Candidate(
        line=line,
        content=content,
        files={
            RANKER: raw,
            PROFILE: profile.to_json(),
            MEASURED: to_json(measured),
            EVALUATION: orjson.dumps(evaluation, option=orjson.OPT_INDENT_2),
        },
        lineage=lineage,
        metrics=found.figures(),
        card=card(choice, profile, found),
    )


def card(choice: Choice, profile: Profile, found: Measurement) -> str:
    """Markdown for people: what it is, what it was made of, how it measured, what it is not for."""
    rows = ["| Measure | All | Interval (95 %) |", "|---|---|---|"]
    for name in (*found.values, *found.beyond):
        one = found.interval(name)
        rows.append(f"| {name} | {one.mean:.3f} | {one.low:.3f} to {one.high:.3f} |")
    rows.append(f"| coverage@10 | {found.coverage:.3f} | |")
    groups = [
        f"- {name} ({int(which.sum())} people): ndcg@10 {found.interval('ndcg@10', which).mean:.3f}"
        for name, which in found.groups().items()
    ]
    made = (
        f"{choice.recipe}, popularity counting {choice.prior:g}. Trained on {profile.ratings:,} ratings of "
        f"{profile.users:,} people and {profile.films:,} films; measured on {len(found.users)} people who were "
        "never trained on."
    )
    limits = (
        "It ranks films that people like those who rated alike have liked. It says nothing of why somebody likes a "
        "film, and little to people whose taste few in the data share."
    )
    parts = [
        "# Film recommender",
        "",
        made,
        "",
        *rows,
        "",
        "By group:",
        "",
        *groups,
        "",
        limits,
        "",
    ]
    return "\n".join(parts)


def load(folder: Path) -> Ranker:
    """The ranker of a release's files. Raises NotFound or ConfigurationError."""
    path = folder / RANKER
    if not path.is_file():
        raise NotFound(f"{folder} holds no {RANKER}", field="release")
    return Ranker.from_bytes(path.read_bytes())


def check_features(release: Registered) -> None:
    """Raises ConfigurationError where a release was made for other features than this code reads."""
    wanted, here = release.content.get("features"), features_digest()
    if wanted != here:
        raise ConfigurationError(
            f"{release.id} was trained with features {wanted}, this code has {here}; train it anew: "
            "groundwork train recommender --data FOLDER"
        )
