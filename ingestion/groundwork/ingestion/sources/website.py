"""Documents of a website: the pages of its sitemap, or else those that its links lead to."""

from __future__ import annotations

import asyncio
import codecs
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

from groundwork.core.documents import RawDocument, Skipped
from groundwork.core.errors import SourceError
from groundwork.ingestion.sources import sitemap
from groundwork.ingestion.sources.base import SourceOptions, as_document
from groundwork.ingestion.sources.crawl import Crawl
from groundwork.ingestion.sources.fetch import MEDIA_TYPES, Failed, Fetched, Fetcher, Wanted
from groundwork.ingestion.sources.robots import Robots
from groundwork.ingestion.sources.site import (
    CONCURRENCY,
    Network,
    find_sitemap,
    open_fetcher,
    read_robots,
    read_sitemap,
)
from groundwork.ingestion.sources.urls import Link, Scope, parse_start


class WebsiteSource:
    """The pages of a website below a URL, or those that a sitemap lists.

    A page is its URL's path. `read` drives an event loop of its own, so it must run in a thread that has
    none running. Up to four pages are fetched at once and held in memory; between two of them no
    request is open. Sitemaps are read in the order of their pages, without one the links level by level.
    """

    def __init__(self, url: str, options: SourceOptions, network: Network | None = None) -> None:
        self._start, self._auth = parse_start(url)
        self._options = options
        self._network = network or Network()
        self.label = self._start.url
        self.ignored: Counter[str] = Counter()

    def read(self) -> Iterator[RawDocument | Skipped]:
        """The pages. Raises SourceError where the site cannot be read or may not be."""
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            opened = stack.enter_async_context(
                open_fetcher(self._options, self._auth, self._network)
            )
            fetcher = runner.run(opened)
            try:
                crawl, robots = runner.run(self._begin(fetcher))
                self.ignored = crawl.ignored
                yield from self._pages(runner, fetcher, crawl, robots)
            finally:
                runner.run(stack.aclose())

    async def _begin(self, fetcher: Fetcher) -> tuple[Crawl, Robots]:
        """Read robots.txt and the sitemaps, and decide which pages to start with."""
        scope = Scope.of(self._start.url)
        robots = await read_robots(fetcher, scope, self._options.user_agent)
        fetcher.may_fetch = lambda url: robots.allows(_path(url))
        fetcher.bucket.slow_down(robots.crawl_delay or 0)
        if sitemap.is_sitemap(self._start.url):
            pages = await read_sitemap(fetcher, scope, self._start.url)
        else:
            pages = await find_sitemap(fetcher, scope, robots)
        if pages:
            return Crawl(pages, scope, self._options, follow=False), robots
        if sitemap.is_sitemap(self._start.url):
            raise SourceError(
                f"The sitemap {self.label} lists no page below itself.", field="source"
            )
        if not robots.allows(self._start.page):
            raise SourceError(f"robots.txt forbids to read {self.label}.", field="source")
        return Crawl([self._start], scope, self._options, follow=True), robots

    def _pages(
        self, runner: asyncio.Runner, fetcher: Fetcher, crawl: Crawl, robots: Robots
    ) -> Iterator[RawDocument | Skipped]:
        """Fetch the frontier batch by batch until it is empty."""
        while batch := crawl.next_batch(CONCURRENCY):
            allowed = [each for each in batch if robots.allows(_path(each.url))]
            outcomes = runner.run(self._fetch(fetcher, allowed))
            for each in batch:
                outcome = outcomes.get(each)
                if outcome is None:
                    yield Skipped(each.page, "robots", "robots.txt forbids to read the page.")
                elif isinstance(outcome, Failed):
                    yield self._failed(each, outcome, follow=crawl.follow)
                elif identity := crawl.settle(each, outcome):
                    yield self._document(identity, outcome, crawl)
        if crawl.cut_off:
            limit = self._options.max_pages
            detail = f"Pages after the first {limit:,} are not read; raise max_pages."
            yield Skipped(self._start.page, "page-limit", detail)

    async def _fetch(self, fetcher: Fetcher, batch: list[Link]) -> dict[Link, Fetched | Failed]:
        wanted = Wanted(self._options.max_bytes, MEDIA_TYPES)
        outcomes = await asyncio.gather(*(fetcher.get(each.url, wanted) for each in batch))
        return dict(zip(batch, outcomes, strict=True))

    def _failed(self, each: Link, failure: Failed, *, follow: bool) -> Skipped:
        """The entry for a page that could not be had; without its first page a site cannot be read."""
        if follow and each == self._start:
            raise SourceError(f"{self.label} cannot be read: {failure.detail}", field="source")
        return Skipped(each.page, failure.reason, failure.detail)

    def _document(self, identity: Link, fetched: Fetched, crawl: Crawl) -> RawDocument | Skipped:
        if not crawl.scope.holds(fetched.url):
            if identity == self._start:
                raise SourceError(
                    f"{self.label} redirects to {fetched.url}; give that address.", field="source"
                )
            detail = f"It redirects to {fetched.url}, outside of {self.label}."
            return Skipped(identity.page, "redirect-outside", detail)
        content = _as_utf8(fetched)
        if content is None:
            return Skipped(identity.page, "decode", f"The body is no {fetched.charset}.")
        return as_document(identity.page, content, url=identity.url, media_type=fetched.media_type)


def _path(url: str) -> str:
    """What robots.txt speaks about: path and query."""
    return Link(url, url).page


def _as_utf8(fetched: Fetched) -> bytes | None:
    """The body in UTF-8 where the Content-Type header names another charset; None where it is not in it.

    Parsers do not see the header, and it outranks what the page says about itself, as does a byte order
    mark (https://html.spec.whatwg.org/#determining-the-character-encoding): hence the mark.
    """
    if fetched.charset is None or not fetched.media_type.startswith("text/"):
        return fetched.body
    if fetched.body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return fetched.body
    try:
        codec = codecs.lookup(fetched.charset)
        if codec.name in {"utf-8", "ascii"}:
            return fetched.body
        return codecs.BOM_UTF8 + fetched.body.decode(codec.name).encode("utf-8")
    except (LookupError, UnicodeDecodeError) as error:
        return fetched.body if isinstance(error, LookupError) else None
