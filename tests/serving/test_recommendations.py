"""POST /v1/recommendations and what becomes of its answers, over a trained release in a registry of one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from groundwork.classic.recommender.kept import Recommendations
from groundwork.classic.recommender.serve import RecommenderLoader
from groundwork.core.metering.callers import RECOMMEND
from groundwork.core.metering.keys import NewKey
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.serving.api import recommendations
from groundwork.serving.recommending import Recommending
from tests.classic.recommender.world import LINE, made, registered
from tests.serving.api_fakes import World

PATH = "/v1/recommendations"


@dataclass
class Heard:
    """Signals in memory."""

    heard: list[tuple[str, str, dict[str, float | str]]] = field(default_factory=list)

    def add(self, part: str, release: str, values: dict[str, float | str], /) -> None:
        self.heard.append((part, release, values))


@dataclass
class Films:
    """The service with a recommender in it."""

    world: World
    registry: MemoryRegistry
    followers: Followers
    recommending: Recommending
    heard: Heard

    def client(self, **options: Any) -> httpx.AsyncClient:
        return self.world.client(**options)


@pytest.fixture
async def films(make_world: Callable[..., World], tmp_path: Path) -> AsyncIterator[Films]:
    world, registry, heard = make_world(), MemoryRegistry(), Heard()
    followers = Followers(lambda: registry, tmp_path / "releases", 1.0)
    recommending = Recommending(
        follower=followers.follow(LINE, RecommenderLoader()),
        kept=Recommendations(world.settings.ledger_url),
        accounts=world.services.accounts,
        signals=heard,
    )
    world.app.state.recommending = recommending
    if not any(getattr(route, "path", "") == PATH for route in world.app.routes):
        world.app.include_router(recommendations.router)
    yield Films(world, registry, followers, recommending, heard)
    await asyncio.to_thread(followers.close)
    recommending.close()


@pytest.fixture
async def trained(films: Films) -> Films:
    registered(films.registry)
    await asyncio.to_thread(films.followers.look)
    return films


def history(user: int) -> set[int]:
    ratings = made().ratings
    return set(ratings.film[ratings.user == user].tolist())


async def ask(films: Films, body: dict[str, Any]) -> dict[str, Any]:
    async with films.client() as client:
        response = await client.post(PATH, json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_without_a_release_it_says_how_to_train_one(films: Films) -> None:
    await asyncio.to_thread(films.followers.look)
    async with films.client() as client:
        response = await client.post(PATH, json={"user": 1})
    assert response.status_code == 404
    assert "groundwork train recommender --data" in response.json()["detail"]
    # A request that got nothing costs nothing.
    assert films.world.services.accounts.ledger.request(response.json().get("id", "")) is None


async def test_before_the_registry_answered_it_asks_to_come_back(films: Films) -> None:
    async with films.client() as client:
        response = await client.post(PATH, json={"user": 1})
    assert response.status_code == 503
    assert "retry-after" in response.headers


async def test_a_known_user_is_recommended_what_they_have_not_seen(trained: Films) -> None:
    answer = await ask(trained, {"user": 3, "k": 20, "explain": True})
    listed = [pick["film"] for pick in answer["results"]]
    assert answer["basis"] == "history"
    assert answer["release"] == made().candidate.id
    assert len(set(listed)) == 20
    assert not set(listed) & history(3)
    scores = [pick["score"] for pick in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    reasons = answer["results"][0]["because"]
    assert reasons
    assert {reason["film"] for reason in reasons} <= history(3)


async def test_people_with_other_tastes_are_recommended_other_films(trained: Films) -> None:
    lists = [
        tuple(pick["film"] for pick in (await ask(trained, {"user": user}))["results"])
        for user in (1, 2, 3, 4)
    ]
    assert len(set(lists)) == 4


async def test_ratings_of_the_request_stand_in_for_a_user(trained: Films) -> None:
    ratings = [{"film": film, "rating": 5} for film in sorted(history(3))[:8]]
    answer = await ask(trained, {"ratings": ratings, "k": 5})
    assert answer["basis"] == "ratings"
    assert answer["user"] is None
    assert not {pick["film"] for pick in answer["results"]} & {one["film"] for one in ratings}
    again = await ask(trained, {"ratings": ratings, "k": 5, "exclude_seen": False})
    assert len(again["results"]) == 5


async def test_a_rating_of_the_request_is_newer_than_the_history(trained: Films) -> None:
    before = await ask(trained, {"user": 3, "k": 30})
    best = before["results"][0]["film"]
    after = await ask(trained, {"user": 3, "k": 30, "ratings": [{"film": best, "rating": 4}]})
    assert best not in [pick["film"] for pick in after["results"]]


async def test_somebody_unknown_is_recommended_what_most_people_like(trained: Films) -> None:
    unknown = await ask(trained, {"user": 999_999})
    nobody = await ask(trained, {})
    assert unknown["basis"] == nobody["basis"] == "popular"
    assert unknown["results"] == nobody["results"]


async def test_filters_narrow(trained: Films) -> None:
    filters = {
        "genres": ["Comedy", "Drama"],
        "without_genres": ["Horror"],
        "year_from": 1980,
        "year_to": 2000,
    }
    answer = await ask(trained, {"user": 3, "k": 10, "filters": filters})
    assert answer["results"]
    for pick in answer["results"]:
        assert {"Comedy", "Drama"} & set(pick["genres"])
        assert "Horror" not in pick["genres"]
        assert 1980 <= pick["year"] <= 2000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user": 0}, "user"),
        ({"user": "3"}, "user"),
        ({"user": 3, "k": 101}, "k"),
        ({"user": 3, "limit": 5}, "limit"),
        ({"ratings": [{"film": 1, "rating": 5.5}]}, "ratings[0].rating"),
        ({"ratings": [{"film": 1, "rating": 3.3}]}, "ratings[0].rating"),
        ({"user": 3, "filters": {"genres": ["Opera"]}}, "filters.genres"),
        ({"user": 3, "filters": {"year_from": 2000, "year_to": 1990}}, "filters.year_from"),
    ],
)
async def test_what_cannot_be_is_refused(trained: Films, body: dict[str, Any], field: str) -> None:
    async with trained.client() as client:
        response = await client.post(PATH, json=body)
    assert response.status_code == 422
    assert response.json()["field"] == field


async def test_a_request_is_charged_once(trained: Films) -> None:
    answer = await ask(trained, {"user": 3})
    assert answer["cost"]["charges"] == [
        {"stage": "recommend", "meter": "requests", "quantity": 1, "amount": "0.000000033"}
    ]
    accounts = trained.world.services.accounts
    accounts.recorder.flush(5.0)
    row = accounts.ledger.request(answer["id"])
    assert row is not None
    assert (row["model"], row["release"]) == ("recommender", answer["release"])


async def test_a_key_needs_the_scope(trained: Films) -> None:
    keys = trained.world.services.accounts.keys
    _, without = keys.create(NewKey(name="a", team="search", scopes=("ask", "search")), "test")
    _, having = keys.create(NewKey(name="b", team="films", scopes=(RECOMMEND,)), "test")
    async with trained.client() as client:
        refused = await client.post(PATH, json={"user": 3}, headers={"x-api-key": without})
        given = await client.post(PATH, json={"user": 3}, headers={"x-api-key": having})
    assert refused.status_code == 403
    assert given.status_code == 200


async def test_clicks_and_ratings_go_back_into_data(trained: Films) -> None:
    answer = await ask(trained, {"user": 3})
    first, second = (pick["film"] for pick in answer["results"][:2])
    feedback = f"{PATH}/{answer['id']}/feedback"
    async with trained.client() as client:
        clicked = await client.post(feedback, json={"film": first})
        again = await client.post(feedback, json={"film": first})
        rated = await client.post(feedback, json={"film": second, "rating": 2.5})
        foreign = await client.post(feedback, json={"film": min(history(3))})
        unknown = await client.post(f"{PATH}/rec-{'0' * 24}/feedback", json={"film": first})
    assert clicked.json() == {
        "recommendation": answer["id"],
        "film": first,
        "place": 1,
        "rating": None,
    }
    assert (clicked.status_code, again.status_code, rated.status_code) == (201, 201, 201)
    assert (foreign.status_code, foreign.json()["field"]) == (422, "film")
    assert unknown.status_code == 404
    rows = [row[:3] for row in trained.recommending.kept.reactions()]
    assert sorted(rows) == sorted([(3, first, 4.0), (3, second, 2.5)])
    rates = trained.recommending.kept.rates()[answer["release"]]
    assert (rates["given"], rates["reacted"]) == (1, 1)


async def test_another_teams_recommendation_is_not_there(trained: Films) -> None:
    keys = trained.world.services.accounts.keys
    _, own = keys.create(NewKey(name="a", team="films", scopes=(RECOMMEND,)), "test")
    _, other = keys.create(NewKey(name="b", team="books", scopes=(RECOMMEND,)), "test")
    async with trained.client() as client:
        answer = (await client.post(PATH, json={"user": 3}, headers={"x-api-key": own})).json()
        body = {"film": answer["results"][0]["film"]}
        path = f"{PATH}/{answer['id']}/feedback"
        foreign = await client.post(path, json=body, headers={"x-api-key": other})
        mine = await client.post(path, json=body, headers={"x-api-key": own})
    assert foreign.status_code == 404
    assert mine.status_code == 201


async def test_figures_for_drift_are_handed_on(trained: Films) -> None:
    answer = await ask(trained, {"user": 3})
    heard = {name: values for name, release, values in trained.heard.heard if release}
    assert heard["prediction"]["basis"] == "history"
    assert heard["prediction"]["best_score"] == pytest.approx(answer["results"][0]["score"])
    assert heard["data"]["rated"] == len(history(3))


async def test_a_promotion_answers_from_then_on(trained: Films) -> None:
    before = await ask(trained, {"user": 3})
    after_release = registered(trained.registry, made(seed=8))
    await asyncio.to_thread(trained.followers.look)
    after = await ask(trained, {"user": 3})
    assert before["release"] != after["release"] == after_release.id
