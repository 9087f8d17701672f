"""The cost endpoints over HTTP: the command line's figures, streamed files, refusals."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.database import reading
from groundwork.core.metering.keys import NewKey
from groundwork.core.metering.periods import Period, day_start
from groundwork.core.metering.prices import embedded_book
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.summary import SECTIONS, summary
from groundwork.core.money import parse_dollars
from groundwork.core.settings import CostsSettings, Settings
from groundwork.serving.api import answers, ask, chat, costs, search
from groundwork.serving.api.describe import describe_errors
from groundwork.serving.api.problems import add_handlers
from tests.core.ledgers import Row, fill, random_rows

NOW = day_start("2026-11-20")
Filled = tuple[Accounts, list[Row], list[Row]]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    home = tmp_path_factory.mktemp("costs")
    accounts = Accounts.open(Settings(home=home), embedded_book())
    asked, charged = random_rows(400)
    fill(accounts.ledger, asked, charged)
    yield accounts, asked, charged
    accounts.ledger.close()


def app_of(accounts: Accounts) -> FastAPI:
    app = FastAPI()
    # The description of errors knows the shapes of the others.
    for module in (answers, ask, chat, costs, search):
        app.include_router(module.router)
    app.state.accounts = accounts
    app.state.costs = costs.Costs(accounts.ledger.engine, CostsSettings(), lambda: NOW)
    add_handlers(app)
    describe_errors(app)
    return app


def client_of(accounts: Accounts, key: str | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app_of(accounts))
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


@pytest.fixture
async def client(filled: Filled) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(filled[0]) as client:
        yield client


async def test_the_report_is_that_of_the_command_line(
    client: httpx.AsyncClient, filled: Filled
) -> None:
    response = await client.get(
        "/v1/costs",
        params={"from": "2026-10-15", "to": "2026-11-20T12:00:00Z", "by": "team,kind", "user": ["ada", "grace"]},
    )  # fmt: skip
    assert response.status_code == 200
    period = Period.parse("2026-10-15", "2026-11-20T12:00:00Z")
    query = CostQuery.of(period, ["team", "kind"], {"user": ["ada", "grace"]})
    with reading(filled[0].ledger.engine) as connection:
        assert response.json() == summary(connection, query, [], NOW)
    assert response.json()["rows"]


async def test_everything_can_be_included(client: httpx.AsyncClient, filled: Filled) -> None:
    body = (await client.get("/v1/costs", params={"include": list(SECTIONS)})).json()
    assert set(SECTIONS) <= body.keys()
    assert parse_dollars(body["totals"][0]["amount"]) == sum(
        row["picodollars"] for row in filled[2]
    )
    assert body["values"]["team"] == ["", "search", "support"]
    assert body["forecast"][0]["ends"] == "2026-12-01T00:00:00Z"
    dearest = body["outliers"][0]
    detail = (await client.get(f"/v1/costs/requests/{dearest['request']}")).json()
    assert detail["amount"] == dearest["amount"]
    assert sum(parse_dollars(c["amount"]) for c in detail["charges"]) == parse_dollars(
        dearest["amount"]
    )


@pytest.mark.parametrize("form", ["csv", "parquet", "focus"])
async def test_exports_are_attachments(
    client: httpx.AsyncClient, filled: Filled, form: str
) -> None:
    params = {"format": form, "month": "2026-11", "team": "search"}
    response = await client.get("/v1/costs/export", params=params)
    assert response.status_code == 200
    name = f"groundwork-{'focus' if form == 'focus' else 'costs'}-2026-11-01-2026-12-01"
    suffix = "parquet" if form == "parquet" else "csv"
    assert response.headers["content-disposition"] == f'attachment; filename="{name}.{suffix}"'
    expected = sum(
        row["picodollars"]
        for row in filled[2]
        if row["team"] == "search" and row["day"].startswith("2026-11")
    )
    assert expected
    if form == "parquet":
        found = sum(pq.read_table(io.BytesIO(response.content))["picodollars"].to_pylist())
    else:
        column = "x_Picodollars" if form == "focus" else "picodollars"
        rows = csv.DictReader(io.StringIO(response.text, newline=""))
        found = sum(int(row[column]) for row in rows)
    assert found == expected


@pytest.mark.parametrize(
    ("path", "params", "status", "field"),
    [
        ("/v1/costs", {"by": "colour"}, 422, "by"),
        ("/v1/costs", {"include": "everything"}, 422, "include"),
        ("/v1/costs", {"from": "soon"}, 422, "from"),
        ("/v1/costs", {"colour": "red"}, 422, "colour"),
        ("/v1/costs", {"by": "stage", "include": "spread"}, 422, "by"),
        ("/v1/costs/export", {"format": "xlsx"}, 422, "format"),
        ("/v1/costs/export", {"kind": "free"}, 422, "kind"),
        ("/v1/costs/requests/ans-none", {}, 404, "request"),
    ],
)
async def test_what_cannot_be_answered(
    client: httpx.AsyncClient, path: str, params: dict[str, str], status: int, field: str
) -> None:
    response = await client.get(path, params=params)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["field"] == field


async def test_a_database_that_is_gone_is_said_before_a_file_begins(tmp_path: Path) -> None:
    home = tmp_path / "home"
    accounts = Accounts.open(Settings(home=home), embedded_book())
    # No key was ever made, and the service knows it.
    assert accounts.caller(None).may("costs")
    accounts.ledger.close()
    shutil.rmtree(home)
    async with client_of(accounts) as client:
        for path in ("/v1/costs", "/v1/costs/export", "/v1/costs/export?format=parquet"):
            assert (await client.get(path)).status_code == 503


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[tuple[Accounts, dict[str, str]]]:
    """A ledger with keys: of finance, of a team with and without the scope, of an administrator in a team."""
    accounts = Accounts.open(Settings(home=tmp_path), embedded_book())
    fill(accounts.ledger, *random_rows(60))
    keys = {}
    for name, team, scopes in (
        ("finance", "", ("costs",)),
        ("team", "search", ("costs",)),
        ("asker", "search", ("ask",)),
        ("admin", "search", ("admin",)),
    ):
        new = NewKey(name=name, team=team, scopes=scopes)
        keys[name] = accounts.keys.create(new, "test")[1]
    yield accounts, keys
    accounts.ledger.close()


PATHS = ("/v1/costs", "/v1/costs/export", "/v1/costs/requests/ans-000001")


@pytest.mark.parametrize("path", PATHS)
async def test_the_scope_is_needed(keyed: tuple[Accounts, dict[str, str]], path: str) -> None:
    accounts, keys = keyed
    for key, status in ((None, 401), ("gw_wrong", 401), (keys["asker"], 403), (keys["finance"], 200), (keys["admin"], 200)):  # fmt: skip
        async with client_of(accounts, key) as client:
            assert (await client.get(path)).status_code == status


async def test_a_key_of_a_team_reads_that_team_only(
    keyed: tuple[Accounts, dict[str, str]],
) -> None:
    accounts, keys = keyed
    accounts.budgets.set(scope="team", subject="search", period="month", picodollars=10, actor="t")
    accounts.budgets.set(scope="team", subject="support", period="month", picodollars=10, actor="t")
    asked, charged = random_rows(60)
    async with client_of(accounts, keys["team"]) as client:
        body = (await client.get("/v1/costs", params={"by": "team", "include": "values,budgets,outliers"})).json()  # fmt: skip
        assert [row["team"] for row in body["rows"]] == ["search"]
        assert body["values"]["team"] == ["search"]
        assert [budget["subject"] for budget in body["budgets"]] == ["search"]
        assert {row["team"] for row in body["outliers"]} == {"search"}
        own = sum(row["picodollars"] for row in charged if row["team"] == "search")
        assert parse_dollars(body["totals"][0]["amount"]) == own
        rows = csv.DictReader(io.StringIO((await client.get("/v1/costs/export")).text, newline=""))
        assert {row["team"] for row in rows} == {"search"}
        for teams in ("support", ["search", "support"]):
            assert (await client.get("/v1/costs", params={"team": teams})).status_code == 403
        for row in asked[:10]:
            response = await client.get(f"/v1/costs/requests/{row['request_id']}")
            assert response.status_code == (200 if row["team"] == "search" else 404)
    async with client_of(accounts, keys["finance"]) as client:
        assert len((await client.get("/v1/costs?by=team")).json()["rows"]) == 3


async def test_the_description_names_every_parameter(filled: Filled) -> None:
    operation: Any = app_of(filled[0]).openapi()["paths"]["/v1/costs"]["get"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"from", "to", "month", "by", "include", "team", "kind"} <= names


def test_every_operation_does_what_the_description_says(filled: Filled) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app_of(filled[0]))
    every = [result.ok() for result in schema.get_all_operations()]
    operations = [operation for operation in every if operation.path.startswith("/v1/costs")]
    assert len(operations) == 3
    for operation in operations:

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            # A period may be no date, or end before it begins.
            case.call_and_validate(
                base_url="http://127.0.0.1", excluded_checks=[positive_data_acceptance]
            )

        check()
