"""Websites, against a server on loopback: aiohttp in a thread of its own."""

import asyncio
import gzip
import socket
import sqlite3
import threading
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import InvalidInput, SourceError
from groundwork.ingestion.sources import SourceOptions, open_source
from groundwork.ingestion.sources.addresses import AddressRefusedError, PublicResolver
from groundwork.ingestion.sources.site import Network
from groundwork.ingestion.sources.website import WebsiteSource

Items: TypeAlias = Iterable[RawDocument | Skipped]


DROPPED = 599  # instead of an answer the connection breaks


class FakeTime:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class Reply:
    body: bytes | str = b""
    status: int = 200
    media_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """A website of fixed replies; a list of them is given out one by one, the last again and again."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.requests: list[web.Request] = []
        self.time = FakeTime()
        self.url = ""

    def put(self, path: str, *replies: Reply | str) -> None:
        self.replies[path] = [Reply(each) if isinstance(each, str) else each for each in replies]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        waiting = self.replies.get(request.raw_path)
        if not waiting:
            return web.Response(status=404)
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if reply.status == DROPPED:
            return await self.drop(request, reply)
        etag = reply.headers.get("ETag")
        if etag and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        headers = {"Content-Type": reply.media_type, **reply.headers}
        return web.Response(body=body, status=reply.status, headers=headers)

    async def drop(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        """Break the connection: before the head, or where there is a body, within it."""
        assert request.transport is not None
        response = web.StreamResponse(
            headers={"Content-Type": "text/html", "Content-Length": "1000"}
        )
        if reply.body:
            await response.prepare(request)
            await response.write(str(reply.body).encode())
            request.transport.close()
        else:
            request.transport.abort()
        return response

    @property
    def asked(self) -> list[str]:
        return [request.raw_path for request in self.requests]

    def source(
        self, path: str = "/", network: Network | None = None, **options: Any
    ) -> WebsiteSource:
        settings: dict[str, Any] = {
            "allow_private_addresses": True,
            "rate_per_second": 1000.0,
            **options,
        }
        default = Network(self.time.clock, self.time.sleep)
        return WebsiteSource(self.url + path, SourceOptions(**settings), network or default)

    def read(self, path: str = "/", **options: Any) -> list[RawDocument | Skipped]:
        return list(self.source(path, **options).read())


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", served.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    host, port = runner.addresses[0]
    served.url = f"http://{host}:{port}"
    yield served

    async def stop() -> None:
        await runner.cleanup()
        # A connection that was accepted meanwhile, and transports that are closing, need turns of the loop to end.
        for _ in range(20):
            await asyncio.sleep(0.001)

    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def documents(items: Items) -> list[RawDocument]:
    return [item for item in items if isinstance(item, RawDocument)]


def pages(items: Items) -> list[str]:
    return [item.page for item in documents(items)]


def skips(items: Items) -> dict[str, str]:
    return {item.page: item.reason for item in items if isinstance(item, Skipped)}


def urlset(site: Site, *paths: str) -> str:
    entries = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in paths)
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'


def index(site: Site, *paths: str) -> str:
    entries = "".join(f"<sitemap><loc>{site.url}{path}</loc></sitemap>" for path in paths)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</sitemapindex>'


# --- crawling


def test_a_crawl_goes_level_by_level_within_the_prefix(site: Site) -> None:
    site.put(
        "/docs/",
        '<a href="b.html#top">b</a> <a href="a/?utm_source=x">a</a> <a href="/blog/">out</a>'
        '<a href="https://elsewhere.example/docs/">far</a> <a href="mailto:x@y.example">mail</a>'
        '<a href="logo.png">logo</a> <a href="index.html">self</a> <a href="http://[bad">bad</a>',
    )
    site.put("/docs/a/", '<a href="../deep.html?v=2">deep</a><a href="../b.html">b</a>')
    site.put("/docs/b.html", "b")
    site.put("/docs/deep.html?v=2", "deep")
    site.put("/blog/", "no")
    source = site.source("/docs/")
    items = list(source.read())
    assert pages(items) == ["/docs/", "/docs/a/", "/docs/b.html", "/docs/deep.html?v=2"]
    second = documents(items)[1]
    assert second.url == f"{site.url}/docs/a/"
    assert second.media_type == "text/html"
    assert second.revision == f"sha256:{second.content_hash}"
    assert "/blog/" not in site.asked
    assert source.ignored["(outside)"] == 2
    assert source.ignored[".png"] == 1
    assert skips(items) == {}


def test_depth_and_number_of_pages_are_capped(site: Site) -> None:
    for n in range(6):
        site.put(f"/{n}", f'<a href="/{n + 1}">next</a>')
    site.put("/", '<a href="/0">first</a>')
    source = site.source("/", max_depth=2)
    assert pages(source.read()) == ["/", "/0", "/1"]
    assert source.ignored["(depth)"] == 1
    items = site.read("/", max_pages=3)
    assert pages(items) == ["/", "/0", "/1"]
    assert skips(items) == {"/": "page-limit"}


def test_a_path_without_a_slash_is_the_prefix_too(site: Site) -> None:
    site.put("/docs", Reply(status=301, headers={"Location": "/docs/"}))
    site.put("/docs/", '<a href="/docs/a">a</a><a href="/docs-old/b">b</a>')
    site.put("/docs/a", "a")
    site.put("/docs-old/b", "b")
    assert pages(site.read("/docs")) == ["/docs/", "/docs/a"]


def test_duplicates_are_one_page(site: Site) -> None:
    site.put(
        "/", '<a href="/a">1</a><a href="/a2">2</a><a href="/moved">3</a><a href="/b?print=1">4</a>'
    )
    site.put("/a", '<link rel="canonical" href="/a">a')
    site.put("/a2", '<link rel="canonical" href="/a">a')
    site.put("/moved", Reply(status=302, headers={"Location": "/a"}))
    site.put("/b?print=1", '<link rel="canonical" href="/b">b')
    items = site.read()
    assert pages(items) == ["/", "/a", "/b"]
    assert documents(items)[-1].url == f"{site.url}/b"


def test_canonical_links_that_would_lose_pages_are_not_believed(site: Site) -> None:
    site.put("/", '<a href="/a">1</a><a href="/b">2</a><a href="/c">3</a><a href="/d">4</a>')
    site.put("/a", '<link rel="canonical" href="/b">names b')
    site.put("/b", '<link rel="canonical" href="/a">names a')
    site.put("/c", '<link rel="canonical" href="/">names the front page')
    site.put("/d", '<link rel="canonical" href="https://elsewhere.example/d">names another site')
    assert pages(site.read()) == ["/", "/b", "/c", "/d"]


def test_base_elements_count(site: Site) -> None:
    site.put("/", '<base href="/deep/"><a href="a">a</a>')
    site.put("/deep/a", "a")
    assert pages(site.read()) == ["/", "/deep/a"]


def test_globs_choose_pages(site: Site) -> None:
    site.put(
        "/", '<a href="/a.html">a</a><a href="/drafts/b.html">b</a><a href="/_sources/a.txt">s</a>'
    )
    site.put("/a.html", "a")
    site.put("/drafts/b.html", "b")
    assert pages(site.read(exclude=("drafts/",))) == ["/", "/a.html"]
    assert "/drafts/b.html" not in site.asked
    assert "/_sources/a.txt" not in site.asked


def test_reading_is_lazy_and_can_be_given_up(site: Site) -> None:
    site.put("/", "".join(f'<a href="/{n}">{n}</a>' for n in range(9)))
    for n in range(9):
        site.put(f"/{n}", "x")
    reading = site.source().read()
    assert next(reading).page == "/"
    assert next(reading).page == "/0"
    assert isinstance(reading, Generator)
    reading.close()
    assert "/8" not in site.asked


# --- sitemaps


def test_a_sitemap_is_found_by_robots_and_read_in_order(site: Site) -> None:
    site.put("/robots.txt", Reply(f"Sitemap: {site.url}/maps/all.xml", media_type="text/plain"))
    site.put("/maps/all.xml", index(site, "/maps/a.xml.gz", "/maps/b.xml", "/maps/gone.xml"))
    site.put("/maps/a.xml.gz", Reply(gzip.compress(urlset(site, "/z", "/m").encode())))
    site.put("/maps/b.xml", urlset(site, "/a", "/z", "/index.html"))
    for path in ("/a", "/m", "/z", "/index.html"):
        site.put(path, f'{path}<a href="/unlisted">not followed</a>')
    site.put("/unlisted", "no")
    assert pages(site.read()) == ["/", "/a", "/m", "/z"]
    assert "/index.html" in site.asked


def test_a_sitemap_may_be_given(site: Site) -> None:
    site.put("/docs/sitemap.xml", urlset(site, "/docs/b", "/docs/a", "/blog/c"))
    site.put("/docs/a", "a")
    site.put("/docs/b", "b")
    assert pages(site.read("/docs/sitemap.xml")) == ["/docs/a", "/docs/b"]


def test_the_usual_places_are_tried(site: Site) -> None:
    site.put("/docs/sitemap.xml", Reply("<html>not found</html>"))
    site.put(
        "/sitemap.xml", Reply(f"\ufeff{site.url}/docs/a\n{site.url}/b\n", media_type="text/plain")
    )
    site.put("/docs/a", "a")
    assert pages(site.read("/docs/")) == ["/docs/a"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=404), "answers 404"),
        (Reply("<html></html>"), "is no sitemap"),
        (Reply(b"\x1f\x8b broken"), "is no sitemap"),
        (Reply("<urlset></urlset>"), "lists no page"),
        (
            Reply('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset>&a;</urlset>'),
            "lists no page",
        ),
    ],
)
def test_a_given_sitemap_must_be_one(site: Site, reply: Reply, said: str) -> None:
    site.put("/sitemap.xml", reply)
    with pytest.raises(SourceError, match=said):
        site.read("/sitemap.xml")


def test_a_sitemap_that_does_not_answer_is_an_error_and_not_an_empty_site(site: Site) -> None:
    site.put("/sitemap.xml", index(site, "/a.xml", "/b.xml"))
    site.put("/a.xml", urlset(site, "/a"))
    site.put("/b.xml", Reply(status=503))
    with pytest.raises(SourceError, match=r"b\.xml cannot be read"):
        site.read("/sitemap.xml")


# --- politeness


def test_robots_is_obeyed(site: Site) -> None:
    rules = "User-agent: *\nDisallow: /\n\nUser-agent: Groundwork\nDisallow: /private\nAllow: /private/ok\n"
    site.put("/robots.txt", Reply(rules, media_type="text/plain"))
    site.put("/", '<a href="/private/a">a</a><a href="/private/ok">ok</a><a href="/hop">hop</a>')
    site.put("/private/a", "secret")
    site.put("/private/ok", "ok")
    site.put("/hop", Reply(status=302, headers={"Location": "/private/b"}))
    items = site.read()
    assert pages(items) == ["/", "/private/ok"]
    assert skips(items) == {"/hop": "robots", "/private/a": "robots"}
    assert not {"/private/a", "/private/b"} & set(site.asked)
    assert all(request.headers["User-Agent"].startswith("groundwork/") for request in site.requests)


def test_a_start_that_robots_forbids_is_an_error(site: Site) -> None:
    site.put("/robots.txt", Reply("User-agent: *\nDisallow: /", media_type="text/plain"))
    with pytest.raises(SourceError, match=r"robots\.txt forbids"):
        site.read()


def test_without_an_answer_for_robots_nothing_is_read(site: Site) -> None:
    site.put("/robots.txt", Reply(status=500))
    with pytest.raises(SourceError, match=r"robots\.txt could not be had"):
        site.read()
    assert set(site.asked) == {"/robots.txt"}


def test_the_rate_is_kept(site: Site) -> None:
    site.put("/", "".join(f'<a href="/{n}">{n}</a>' for n in range(8)))
    for n in range(8):
        site.put(f"/{n}", "x")
    before = site.time.now
    site.read(rate_per_second=2.0)
    # Robots, sitemap, the start and eight pages: eleven requests, of which the first need not wait.
    assert len(site.asked) == 11
    assert site.time.now - before == pytest.approx(10 / 2.0)


def test_crawl_delay_is_kept(site: Site) -> None:
    site.put("/robots.txt", Reply("User-agent: *\nCrawl-delay: 7", media_type="text/plain"))
    site.put("/", '<a href="/a">a</a>')
    site.put("/a", "a")
    before = site.time.now
    assert pages(site.read()) == ["/", "/a"]
    assert site.time.now - before >= 2 * 7


def test_transient_failures_are_tried_again_when_the_server_says(site: Site) -> None:
    site.put(
        "/", Reply(status=429, headers={"Retry-After": "17"}), Reply(status=503), Reply("there")
    )
    assert pages(site.read()) == ["/"]
    assert 17 in [round(seconds) for seconds in site.time.slept]


def test_a_broken_connection_is_tried_again(site: Site) -> None:
    site.put("/", Reply(status=DROPPED), Reply(status=DROPPED), Reply("there"))
    assert pages(site.read()) == ["/"]


def test_a_body_that_is_cut_short_is_tried_again(site: Site) -> None:
    site.put("/", Reply("the", status=DROPPED), Reply("there"))
    assert [item.content for item in documents(site.read())] == [b"there"]


@pytest.mark.parametrize(
    ("header", "pause"),
    [("Mon, 02 Mar 2020 10:00:00 GMT", 0), ("Mon, 02 Mar 2020 10:00:00 -0000", 0), ("soon", 1)],
)
def test_a_pause_may_be_a_date_or_be_left_to_us(site: Site, header: str, pause: int) -> None:
    site.put("/", Reply(status=503, headers={"Retry-After": header}), Reply("there"))
    assert pages(site.read()) == ["/"]
    assert [round(seconds) for seconds in site.time.slept if seconds > 0.5] == [pause] * pause


def test_a_server_that_asks_for_an_hour_is_not_asked_again(site: Site) -> None:
    site.put("/", '<a href="/a">a</a>')
    site.put("/a", Reply(status=429, headers={"Retry-After": "3600"}))
    items = site.read()
    assert skips(items) == {"/a": "http-error"}
    assert site.asked.count("/a") == 1


def test_lasting_failures_are_said_and_tried_four_times(site: Site) -> None:
    site.put("/", '<a href="/a">a</a><a href="/gone">b</a>')
    site.put("/a", Reply(status=500))
    items = site.read()
    assert skips(items) == {"/a": "http-error", "/gone": "http-error"}
    assert (site.asked.count("/a"), site.asked.count("/gone")) == (4, 1)


def test_a_site_that_stops_answering_is_an_error(site: Site) -> None:
    site.put("/", "".join(f'<a href="/{n}">{n}</a>' for n in range(20)))
    for n in range(20):
        site.put(f"/{n}", Reply(status=503))
    with pytest.raises(SourceError, match="stopped answering"):
        site.read()
    assert len(site.asked) < 40


def test_a_start_that_fails_is_an_error(site: Site) -> None:
    with pytest.raises(SourceError, match="answers 404"):
        site.read()


# --- the cache


def test_unchanged_pages_cost_a_conditional_request(site: Site, tmp_path: Path) -> None:
    site.put("/", Reply('<a href="/a">a</a>', headers={"ETag": '"one"'}))
    site.put("/a", Reply("a", headers={"Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT"}))
    first = site.read(http_cache_dir=tmp_path)
    site.requests.clear()
    assert site.read(http_cache_dir=tmp_path) == first
    sent = {request.raw_path: request.headers for request in site.requests}
    assert sent["/"]["If-None-Match"] == '"one"'
    assert sent["/a"]["If-Modified-Since"] == "Mon, 02 Mar 2026 10:00:00 GMT"
    site.put("/", Reply("changed", headers={"ETag": '"two"'}))
    assert [item.content for item in documents(site.read(http_cache_dir=tmp_path))] == [b"changed"]


def test_what_may_not_be_stored_is_not(site: Site, tmp_path: Path) -> None:
    site.put("/", Reply("a", headers={"ETag": '"one"', "Cache-Control": "private, no-store"}))
    site.read(http_cache_dir=tmp_path)
    site.read(http_cache_dir=tmp_path)
    assert all("If-None-Match" not in request.headers for request in site.requests)


def test_a_damaged_body_in_the_cache_is_fetched_again(site: Site, tmp_path: Path) -> None:
    site.put("/", Reply("a", headers={"ETag": '"one"'}))
    site.read(http_cache_dir=tmp_path)
    with sqlite3.connect(tmp_path / "http-cache.sqlite3") as database:
        database.execute("UPDATE response SET body = ?", (zlib.compress(b"b"),))
    database.close()
    assert [item.content for item in documents(site.read(http_cache_dir=tmp_path))] == [b"a"]


def test_a_cache_that_is_no_database_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "http-cache.sqlite3").write_text("no database" * 100)
    with pytest.raises(SourceError, match="Delete it") as caught:
        site.read(http_cache_dir=tmp_path)
    assert caught.value.field == "http_cache_dir"


# --- bodies


def test_bodies_are_capped_while_they_unpack(site: Site) -> None:
    site.put("/", '<a href="/a">a</a><a href="/b">b</a><a href="/c">c</a>')
    bomb = gzip.compress(bytes(50 * 2**20))
    site.put("/a", Reply(bomb, headers={"Content-Encoding": "gzip"}))
    site.put("/b", "x" * 200_000)
    site.put("/c", Reply(gzip.compress(b"fine"), headers={"Content-Encoding": "gzip"}))
    items = site.read(max_bytes=100_000)
    assert skips(items) == {"/a": "too-large", "/b": "too-large"}
    assert documents(items)[-1].content == b"fine"


def test_a_damaged_compressed_body_is_said(site: Site) -> None:
    site.put("/", '<a href="/a">a</a>')
    site.put("/a", Reply(b"this is no gzip", headers={"Content-Encoding": "gzip"}))
    assert skips(site.read()) == {"/a": "decode"}


def test_media_types(site: Site) -> None:
    types = {
        "/md": "text/markdown",
        "/pdf": "application/pdf",
        "/txt": "text/plain",
        "/xh": "application/xhtml+xml",
    }
    site.put("/", "".join(f'<a href="{path}">x</a>' for path in [*types, "/json"]))
    for path, media_type in types.items():
        site.put(path, Reply("body", media_type=media_type))
    site.put("/json", Reply("{}", media_type="application/json"))
    items = site.read()
    assert {item.page: item.media_type for item in items if isinstance(item, RawDocument)} == {
        "/": "text/html",
        **types,
    }
    assert skips(items) == {"/json": "media-type"}


def test_the_charset_of_the_header_is_not_lost(site: Site) -> None:
    site.put("/", Reply("café".encode("latin-1"), media_type="text/html; charset=ISO-8859-1"))
    (item,) = documents(site.read())
    assert item.content.decode("utf-8-sig") == "café"
    assert item.media_type == "text/html"


def test_a_body_that_is_not_in_its_charset_is_said(site: Site) -> None:
    site.put("/", '<a href="/a">a</a>')
    site.put("/a", Reply(b"\xff\xff\x80", media_type="text/html; charset=shift_jis"))
    assert skips(site.read()) == {"/a": "decode"}


def test_empty_pages_do_not_go_in(site: Site) -> None:
    site.put("/", '<a href="/a">a</a>')
    site.put("/a", "")
    assert skips(site.read()) == {"/a": "empty-file"}


# --- staying where one belongs


def test_redirects_stay_within_the_site(site: Site) -> None:
    site.put(
        "/docs/", "".join(f'<a href="{n}">x</a>' for n in ("far", "other", "loop", "ok", "file"))
    )
    site.put("/docs/far", Reply(status=302, headers={"Location": "https://elsewhere.example/"}))
    site.put("/docs/file", Reply(status=302, headers={"Location": "file:///etc/passwd"}))
    site.put("/docs/other", Reply(status=302, headers={"Location": "/blog/"}))
    site.put("/docs/loop", Reply(status=302, headers={"Location": "/docs/loop"}))
    site.put("/docs/ok", Reply(status=308, headers={"Location": "final"}))
    site.put("/docs/final", "final")
    site.put("/blog/", "blog")
    items = site.read("/docs/")
    assert pages(items) == ["/docs/", "/docs/final"]
    assert skips(items) == {
        "/docs/far": "redirect-outside",
        "/docs/file": "redirect-outside",
        "/docs/other": "redirect-outside",
        "/docs/loop": "http-error",
    }
    assert site.asked.count("/docs/loop") == 6


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://10.0.0.1/docs/",
        "http://127.0.0.1:1/docs/",
        "http://{host}@169.254.169.254/docs/",
        "http://{host}%2f@169.254.169.254/docs/",
        "http://169.254.169.254\\@{host}/docs/",
        "file:///etc/passwd",
        "gopher://{host}/docs/",
        "ftp://{host}/docs/",
        "data:text/html,inside",
        "javascript:alert(1)",
    ],
)
def test_no_redirect_leads_to_another_host(site: Site, target: str) -> None:
    host = site.url.removeprefix("http://")
    site.put("/docs/", '<a href="moved">x</a>')
    site.put("/docs/moved", Reply(status=302, headers={"Location": target.format(host=host)}))
    # Private addresses are allowed here: what holds is that the origin is never left.
    items = site.read("/docs/")
    assert pages(items) == ["/docs/"]
    assert skips(items) == {"/docs/moved": "redirect-outside"}
    assert all(request.host == host for request in site.requests)


def test_a_start_that_redirects_away_says_where(site: Site) -> None:
    site.put("/docs/", Reply(status=302, headers={"Location": "/manual/"}))
    site.put("/manual/", "manual")
    with pytest.raises(SourceError, match=f"redirects to {site.url}/manual/; give that address"):
        site.read("/docs/")


def test_loopback_is_refused_unless_allowed(site: Site) -> None:
    site.put("/", "inside")
    with pytest.raises(SourceError, match="private address") as caught:
        site.read(allow_private_addresses=False)
    assert caught.value.field == "allow_private_addresses"
    assert site.requests == []
    assert pages(site.read()) == ["/"]


class Names(AbstractResolver):
    """Gives each name the addresses of the table, one entry a question, the last again and again."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        """Nothing is open."""


def named(site: Site, resolver: AbstractResolver, *, allow: bool) -> WebsiteSource:
    network = Network(site.time.clock, site.time.sleep, resolver)
    url = site.url.replace("127.0.0.1", "docs.example")
    return WebsiteSource(url, SourceOptions(allow_private_addresses=allow), network)


def test_a_name_that_leads_to_loopback_is_refused_unless_allowed(site: Site) -> None:
    site.put("/", "inside")
    with pytest.raises(SourceError, match=r"docs\.example has the private address 127\.0\.0\.1"):
        list(named(site, Names("127.0.0.1"), allow=False).read())
    assert site.requests == []
    assert pages(named(site, Names("127.0.0.1"), allow=True).read()) == ["/"]


def test_a_name_cannot_change_its_address_after_the_check(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The checked address is the one connected to: there is no second look-up that could differ.
    monkeypatch.setattr(
        "groundwork.ingestion.sources.addresses.is_public", lambda a: a == "127.0.0.1"
    )
    site.put("/", "inside")
    resolver = Names("127.0.0.1", "10.0.0.1")
    assert pages(named(site, resolver, allow=False).read()) == ["/"]


def test_a_name_that_moves_into_the_private_network_meanwhile_is_refused() -> None:
    # One look-up a connection: the crawl begins in public and is led inside later.
    resolver = PublicResolver(Names("93.184.215.14", "93.184.215.14", "169.254.169.254"))

    async def look_up() -> list[str]:
        found = [await resolver.resolve("docs.example", 80) for _ in range(2)]
        with pytest.raises(AddressRefusedError, match=r"169\.254\.169\.254"):
            await resolver.resolve("docs.example", 80)
        return [each["host"] for results in found for each in results]

    assert asyncio.run(look_up()) == ["93.184.215.14"] * 2


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    class Both(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            return [one for _ in range(2) for one in await Names.resolve(self, host, port, family)]

    async def look_up() -> None:
        await PublicResolver(Both("93.184.215.14", "10.0.0.1")).resolve("docs.example", 80)

    with pytest.raises(AddressRefusedError, match=r"10\.0\.0\.1"):
        asyncio.run(look_up())


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "127.1",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0",
        "docs.example@127.0.0.1",
        "127.0.0.1%2f@[::1]",
    ],
)
def test_other_spellings_of_loopback_are_refused(site: Site, host: str) -> None:
    port = site.url.rpartition(":")[2]
    network = Network(site.time.clock, site.time.sleep)
    source = WebsiteSource(f"http://{host}:{port}/", SourceOptions(), network)
    with pytest.raises(SourceError):
        list(source.read())
    assert site.requests == []


def test_credentials_are_sent_and_kept_out_of_everything_else(site: Site) -> None:
    site.put("/", '<a href="/a">a</a>')
    site.put("/a", "a")
    site.url = site.url.replace("http://", "http://user:s%40cret@")
    source = site.source()
    items = list(source.read())
    assert {request.headers["Authorization"] for request in site.requests} == {
        "Basic dXNlcjpzQGNyZXQ="
    }
    assert "cret" not in source.label + repr(items)


def test_the_label_is_the_plain_address() -> None:
    source = open_source("https://user:pw@Docs.Example.org:443/guide/?utm_source=x#top")
    assert source.label == "https://docs.example.org/guide/"


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/", "http://[::ffff:a9fe:a9fe]/", "http://[fd00:ec2::254]/"],
)
def test_metadata_services_of_clouds_are_not_asked(url: str) -> None:
    with pytest.raises(SourceError, match="private address"):
        list(open_source(url).read())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/"])
def test_only_http_is_a_website(url: str) -> None:
    with pytest.raises(InvalidInput):
        WebsiteSource(url, SourceOptions())


@pytest.mark.parametrize("url", ["https://", "http:///x", "https://[bad/"])
def test_addresses_without_a_host_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_source(url)
    assert caught.value.field == "source"
