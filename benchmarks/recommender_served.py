"""python -m benchmarks.recommender_served FOLDER PORT: the service with a recommender of FOLDER/data, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from groundwork.classic.recommender.evaluate import measure
from groundwork.classic.recommender.fit import Recipe
from groundwork.classic.recommender.profile import profile_of
from groundwork.classic.recommender.release import FEATURES, Files, candidate_of, line_of
from groundwork.classic.recommender.train import apart, arrive, measured_on, train
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import CHAMPION, Lineage, Registry
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.settings import Settings, load, quiet_libraries


def main(folder: Path, port: int) -> None:
    """Serve until the process is ended."""
    import uvicorn

    from groundwork.serving.app import create_app
    from groundwork.serving.recommending import open_recommending
    from groundwork.serving.services import build_services

    quiet_libraries()
    settings = load(home=folder / "home")
    registry = released(folder, settings)
    services = build_services(settings)
    app = create_app(settings, services)
    followers = Followers(lambda: registry, folder / "releases", 1.0)
    app.state.recommending = open_recommending(settings, services.accounts, followers)
    followers.look()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def released(folder: Path, settings: Settings) -> Registry:
    """A champion trained on FOLDER/data, with the online store that the replay left."""
    arrived = arrive(folder / "data")
    recipes = [Recipe("ease", "liked", {"penalty": 100.0})]
    ranker, choice = train(
        arrived.ratings, arrived.films, seed=7, progress=NoProgress(), recipes=recipes
    )
    files = Files(folder / "release")
    about = {"ratings": arrived.ratings.digest, "report": arrived.report.to_dict()}
    files.write(ranker, choice, profile_of(arrived.ratings), about)
    (folder / "online.db").replace(folder / "release" / FEATURES)
    measured = measured_on(ranker, arrived.ratings, arrived.films, "candidate", 7)
    found = measure(ranker, apart(arrived.ratings)[1], arrived.films)
    line = line_of(settings.recommender.name)
    registry = MemoryRegistry()
    release = registry.register(candidate_of(line, files, measured, found, Lineage()))
    registry.point(line, CHAMPION, release.id)
    return registry


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
