"""POST /v1/recommendations and POST /v1/recommendations/{id}/feedback."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from groundwork.classic.recommender.kept import missing
from groundwork.classic.recommender.recommend import MOST, Wish, to_dict
from groundwork.core.metering.callers import RECOMMEND
from groundwork.core.money import format_dollars
from groundwork.serving.api.auth import caller_of
from groundwork.serving.api.budgets import spending_headers
from groundwork.serving.api.context import context_of, trace_of
from groundwork.serving.api.describe import COST_HEADERS, problems
from groundwork.serving.api.responses import COST_HEADER, JSON, JsonRoute
from groundwork.serving.recommending import Asked, Recommending, untrained

router = APIRouter(route_class=JsonRoute, tags=["recommendations"])

DEFAULT_K = 10
_MOST_RATINGS = 1000
_LARGEST_ID = 2**53 - 1
_MOST_GENRES = 20
_ID = re.compile(r"rec-[0-9a-f]{24}")


def _as_integer(value: Any) -> Any:
    # JSON has one kind of number: 5.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _half_star(value: float) -> float:
    if value * 2 != round(value * 2):
        raise ValueError("must be a whole or half star, such as 4 or 3.5")
    return value


Id = Annotated[int, Field(ge=1, le=_LARGEST_ID), BeforeValidator(_as_integer)]
Year = Annotated[int, Field(ge=1850, le=2200), BeforeValidator(_as_integer)]
Stars = Annotated[float, Field(ge=0.5, le=5, multiple_of=0.5), AfterValidator(_half_star)]
_Genres = Annotated[list[str], Field(max_length=_MOST_GENRES)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RatingBody(_Body):
    """What a person gave a film."""

    film: Id
    rating: Stars


class FilmFiltersBody(_Body):
    """Which films may be recommended. Each field narrows."""

    genres: _Genres | None = Field(None, description="Films of at least one of these genres.")
    without_genres: _Genres | None = Field(None, description="Films of none of these.")
    year_from: Year | None = Field(None, description="Films of this year and later.")
    year_to: Year | None = Field(None, description="Films of this year and earlier.")


class RecommendationsBody(_Body):
    """Who wants films, and which."""

    user: Id | None = Field(
        None,
        description="A user of the data. Who is not known is recommended what most people like.",
    )
    ratings: list[RatingBody] | None = Field(
        None,
        max_length=_MOST_RATINGS,
        description="Ratings to go by, of somebody who is not in the data, or newer than the user's.",
    )
    k: Annotated[int, Field(ge=1, le=MOST), BeforeValidator(_as_integer)] | None = Field(
        None, description="Films to recommend; 10 if left out."
    )
    filters: FilmFiltersBody | None = None
    exclude_seen: bool = Field(True, description="Leave out films that were rated.")
    explain: bool = Field(False, description="Say because of which rated films.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user": 42, "k": 5, "explain": True},
                {
                    "ratings": [{"film": 260, "rating": 5}, {"film": 1210, "rating": 4.5}],
                    "filters": {"genres": ["Sci-Fi"], "year_from": 1990},
                },
            ]
        }
    )

    def to_asked(self) -> Asked:
        """As the service takes it. Raises InvalidInput for a genre that does not exist."""
        filters = self.filters or FilmFiltersBody()
        wish = Wish(
            k=self.k or DEFAULT_K,
            exclude_seen=self.exclude_seen,
            genres=tuple(filters.genres or ()),
            without=tuple(filters.without_genres or ()),
            year_from=filters.year_from,
            year_to=filters.year_to,
            explain=self.explain,
        )
        return Asked(self.user, tuple((one.film, one.rating) for one in self.ratings or ()), wish)


class ReactionBody(_Body):
    """What became of one film of a recommendation."""

    film: Id
    rating: Stars | None = Field(None, description="What it was given; a click if left out.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"film": 1196}]})


class ReasonShape(BaseModel):
    """A rated film and its share of what speaks for the recommended one, 0 to 1."""

    film: int
    title: str
    share: float


class PickShape(BaseModel):
    """A film. `cold` says that too few have rated it, so that its score is borrowed from films like it."""

    film: int
    title: str
    year: int | None
    genres: list[str]
    score: float
    cold: bool
    because: list[ReasonShape] | None = None


class RecommendationsShape(BaseModel):
    """The films, best first. `basis` says whose ratings decided: the user's history, the request's, or everybody's."""

    id: str
    release: str
    user: int | None
    basis: Literal["history", "ratings", "popular"]
    results: list[PickShape]
    cost: dict[str, Any]
    budget: dict[str, Any] | None
    trace_id: str
    timings_ms: dict[str, float]


class ReactionShape(BaseModel):
    """What was kept; `place` is where the film stood, from 1."""

    recommendation: str
    film: int
    place: int
    rating: float | None


@router.post(
    "/v1/recommendations",
    summary="Recommend films",
    response_model=None,
    responses={
        200: {
            "model": RecommendationsShape,
            "description": "The films, best first.",
            "headers": COST_HEADERS,
        },
        **problems(400, 401, 402, 403, 404, 413, 415, 422, 429, 503),
    },
)
async def recommend(body: RecommendationsBody, request: Request) -> Response:
    """Films for a user of the data, or for whoever gave these ratings."""
    asked, trace = body.to_asked(), trace_of(request.scope)
    caller = await caller_of(request, RECOMMEND)
    service = _service(request)
    given = await asyncio.to_thread(service.answer, asked, caller, trace)
    timings = trace.finish()
    context_of(request).services.metrics.stages(timings)
    headers = {
        COST_HEADER: format_dollars(given.posting.picodollars),
        **spending_headers(given.ticket),
    }
    content = {
        "id": given.id,
        "release": given.release,
        "user": body.user,
        "basis": given.found.basis,
        "results": [to_dict(pick, explain=body.explain) for pick in given.found.picks],
        "cost": given.posting.cost(),
        "budget": given.ticket.budget(),
        "trace_id": trace.trace_id,
        "timings_ms": {name: round(value, 3) for name, value in timings.items()},
    }
    return JSON(content, headers=headers)


@router.post(
    "/v1/recommendations/{recommendation}/feedback",
    summary="Say what became of a recommended film",
    status_code=201,
    response_model=None,
    responses={
        201: {"model": ReactionShape, "description": "Kept."},
        **problems(400, 401, 403, 404, 413, 415, 422, 503),
    },
)
async def react(
    recommendation: Annotated[str, Path(examples=["rec-5f0c2a9e4b7d4c1f8a6e3b21"])],
    body: ReactionBody,
    request: Request,
) -> Response:
    """A click, or a rating, of a film that was recommended. It goes back into the data that is trained on."""
    if not _ID.fullmatch(recommendation):
        raise missing(recommendation[:64])
    caller = await caller_of(request, RECOMMEND)
    service = _service(request)
    place = await asyncio.to_thread(service.react, recommendation, body.film, body.rating, caller)
    receipt = {
        "recommendation": recommendation,
        "film": body.film,
        "place": place,
        "rating": body.rating,
    }
    return JSON(receipt, status_code=201)


def _service(request: Request) -> Recommending:
    """The composition root sets it as `app.state.recommending`; a service made of fakes has none."""
    service: Recommending | None = getattr(request.app.state, "recommending", None)
    if service is None:
        raise untrained()
    return service
