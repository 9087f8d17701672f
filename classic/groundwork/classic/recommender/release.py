"""A recommender as a release: its files, what decides its answers, and its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from groundwork.classic.recommender.choose import Choice
from groundwork.classic.recommender.evaluate import Measurement
from groundwork.classic.recommender.features.definitions import digest as features_digest
from groundwork.classic.recommender.profile import PROFILE, Profile
from groundwork.classic.recommender.rank import FORMAT, Ranker
from groundwork.core.datasets import digest_file
from groundwork.core.errors import InvalidInput, NotFound
from groundwork.core.registry.base import MEASURED, RECOMMENDER, Candidate, Line, Lineage
from groundwork.core.registry.gate import Measured
from groundwork.core.registry.measured import to_json

RANKER, FEATURES, MADE, EVALUATION = "ranker.npz", "features.db", "made.json", "evaluation.json"


@dataclass(frozen=True, slots=True)
class Files:
    """What training left in a folder: the ranker, the online store, the profile of the ratings, and how it came about.

    `made` holds the `recipe`, the `prior`, everything that was `tried`, the digest of the `ratings`, and the `report` of their
    checks.
    """

    folder: Path

    def write(
        self, ranker: Ranker, choice: Choice, profile: Profile, about: Mapping[str, Any]
    ) -> None:
        """All but the online store."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / RANKER).write_bytes(ranker.to_bytes())
        (self.folder / PROFILE).write_bytes(profile.to_json())
        made = {**choice.to_dict(), **about}
        (self.folder / MADE).write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))

    def made(self) -> dict[str, Any]:
        """How it came about. Raises NotFound."""
        return dict(orjson.loads(_read(self.folder / MADE)))

    def profile(self) -> Profile:
        """Of the ratings. Raises NotFound."""
        return Profile.from_json(_read(self.folder / PROFILE))


def line_of(name: str) -> Line:
    """The line of recommenders of this name."""
    return Line(RECOMMENDER, name)


def load_ranker(folder: Path) -> Ranker:
    """The ranker of a release's files. Raises NotFound or ConfigurationError."""
    return Ranker.from_bytes(_read(folder / RANKER))


def profile_in(folder: Path) -> Profile | None:
    """What a release was trained on; None where it does not say, or says it in a way that is read no more."""
    try:
        return Files(folder).profile()
    except (NotFound, InvalidInput):
        return None


def candidate_of(
    line: Line, files: Files, measured: Measured, found: Measurement, lineage: Lineage
) -> Candidate:
    """The release. The same ratings, code and seed give the same id."""
    made, folder = files.made(), files.folder
    content = {
        "kind": RECOMMENDER,
        "format": FORMAT,
        "ranker": digest_file(folder / RANKER),
        "features": features_digest(),
        "recipe": made["recipe"],
        "prior": made["prior"],
        "ratings": made["ratings"],
    }
    evaluation = orjson.dumps(found.to_dict(), option=orjson.OPT_INDENT_2)
    kept = {name: folder / name for name in (RANKER, FEATURES, PROFILE, MADE)}
    return Candidate(
        line=line,
        content=content,
        files={**kept, MEASURED: to_json(measured), EVALUATION: evaluation},
        lineage=lineage,
        metrics=found.figures(),
        card=card(made, files.profile(), found),
    )


def card(made: Mapping[str, Any], profile: Profile, found: Measurement) -> str:
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
    about = (
        f"{made['recipe']['family']} on what was {made['recipe']['signal']}, popularity counting {made['prior']:g}. "
        f"Trained on {profile.ratings:,} ratings of {profile.users:,} people and {profile.films:,} films; measured on "
        f"{len(found.users)} people who were never trained on."
    )
    limits = (
        "It ranks films that people like those who rated alike have liked. It says nothing of why somebody likes a "
        "film, and little to people whose taste few in the data share."
    )
    parts = ["# Film recommender", "", about, "", *rows, "", "By group:", "", *groups, "", limits]
    return "\n".join([*parts, ""])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise NotFound(f"{path.parent} holds no {path.name}", field="release") from None
