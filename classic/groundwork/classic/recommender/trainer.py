"""The recommender as a trainer: see `classic.trainer` for the steps."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.classic.recommender.evaluate import measure
from groundwork.classic.recommender.fit import RECIPES, Recipe
from groundwork.classic.recommender.prepared import Prepared
from groundwork.classic.recommender.profile import profile_of
from groundwork.classic.recommender.release import (
    FEATURES,
    Files,
    candidate_of,
    load_ranker,
    profile_in,
)
from groundwork.classic.recommender.serve import RecommenderLoader
from groundwork.classic.recommender.train import apart, arrive, measured_on, train
from groundwork.classic.trainer import Equipment, Job
from groundwork.core.datasets import DataVersion, digest_folder, now
from groundwork.core.errors import InvalidInput
from groundwork.core.registry.base import RECOMMENDER, Candidate, Lineage, Registered, Registry
from groundwork.core.registry.gate import Measured

if TYPE_CHECKING:
    from groundwork.core.progress import Progress
    from groundwork.core.registry.promotion import Carrier
    from groundwork.core.registry.tracking import TrackedRun
    from groundwork.core.settings import Settings

DATASET = "ratings"
_ALL = "all"


class RecommenderTrainer:
    """A `trainer.Trainer`. The option `models` names the families to choose from, with commas, or `all`."""

    kind = RECOMMENDER
    options = {"models": _ALL}  # noqa: RUF012  # the protocol's; nobody writes to it

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.default_name = settings.recommender.name

    def data(self, job: Job, champion: Path | None) -> DataVersion:
        """Check the ratings, also against those that the champion was trained on."""
        folder = _folder(job)
        before = None if champion is None else profile_in(champion)
        arrived = arrive(folder, before=before)
        digest, files = digest_folder(folder)
        return DataVersion(DATASET, digest, files, len(arrived.ratings), now(), folder.name)

    def prepare(self, job: Job, into: Path, progress: Progress) -> None:
        """Columns, and features offline and online."""
        arrived = arrive(_folder(job))
        prepared = Prepared(into)
        prepared.write(arrived.ratings, arrived.films, arrived.report)
        progress.stage("features")
        prepared.write_features(arrived.ratings, arrived.films)

    def train(
        self, job: Job, prepared: Path, into: Path, progress: Progress, run: TrackedRun
    ) -> None:
        """Choose by validation among people who are trained on, and fit the choice on all of them."""
        held = Prepared(prepared)
        ratings, films = held.ratings(), held.films()
        ranker, choice = train(
            ratings, films, seed=job.seed, progress=progress, recipes=recipes_of(job)
        )
        for step, one in enumerate(choice.tried):
            run.metrics({f"validation {name}": value for name, value in one.figures.items()}, step)
        run.tags({"recipe": str(choice.recipe)})
        about = {"ratings": ratings.digest, "report": held.report()}
        Files(into).write(ranker, choice, profile_of(ratings), about)
        shutil.copyfile(held.features, into / FEATURES)

    def evaluate(
        self, job: Job, prepared: Path, release: Path, name: str, progress: Progress
    ) -> Measured:
        """On the people of the prepared ratings who are set apart from every training."""
        progress.stage("measure", unit="people")
        held = Prepared(prepared)
        return measured_on(load_ranker(release), held.ratings(), held.films(), name, job.seed)

    def candidate(
        self, job: Job, prepared: Path, release: Path, measured: Measured, lineage: Lineage
    ) -> Candidate:
        """With figures beyond what the gate compares."""
        held = Prepared(prepared)
        holdout = apart(held.ratings())[1]
        found = measure(load_ranker(release), holdout, held.films())
        return candidate_of(job.line, Files(release), measured, found, lineage)

    def shipped(self) -> Path | None:
        """MovieLens may not be passed on, so nothing made of it ships."""
        return None

    def carrier(self, registry: Registry) -> Carrier:
        """A release brings everything along; it only has to load."""
        return LoadCarrier(registry, self._settings.home / "recommender" / "checked")


class LoadCarrier:
    """A `promotion.Carrier`: nothing goes live that does not load."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self._registry, self._folder = registry, folder

    def check(self, release: Registered) -> None:
        """As a service loads it. Raises ConfigurationError or NotFound."""
        folder = self._folder / release.id
        loader = RecommenderLoader()
        try:
            loader.close(loader.load(release, self._registry.files(release, folder)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def carry(self, release: Registered) -> None:
        """The alias is all there is."""


def open_trainer(equipment: Equipment) -> RecommenderTrainer:
    """For `trainers`."""
    return RecommenderTrainer(equipment.settings)


def recipes_of(job: Job) -> Sequence[Recipe]:
    """Those of the families that the job names. Raises InvalidInput."""
    wanted = job.options.get("models", _ALL)
    if wanted == _ALL:
        return RECIPES
    families = {recipe.family for recipe in RECIPES}
    named = {name.strip() for name in wanted.split(",")}
    if not named <= families:
        raise InvalidInput(
            f"there is no model {', '.join(sorted(named - families))}; there is {', '.join(sorted(families))}",
            field="models",
        )
    return [recipe for recipe in RECIPES if recipe.family in named]


def _folder(job: Job) -> Path:
    if job.data is None:
        raise InvalidInput(
            "name the folder of a MovieLens set: groundwork train recommender --data FOLDER; "
            "groundwork recommender generate FOLDER makes one up",
            field="data",
        )
    return job.data
