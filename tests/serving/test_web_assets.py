from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from groundwork.core.errors import NotFound
from groundwork.serving import web


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=web.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
        yield client


async def test_the_chat_page_is_at_the_root(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.content == web.asset("chat.html")[0]


@pytest.mark.parametrize(("page", "name"), [("/", "chat"), ("/costs", "costs")])
async def test_everything_the_page_names_is_served_from_here(
    client: httpx.AsyncClient, page: str, name: str
) -> None:
    html = (await client.get(page)).text
    # The API is not a file.
    named = set(re.findall(r'(?:src|href)="(/(?!v1/)[^"]*)"', html))
    assert {f"/static/{name}.js", f"/static/{name}.css", "/static/theme.js"} <= named
    seen: set[str] = set()
    while named - seen:
        path = (named - seen).pop()
        seen.add(path)
        response = await client.get(path)
        assert response.status_code == 200, path
        if path.endswith(".js"):
            modules = re.findall(r'from "\./([^"]+)"', response.text)
            named |= {f"/static/{module}" for module in modules}
    assert len(seen) > 15


@pytest.mark.parametrize("name", ["chat.html", "costs.html"])
def test_the_page_fits_its_policy(name: str) -> None:
    html = web.asset(name)[0].decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)


@pytest.mark.parametrize("path", ["/", "/static/chat.js", "/static/chat.css", "/static/icon.svg"])
async def test_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"


async def test_unchanged_files_are_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get("/static/chat.js")).headers["etag"]
    for condition in (etag, f'"other", W/{etag}', "*"):
        response = await client.get("/static/chat.js", headers={"If-None-Match": condition})
        assert response.status_code == 304
        assert response.content == b""
        assert response.headers["etag"] == etag
    changed = await client.get("/static/chat.js", headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


async def test_head_has_the_length_and_no_body(client: httpx.AsyncClient) -> None:
    response = await client.head("/static/chat.css")
    assert response.content == b""
    assert response.headers["content-length"] == str(len(web.asset("chat.css")[0]))


@pytest.mark.parametrize("name", ["__init__.py", "nothing.js", "..", "", "chat", "../__init__.py"])
def test_nothing_else_is_served(name: str) -> None:
    with pytest.raises(NotFound):
        web.asset(name)
