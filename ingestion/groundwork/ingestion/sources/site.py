"""What of a website is read, and how it is opened: session, robots.txt, sitemaps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver

from groundwork.core.errors import SourceError
from groundwork.ingestion.sources import sitemap
from groundwork.ingestion.sources.addresses import PublicResolver
from groundwork.ingestion.sources.base import SourceOptions
from groundwork.ingestion.sources.fetch import Failed, Fetcher, Wanted
from groundwork.ingestion.sources.http_cache import HttpCache
from groundwork.ingestion.sources.robots import Robots, parse_robots
from groundwork.ingestion.sources.throttle import Clock, Sleep, TokenBucket
from groundwork.ingestion.sources.urls import Link, Scope, link, origin

CONCURRENCY = 4
_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=15, sock_read=30)
_ROBOTS_LIMIT = 5 * 2**20


@dataclass(frozen=True, slots=True)
class Network:
    """How a website is reached; tests put a clock that does not wait in its place."""

    clock: Clock = time.monotonic
    sleep: Sleep = asyncio.sleep
    resolver: AbstractResolver | None = None


@asynccontextmanager
async def open_fetcher(
    options: SourceOptions, auth: tuple[str, str] | None, network: Network
) -> AsyncIterator[Fetcher]:
    """A fetcher, with its connections and its cache, for as long as the site is read."""
    resolver = network.resolver or aiohttp.ThreadedResolver()
    if not options.allow_private_addresses:
        resolver = PublicResolver(resolver)
    headers = {"User-Agent": options.user_agent}
    if auth:  # no other origin is ever asked
        headers["Authorization"] = aiohttp.encode_basic_auth(*auth, encoding="utf-8")
    cache = HttpCache(options.http_cache_dir)
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONCURRENCY, resolver=resolver),
            timeout=_TIMEOUT,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            bucket = TokenBucket(options.rate_per_second, clock=network.clock, sleep=network.sleep)
            allow_private = options.allow_private_addresses
            yield Fetcher(session, bucket, cache, allow_private=allow_private)
    finally:
        cache.close()
        await resolver.close()


async def read_robots(fetcher: Fetcher, scope: Scope, user_agent: str) -> Robots:
    """The site's rules, by RFC 9309, 2.3.1: without a file there are none.

    Where the file cannot be had, nothing may be read, and SourceError is raised.
    """
    outcome = await fetcher.get(f"{scope.origin}/robots.txt", Wanted(_ROBOTS_LIMIT))
    if not isinstance(outcome, Failed):
        return parse_robots(outcome.body, user_agent)
    absent = outcome.status is not None and 400 <= outcome.status < 500 and not outcome.transient
    if absent or outcome.reason == "redirect-outside":
        return Robots()
    raise SourceError(
        f"{scope.origin} cannot be read: its robots.txt could not be had. {outcome.detail}",
        field="source",
    )


async def read_sitemap(fetcher: Fetcher, scope: Scope, address: str) -> list[Link]:
    """The pages of the sitemap that was given. Raises SourceError where it cannot be read."""
    outcome = await fetcher.get(address, Wanted(sitemap.MAX_BYTES))
    if isinstance(outcome, Failed):
        raise SourceError(f"The sitemap {address} cannot be read: {outcome.detail}", field="source")
    parsed = sitemap.parse_sitemap(outcome.body)
    if parsed is None:
        raise SourceError(f"{address} is no sitemap.", field="source")
    below = await _collect(fetcher, scope, list(parsed.sitemaps))
    return _sorted([*_within(scope, parsed), *below])


async def find_sitemap(fetcher: Fetcher, scope: Scope, robots: Robots) -> list[Link]:
    """The pages of the sitemaps that robots.txt names or that lie at the usual places; [] without any."""
    if pages := await _collect(fetcher, scope, list(robots.sitemaps)):
        return _sorted(pages)
    usual = [f"{scope.origin}{scope.prefix}sitemap.xml", f"{scope.origin}/sitemap.xml"]
    for place in dict.fromkeys(usual):
        outcome = await fetcher.get(place, Wanted(sitemap.MAX_BYTES))
        parsed = None if isinstance(outcome, Failed) else sitemap.parse_sitemap(outcome.body)
        if parsed is not None:
            below = await _collect(fetcher, scope, list(parsed.sitemaps))
            if pages := [*_within(scope, parsed), *below]:
                return _sorted(pages)
    return []


async def _collect(fetcher: Fetcher, scope: Scope, addresses: list[str]) -> list[Link]:
    """The pages within the scope of these sitemaps and of those that they name.

    Raises SourceError where one of them does not answer: its pages would look as if they were removed.
    One that does not exist is passed over.
    """
    pending = list(addresses)
    seen: set[str] = set()
    pages: list[Link] = []
    while pending and len(seen) < sitemap.MAX_SITEMAPS:
        found = link(pending.pop(0))
        if found is None or found.url in seen or origin(found.url) != scope.origin:
            continue
        seen.add(found.url)
        outcome = await fetcher.get(found.url, Wanted(sitemap.MAX_BYTES))
        if isinstance(outcome, Failed):
            if outcome.transient:
                raise SourceError(
                    f"The sitemap {found.url} cannot be read: {outcome.detail}", field="source"
                )
            continue
        parsed = sitemap.parse_sitemap(outcome.body)
        if parsed is not None:
            pending.extend(parsed.sitemaps)
            pages.extend(_within(scope, parsed))
    return pages


def _within(scope: Scope, parsed: sitemap.Sitemap) -> list[Link]:
    """The pages of one sitemap that are read."""
    return [page for page in filter(None, map(link, parsed.pages)) if scope.holds(page.key)]


def _sorted(pages: list[Link]) -> list[Link]:
    """Each page once, by page."""
    return sorted({page.key: page for page in reversed(pages)}.values(), key=lambda each: each.page)
