from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.errors import (
    ConfigurationError,
    ContextTooLong,
    EngineBroken,
    EngineDown,
    EngineFull,
    EngineTimeout,
    GroundworkError,
    NotFound,
)
from groundwork.core.metering.tally import Tally
from groundwork.core.settings import GeneratorSettings
from groundwork.serving.generate.base import Finished, Piece, Task
from groundwork.serving.generate.extractive import ExtractiveGenerator
from groundwork.serving.generate.factory import create_generator
from groundwork.serving.generate.router import (
    Route,
    RoutedGenerator,
    check_wanted,
    generator_names,
)
from tests.serving.api_fakes import FakeEmbedder, passage
from tests.serving.generator_fakes import FakeGenerator, retrieval
from tests.serving.test_conversation import FakeEngine

EASY = "What is the default port?"
HARD = "Why is a version immutable, and how does that compare with editing in place?"


class House:
    def __init__(self, **options: Any) -> None:
        self.large = FakeGenerator("llm-70b")
        self.small = FakeGenerator("llm-8b")
        self.quotes = FakeGenerator("extractive")
        routes = (Route("default", "large", self.large), Route("quick", "small", self.small))
        self.routed = RoutedGenerator(routes, self.quotes, **options)


def task(question: str = EASY, **more: Any) -> Task:
    return Task(question, retrieval(question, [passage()]), **more)


async def run(routed: RoutedGenerator, given: Task) -> tuple[str, Finished]:
    *pieces, last = [item async for item in routed.generate(given)]
    assert isinstance(last, Finished)
    return "".join(piece.text for piece in pieces if isinstance(piece, Piece)), last


@pytest.mark.parametrize(
    ("question", "more", "model", "why"),
    [
        (EASY, {}, "llm-8b", "tier:small"),
        (HARD, {}, "llm-70b", "tier:large"),
        (HARD, {"frugal": True}, "llm-8b", "budget"),
        (EASY, {"wanted": "default"}, "llm-70b", "wish"),
        (HARD, {"wanted": "quick"}, "llm-8b", "wish"),
        (HARD, {"wanted": "extractive"}, "extractive", "wish"),
        (EASY, {"wanted": "default", "frugal": True}, "llm-70b", "wish"),
    ],
)
async def test_wish_comes_before_budget_and_budget_before_tier(
    question: str, more: dict[str, Any], model: str, why: str
) -> None:
    text, last = await run(House().routed, task(question, **more))
    assert text == "It moves the alias."
    assert last.model == model
    assert last.record["of"] == model
    assert last.record["route"]["why"] == why
    assert "degraded" not in last.record


async def test_the_signs_of_the_tier_are_in_the_record() -> None:
    _, last = await run(House().routed, task(HARD))
    assert "a comparison" in last.record["route"]["signs"]


async def test_without_tiers_the_first_route_is_the_default() -> None:
    for question in (EASY, HARD):
        _, last = await run(House(by_tier=False).routed, task(question))
        assert last.record["route"] == {"generator": "default", "why": "default"}


async def test_an_unknown_name_is_refused_before_anything_is_asked() -> None:
    house = House()
    with pytest.raises(NotFound, match="no generator is named gpt-5; there are default, quick"):
        await run(house.routed, task(wanted="gpt-5"))
    assert not house.large.tasks + house.small.tasks + house.quotes.tasks
    with pytest.raises(NotFound) as raised:
        check_wanted("llm-8b", house.routed)
    assert raised.value.field == "model"
    check_wanted("quick", house.routed)
    check_wanted(None, house.routed)


@pytest.mark.parametrize(
    "error",
    [
        EngineDown("down"),
        EngineTimeout("slow"),
        EngineBroken("broken"),
        EngineFull("full"),
        ContextTooLong("long"),
    ],
)
async def test_an_engine_that_fails_at_once_is_followed_by_the_other_tier(
    error: GroundworkError,
) -> None:
    house = House()
    house.small.error, house.small.fails_after = error, 0
    text, last = await run(house.routed, task(EASY))
    assert (text, last.model) == ("It moves the alias.", "llm-70b")
    assert last.record["route"]["generator"] == "default"
    assert last.record["route"]["tried"] == [
        {"generator": "quick", "error": error.code, "detail": error.detail}
    ]
    assert "degraded" not in last.record
    assert house.small.closed == 1


async def test_at_last_it_quotes_and_says_that_it_is_degraded() -> None:
    house = House()
    house.small.error, house.small.fails_after = EngineTimeout("slow"), 0
    house.large.error, house.large.fails_after = EngineDown("down"), 0
    _, last = await run(house.routed, task(EASY))
    assert last.model == "extractive"
    assert last.record["degraded"] == {"from": "quick", "reason": "engine-timeout"}
    assert [each["error"] for each in last.record["route"]["tried"]] == [
        "engine-timeout",
        "engine-down",
    ]


async def test_quoting_by_wish_is_not_degraded_and_has_no_substitute() -> None:
    house = House()
    house.quotes.error, house.quotes.fails_after = EngineDown("odd"), 0
    with pytest.raises(EngineDown):
        await run(house.routed, task(wanted="extractive"))
    assert not house.large.tasks + house.small.tasks


async def test_without_the_fallback_the_last_error_is_raised() -> None:
    house = House(fallback=False)
    house.small.error, house.small.fails_after = EngineTimeout("slow"), 0
    house.large.error, house.large.fails_after = EngineFull("full", retry_after=3), 0
    with pytest.raises(EngineFull) as raised:
        await run(house.routed, task(EASY))
    assert raised.value.retry_after == 3
    assert not house.quotes.tasks


async def test_a_spent_budget_never_falls_over_to_the_large_model() -> None:
    house = House()
    house.small.error, house.small.fails_after = EngineDown("down"), 0
    _, last = await run(house.routed, task(HARD, frugal=True))
    assert last.record["degraded"]["from"] == "quick"
    assert not house.large.tasks
    only = RoutedGenerator([Route("default", "large", house.large)], house.quotes)
    _, last = await run(only, task(HARD, frugal=True))
    assert last.model == "llm-70b"


async def test_after_the_first_piece_a_failure_is_raised() -> None:
    house = House()
    house.small.error, house.small.fails_after = EngineBroken("cut"), 1
    stream = house.routed.generate(task(EASY))
    assert await anext(stream) == Piece("It moves ")
    with pytest.raises(EngineBroken):
        await anext(stream)
    assert not house.large.tasks + house.quotes.tasks


async def test_errors_that_are_no_engines_are_not_hidden() -> None:
    house = House()
    house.small.error, house.small.fails_after = ConfigurationError("wrong"), 0
    with pytest.raises(ConfigurationError):
        await run(house.routed, task(EASY))


async def test_what_a_failed_attempt_used_stays_in_the_tally() -> None:
    tally = Tally()
    first, second = FakeGenerator("same"), FakeGenerator("same")
    first.error, first.fails_after = EngineDown("down"), 0
    routes = (Route("a", "large", first), Route("b", "large", second))
    await run(RoutedGenerator(routes, FakeGenerator("extractive")), task(EASY, tally=tally))
    used = {(line.model, line.meter): line.quantity for line in tally.lines()}
    assert used == {("same", "input_tokens"): 20, ("same", "output_tokens"): 2}


async def test_a_client_that_leaves_stops_the_engine_and_owes_what_was_written() -> None:
    house, tally = House(), Tally()
    stream = house.routed.generate(task(EASY, tally=tally))
    assert await anext(stream) == Piece("It moves ")
    assert await anext(stream) == Piece("the alias.")
    await stream.aclose()
    assert house.small.closed == 1
    used = {line.meter: line.quantity for line in tally.lines()}
    assert used == {"input_tokens": 10, "output_tokens": 1}


@given(
    outcomes=st.lists(st.sampled_from(["works", "fails", "breaks"]), min_size=1, max_size=5),
    fallback=st.booleans(),
    question=st.sampled_from([EASY, HARD]),
    frugal=st.booleans(),
)
async def test_every_run_is_one_answer_or_one_error(
    outcomes: list[str], fallback: bool, question: str, frugal: bool
) -> None:
    made = []
    for number, outcome in enumerate(outcomes):
        generator = FakeGenerator(f"m{number}")
        if outcome != "works":
            generator.error, generator.fails_after = EngineDown(outcome), int(outcome == "breaks")
        made.append(Route(f"r{number}", ("small", "large")[number % 2], generator))
    routed = RoutedGenerator(made, FakeGenerator("extractive"), fallback=fallback)
    order = routed.choose(task(question, frugal=frugal)).routes
    results = [outcomes[made.index(route)] for route in order] + ["works"] * fallback
    decisive = next((each for each in results if each != "fails"), "fails")
    if decisive == "works":
        text, last = await run(routed, task(question, frugal=frugal))
        assert text == "It moves the alias."
        assert len(last.record["route"].get("tried", ())) == results.index("works")
    else:
        with pytest.raises(EngineDown, match=decisive):
            await run(routed, task(question, frugal=frugal))


def test_the_whole_house_is_warmed_named_and_identified() -> None:
    house = House()
    house.routed.warm()
    assert (house.large.warmed, house.small.warmed, house.quotes.warmed) == (1, 1, 1)
    assert house.routed.model == "llm-70b|llm-8b"
    assert generator_names(house.routed) == ("default", "quick", "extractive")
    assert generator_names(house.quotes) == ("extractive",)
    identity = house.routed.identity
    other = House(by_tier=False)
    assert other.routed.identity != identity
    house.small.identity = "fake:other-revision"
    assert house.routed.identity != identity


def test_the_factory_quotes_where_there_is_no_engine() -> None:
    made = create_generator(GeneratorSettings(), {}, FakeEmbedder())
    assert isinstance(made, ExtractiveGenerator)
    check_wanted("extractive", made)
    with pytest.raises(NotFound):
        check_wanted("default", made)


def test_the_factory_routes_between_the_engines_of_the_settings() -> None:
    settings = GeneratorSettings.model_validate(
        {"url": "http://a/v1", "more": {"quick": {"url": "http://b/v1", "tier": "small"}}}
    )
    engines = {"default": FakeEngine(), "quick": FakeEngine(name="quick", model="llm-8b")}
    made = create_generator(settings, engines, FakeEmbedder())
    assert generator_names(made) == ("default", "quick", "extractive")
    assert isinstance(made, RoutedGenerator)
    assert [route.tier for route in made.choose(task(EASY)).routes] == ["small", "large"]
    assert [route.tier for route in made.choose(task(HARD)).routes] == ["large", "small"]


@pytest.mark.parametrize("name", ["extractive", "a:b", "", "a/b"])
def test_a_name_that_callers_could_not_use_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be named"):
        create_generator(GeneratorSettings(), {name: FakeEngine()}, FakeEmbedder())
