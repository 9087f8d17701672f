"""The cost endpoints over HTTP: the command line's figures, streamed files, refusals."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from groundwork.core.errors import Forbidden
from groundwork.core.metering.database import reading
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.periods import Period, day_start
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.summary import SECTIONS, summary
from groundwork.core.money import parse_dollars
from groundwork.core.settings import CostsSettings
from groundwork.serving.api import costs
from groundwork.serving.api.problems import add_handlers
from tests.core.ledgers import Row, made

NOW = day_start("2026-11-20")
Filled = tuple[Ledger, list[Row], list[Row]]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    ledger, asked, charged = made(tmp_path_factory.mktemp("costs") / "ledger.sqlite", 400)
    yield ledger, asked, charged
    ledger.close()


def app_of(ledger: Ledger) -> FastAPI:
    app = FastAPI()
    app.include_router(costs.router)
    app.state.costs = costs.Costs(ledger.engine, CostsSettings(), lambda: NOW)
    add_handlers(app)
    return app


@pytest.fixture
async def client(filled: Filled) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app_of(filled[0]))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
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
    with reading(filled[0].engine) as connection:
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


async def test_a_database_that_is_gone_is_said_before_a_file_begins(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("gone")
    ledger, _, _ = made(folder / "ledger.sqlite", 3)
    app = app_of(ledger)
    ledger.close()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in ("/v1/costs", "/v1/costs/export", "/v1/costs/export?format=parquet"):
            assert (await client.get(path)).status_code == 503


async def test_a_dependency_guards_every_route(filled: Filled) -> None:
    from fastapi import Depends

    def refuse() -> None:
        raise Forbidden("this key has not the scope costs")

    app = FastAPI()
    app.include_router(costs.router, dependencies=[Depends(refuse)])
    app.state.costs = costs.Costs(filled[0].engine, CostsSettings())
    add_handlers(app)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in ("/v1/costs", "/v1/costs/export", "/v1/costs/requests/x"):
            assert (await client.get(path)).status_code == 403


async def test_the_description_names_every_parameter(filled: Filled) -> None:
    operation: Any = app_of(filled[0]).openapi()["paths"]["/v1/costs"]["get"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"from", "to", "month", "by", "include", "team", "kind"} <= names
