"""Keys and budgets over HTTP, and who is let in."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.datastructures import Headers

from groundwork.core.errors import TooManyRequests, Unauthenticated
from groundwork.core.metering.accounts import Accounts, Expected
from groundwork.core.metering.callers import ASK, Caller
from groundwork.core.metering.keys import NewKey
from groundwork.core.metering.prices import PriceBook
from groundwork.core.settings import Settings
from groundwork.serving.api import budgets, keys
from groundwork.serving.api.auth import accounts_of, caller_of, presented_key
from groundwork.serving.api.problems import add_handlers

BOOK = PriceBook("test", {("m", "input_tokens"): 10**9, ("m", "output_tokens"): 10**9})


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    opened = Accounts.open(Settings(home=tmp_path), BOOK)
    yield opened
    opened.close()


@pytest.fixture
async def client(accounts: Accounts) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.accounts = accounts
    app.include_router(keys.router)
    app.include_router(budgets.router)

    @app.get("/v1/chat/completions")
    @app.get("/spend")
    async def spend(request: Request) -> dict[str, str]:
        caller = await caller_of(request, ASK)
        ticket = accounts_of(request).admit("ans-1", caller, Expected("m", 40, 20))
        return budgets.spending_headers(ticket)

    @app.get("/limited")
    async def limited() -> None:
        raise TooManyRequests("slowly", limit={"remaining": 0}, retry_after=1.2)

    add_handlers(app)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_keys_are_made_shown_once_and_revoked(client: httpx.AsyncClient) -> None:
    made = await client.post(
        "/v1/keys", json={"name": "root", "scopes": ["admin"], "expires": "90d"}
    )
    assert made.status_code == 201
    key = bearer(made.json()["key"])
    assert (await client.get("/v1/keys")).status_code == 401
    second = (
        await client.post("/v1/keys", json={"team": "search", "tokens_per_minute": 5}, headers=key)
    ).json()
    listed = (await client.get("/v1/keys", headers=key)).json()["keys"]
    assert {(one["name"], one["team"], one["state"], tuple(one["scopes"])) for one in listed} == {
        ("root", "", "valid", ("admin",)), ("", "search", "valid", ("ask", "search")),
    }  # fmt: skip
    assert second["key"].rpartition("_")[2] not in str(listed)
    asks = {"x-api-key": second["key"]}
    assert (await client.get("/v1/budgets", headers=asks)).status_code == 200
    gone = await client.delete(f"/v1/keys/{second['id']}", headers=key)
    assert gone.json() == {"id": second["id"], "revoked": True}
    refused = await client.get("/v1/budgets", headers=asks)
    assert (refused.status_code, refused.json()["type"]) == (
        401,
        "urn:groundwork:problem:unauthenticated",
    )
    assert (await client.delete("/v1/keys/nobody", headers=key)).status_code == 404


async def test_a_wrong_scope_is_refused_and_logged_without_the_secret(
    client: httpx.AsyncClient, accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    key_id, key = accounts.keys.create(NewKey(scopes=("costs",)), "me")
    with caplog.at_level(logging.DEBUG):
        for method, path in (("GET", "/v1/keys"), ("DELETE", "/v1/keys/x"), ("GET", "/v1/budgets")):
            response = await client.request(method, path, headers=bearer(key))
            assert (response.status_code, response.json()["field"]) == (403, "key")
    assert f"key {key_id} has not the scope admin" in caplog.text
    assert key.rpartition("_")[2] not in caplog.text


@pytest.mark.parametrize(
    "body",
    [{"scopes": ["root"]}, {"scopes": []}, {"expires": "soon"}, {"team": "a\nb"}, {"secret": "x"}],
)
async def test_keys_that_make_no_sense(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await client.post("/v1/keys", json=body)).status_code == 422


async def test_budgets_are_ones_own(client: httpx.AsyncClient, accounts: Accounts) -> None:
    for team in ("search", "support"):
        accounts.budgets.set(
            scope="team", subject=team, period="month", picodollars=10**12, actor=""
        )
    everybody = (await client.get("/v1/budgets")).json()["budgets"]
    assert [budget["subject"] for budget in everybody] == ["search", "support"]
    _, key = accounts.keys.create(NewKey(team="search"), "me")
    (own,) = (await client.get("/v1/budgets", headers=bearer(key))).json()["budgets"]
    assert (own["subject"], own["limit"], own["remaining"], own["frugal"]) == (
        "search",
        "1",
        "1",
        False,
    )


async def test_a_used_up_budget_says_what_is_left(
    client: httpx.AsyncClient, accounts: Accounts
) -> None:
    accounts.budgets.set(scope="team", subject="search", period="day", picodollars=10**11, actor="")
    _, key = accounts.keys.create(NewKey(team="search", requests_per_minute=9), "me")
    headers = (await client.get("/spend", headers=bearer(key))).json()
    assert headers["X-Groundwork-Budget-Remaining"] == "0.04"
    assert headers["x-ratelimit-remaining-requests"] == "8"
    refused = await client.get("/spend", headers=bearer(key))
    assert refused.status_code == 402
    problem = refused.json()
    assert (problem["budget"]["remaining"], problem["budget"]["scope"]) == ("0.04", "team")
    assert int(refused.headers["retry-after"]) <= 86_400
    openai = (await client.get("/v1/chat/completions", headers=bearer(key))).json()["error"]
    assert (openai["type"], openai["code"]) == ("insufficient_quota", "budget_exceeded")


async def test_a_rate_limit_says_when(client: httpx.AsyncClient) -> None:
    response = await client.get("/limited")
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert response.json()["limit"] == {"remaining": 0}


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"authorization": "Bearer abc"}, "abc"),
        ({"authorization": "bearer  abc "}, "abc"),
        ({"x-api-key": "abc"}, "abc"),
        ({"x-api-key": "abc", "authorization": "Bearer abc"}, "abc"),
    ],
)
def test_where_a_key_may_stand(headers: dict[str, str], key: str | None) -> None:
    assert presented_key(Headers(headers)) == key


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Basic abc"},
        {"authorization": "Bearer"},
        {"x-api-key": "abc", "authorization": "Bearer abd"},
    ],
)
def test_where_it_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        presented_key(Headers(headers))


def test_the_local_caller_may_do_everything() -> None:
    Caller.local().require("admin")
