from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from groundwork.core.errors import ConfigurationError
from groundwork.core.metering.keys import NewKey
from groundwork.core.settings import Settings
from groundwork.serving.app import check_bind
from tests.serving.api_fakes import QUESTION, RawRequest, World, build_world

BODY = json.dumps({"question": QUESTION}).encode()
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "[::1]:80", "LOCALHOST"]
)
async def test_loopback_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", ""]
)
async def test_names_that_were_rebound_to_loopback_are_not(
    client: httpx.AsyncClient, host: str
) -> None:
    response = await client.get("/healthz", headers={"Host": host})
    assert response.status_code == 403
    assert response.json()["type"] == "urn:groundwork:problem:forbidden"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
    ],
)
async def test_posts_from_other_sites_are_refused(
    world: World, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.post("/v1/ask", json={"question": QUESTION}, headers=headers)
    assert response.status_code == 403
    assert world.retriever.calls == []
    chat = await client.post("/v1/chat/completions", json={}, headers=headers)
    assert chat.status_code == 403
    assert chat.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_posts_from_the_own_page_and_from_programs_are_answered(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.post("/v1/ask", json={"question": QUESTION}, headers=headers)
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "path", ["/healthz", "/v1/models", "/nowhere", "/openapi.json", "/", "/metrics"]
)
async def test_every_response_has_security_headers_and_a_trace(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    version, trace_id, span_id, flags = headers["traceparent"].split("-")
    assert (version, flags) == ("00", "01")
    assert trace_id == headers["x-request-id"]
    assert len(span_id) == 16


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (BODY, JSON_TYPE, 200),
        (json.dumps({"question": QUESTION, "stream": True}).encode(), JSON_TYPE, 200),
        (b"{", JSON_TYPE, 400),
        (BODY, {**JSON_TYPE, "Origin": "https://evil.example"}, 403),
        (b" " * 300_000, JSON_TYPE, 413),
        (BODY, {"Content-Type": "text/plain"}, 415),
        (b'{"question": ""}', JSON_TYPE, 422),
    ],
)
async def test_answers_streams_and_refusals_have_them_too(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    response = await client.post("/v1/ask", content=content, headers=headers)
    assert response.status_code == status
    found = response.headers
    assert found["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert found["x-content-type-options"] == "nosniff"
    assert found["x-frame-options"] == "DENY"
    assert found["cross-origin-resource-policy"] == "same-origin"
    assert found["cross-origin-opener-policy"] == "same-origin"
    # An answer is one person's: no cache on the way keeps it.
    assert found["cache-control"].startswith(("no-store", "no-cache"))
    assert "server" not in found


async def test_the_pages_keep_their_own_policy(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert len(page.headers.get_list("content-security-policy")) == 1
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert (await client.get("/static/nothing.js")).status_code == 404


async def test_the_callers_trace_is_continued(client: httpx.AsyncClient) -> None:
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{given}-00f067aa0ba902b7-01"}
    response = await client.post("/v1/ask", json={"question": QUESTION}, headers=headers)
    assert response.headers["x-request-id"] == given == response.json()["trace_id"]


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search", "/v1/feedback", "/v1/chat/completions"])
@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (BODY, {"Content-Type": "text/plain"}, 415),
        (BODY, {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (BODY, {}, 415),
        (BODY, {**JSON_TYPE, "Content-Encoding": "gzip"}, 415),
        (b"", JSON_TYPE, 400),
        (b"{", JSON_TYPE, 400),
        (b"\xff\xfe\x00", JSON_TYPE, 400),
        (b'{"question": "a"} trailing', JSON_TYPE, 400),
        (b"[" * 100_000, JSON_TYPE, 400),
        (b'{"question": ' + b"9" * 5000 + b"}", JSON_TYPE, 400),
        (b" " * 300_000, JSON_TYPE, 413),
    ],
)
async def test_bodies_that_cannot_be_read(
    client: httpx.AsyncClient, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    response = await client.post(path, content=content, headers=headers)
    assert response.status_code == status
    if path == "/v1/chat/completions":
        assert response.json()["error"]["type"] == "invalid_request_error"
    else:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == status


@pytest.mark.parametrize("content", [b"[]", b"null", b'"text"', b"5"])
async def test_json_that_is_no_object_is_a_422(client: httpx.AsyncClient, content: bytes) -> None:
    response = await client.post("/v1/ask", content=content, headers=JSON_TYPE)
    assert response.status_code == 422


async def test_a_body_in_chunks_is_counted_while_it_is_read(
    make_world: Callable[..., World],
) -> None:
    world = make_world(max_body_bytes=1000)
    request = RawRequest("/v1/ask", [b"x" * 400] * 50)
    await request.run(world.app)
    assert request.status == 413
    assert len(request._chunks) == 47
    small = RawRequest("/v1/ask", [BODY[:5], b"", BODY[5:]])
    await small.run(world.app)
    assert small.status == 200


async def test_a_declared_length_over_the_limit_is_refused_unread(
    make_world: Callable[..., World],
) -> None:
    world = make_world(max_body_bytes=1000)
    for declared in ("1001", "9" * 5000):
        request = RawRequest("/v1/ask", [b"x"], content_length=declared)
        await request.run(world.app)
        assert request.status == 413
        assert len(request._chunks) == 1


async def test_unknown_paths_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    missing = await client.get("/v1/nothing")
    assert missing.status_code == 404
    assert missing.json()["type"] == "urn:groundwork:problem:not-found"
    wrong = await client.get("/v1/ask")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "POST"
    assert wrong.headers["content-type"] == "application/problem+json"
    assert (await client.get("/docs")).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])  # noqa: S104 - refused below
def test_an_address_that_others_can_reach_refuses_to_start(host: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, service={"host": host})
    with pytest.raises(ConfigurationError, match=r"service\.host.*127\.0\.0\.1") as caught:
        check_bind(settings, has_keys=False)
    assert caught.value.field == "service.host"
    check_bind(settings, has_keys=True)


async def test_the_service_does_not_start_open_to_others(tmp_path: Path) -> None:
    world = build_world(tmp_path, host="0.0.0.0")  # noqa: S104  # nothing is bound
    with pytest.raises(ConfigurationError):
        async with world.app.router.lifespan_context(world.app):
            pass
    world.services.accounts.keys.create(NewKey(name="ci"), "test")
    async with (
        world.app.router.lifespan_context(world.app),
        world.client(headers={"Host": "docs.example.com"}) as client,
    ):
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.post("/v1/ask", json={"question": "How?"})).status_code == 401
        for path in ("/metrics", "/v1/models", "/pages/docs/guides/indexes.md", "/v1/costs"):
            assert (await client.get(path)).status_code == 401, path
    world.services.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_addresses_may_be_bound(host: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, service={"host": host})
    check_bind(settings, has_keys=False)
