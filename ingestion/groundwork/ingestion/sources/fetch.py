"""Fetching one URL of a website: politely, within its origin, and from public addresses only."""

from __future__ import annotations

import email.utils
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from groundwork.core.errors import SourceError
from groundwork.ingestion.sources.addresses import AddressRefusedError, check_literal
from groundwork.ingestion.sources.http_cache import CachedResponse, HttpCache
from groundwork.ingestion.sources.throttle import TokenBucket
from groundwork.ingestion.sources.urls import link, origin

MAX_REDIRECTS = 5
ATTEMPTS = 4
# A server that asks for a longer pause is not asked again in this run: sooner would be rude.
MAX_RETRY_AFTER = 120.0
# So many requests in a row without an answer, retries included, mean that the site is down.
MAX_FAILURES_IN_A_ROW = 24
_BLOCK = 2**16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})

MEDIA_TYPES = frozenset(
    {
        "text/html", "application/xhtml+xml", "text/markdown", "text/x-markdown", "text/plain", "application/pdf",
    }
)  # fmt: skip
_ACCEPT = (
    "text/html, application/xhtml+xml, text/markdown, text/plain, application/pdf;q=0.9, */*;q=0.1"
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, unpacked, and the URL that it finally came from."""

    url: str
    body: bytes
    media_type: str
    charset: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no body. `reason` is a code of Skipped, `status` the HTTP status where there is one."""

    url: str
    reason: str
    detail: str
    status: int | None = None
    retry_after: float | None = None
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request accepts: media types (None: any) and bytes of unpacked body."""

    max_bytes: int
    media_types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Redirect:
    target: str


class Fetcher:
    """Fetches URLs of one origin.

    `may_fetch` is asked before each redirect is followed (robots.txt). A private address raises
    SourceError unless `allow_private`; the session's resolver must be the checking one then.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        bucket: TokenBucket,
        cache: HttpCache,
        *,
        allow_private: bool,
    ) -> None:
        self.bucket = bucket
        self.may_fetch: Callable[[str], bool] = lambda _: True
        self._session = session
        self._cache = cache
        self._allow_private = allow_private
        self._failures = 0

    async def get(self, url: str, wanted: Wanted) -> Fetched | Failed:
        """The body behind the URL, following redirects by hand."""
        start = origin(url)
        for _ in range(MAX_REDIRECTS + 1):
            outcome = await self._patiently(url, wanted)
            if not isinstance(outcome, _Redirect):
                return outcome
            target = link(outcome.target, url)
            if target is None or origin(target.url) != start:
                return Failed(url, "redirect-outside", "It redirects to another site.")
            if not self.may_fetch(target.url):
                return Failed(url, "robots", "It redirects to a page that robots.txt forbids.")
            url = target.url
        return Failed(url, "http-error", f"It redirects more than {MAX_REDIRECTS} times.")

    async def _patiently(self, url: str, wanted: Wanted) -> Fetched | Failed | _Redirect:
        """Ask again where the failure may pass; the pause holds for all requests to the site."""
        outcome: Fetched | Failed | _Redirect
        for attempt in range(ATTEMPTS):
            await self.bucket.acquire()
            outcome = await self._once(url, wanted)
            if not isinstance(outcome, Failed) or not outcome.transient:
                self._failures = 0
                return outcome
            self._count_failure(outcome)
            pause = outcome.retry_after if outcome.retry_after is not None else 2.0**attempt
            if pause > MAX_RETRY_AFTER:
                return replace(outcome, detail=f"{outcome.detail} It asks to wait {pause:.0f} s.")
            self.bucket.hold(pause)
        return outcome

    def _count_failure(self, failure: Failed) -> None:
        self._failures += 1
        if self._failures >= MAX_FAILURES_IN_A_ROW:
            raise SourceError(
                f"{origin(failure.url)} stopped answering: {failure.detail} Try again later.",
                field="source",
            )

    async def _once(self, url: str, wanted: Wanted) -> Fetched | Failed | _Redirect:
        """One request. Network failures come back as transient, refused addresses raise."""
        try:
            if not self._allow_private:
                check_literal(URL(url).raw_host or "")
            return await self._request(url, wanted)
        except AddressRefusedError as error:
            raise _refused(url, error) from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, AddressRefusedError):
                raise _refused(url, error.os_error) from error
            return Failed(url, "http-error", f"No connection: {error.os_error}.", transient=True)
        except aiohttp.ClientPayloadError as error:
            if isinstance(error.__cause__, ContentEncodingError):
                return Failed(url, "decode", "The compressed body is damaged.")
            return Failed(url, "http-error", "The body was cut short.", transient=True)
        except (aiohttp.ClientError, OSError) as error:
            detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return Failed(url, "http-error", f"{detail}.", transient=True)

    async def _request(self, url: str, wanted: Wanted) -> Fetched | Failed | _Redirect:
        cached = self._cached(url, wanted)
        headers = {"Accept": _ACCEPT, **(cached.conditions if cached else {})}
        async with self._session.get(
            URL(url, encoded=True), headers=headers, allow_redirects=False
        ) as response:
            if response.status == HTTPStatus.NOT_MODIFIED and cached is not None:
                return Fetched(url, cached.body, cached.media_type, cached.charset)
            if response.status in _REDIRECTS and "Location" in response.headers:
                return _Redirect(response.headers["Location"])
            if response.status != HTTPStatus.OK:
                return self._failed(url, response)
            return await self._accept(url, response, wanted)

    def _cached(self, url: str, wanted: Wanted) -> CachedResponse | None:
        """What is kept of the URL, if it would be accepted today."""
        cached = self._cache.get(url)
        if cached is None or len(cached.body) > wanted.max_bytes:
            return None
        media_types = wanted.media_types
        return cached if media_types is None or cached.media_type in media_types else None

    def _failed(self, url: str, response: aiohttp.ClientResponse) -> Failed:
        if response.status in _GONE:
            self._cache.forget(url)
        return Failed(
            url,
            "http-error",
            f"The server answers {response.status}.",
            response.status,
            _retry_after(response.headers.get("Retry-After")),
            response.status in _TRANSIENT,
        )

    async def _accept(
        self, url: str, response: aiohttp.ClientResponse, wanted: Wanted
    ) -> Fetched | Failed:
        """Read the body, as long as it is wanted."""
        media_type = response.content_type.lower()
        if wanted.media_types is not None and media_type not in wanted.media_types:
            return Failed(url, "media-type", f"{media_type} is no documentation.")
        body = await _capped(response, wanted.max_bytes)
        if body is None:
            detail = f"The body has more than {wanted.max_bytes:,} bytes."
            return Failed(url, "too-large", detail)
        if "no-store" in response.headers.get("Cache-Control", "").lower():
            self._cache.forget(url)
        else:
            etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
            self._cache.put(url, CachedResponse(etag, modified, media_type, response.charset, body))
        return Fetched(url, body, media_type, response.charset)


async def _capped(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The unpacked body, None where it is over the limit; aiohttp unpacks it block by block."""
    if response.content_length is not None and response.content_length > limit:
        return None
    body = bytearray()
    async for block in response.content.iter_chunked(_BLOCK):
        body += block
        if len(body) > limit:
            return None
    return bytes(body)


def _retry_after(value: str | None) -> float | None:
    """The pause in seconds that a Retry-After header asks for, as seconds or as a date (RFC 9110)."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _refused(url: str, error: OSError) -> SourceError:
    return SourceError(
        f"{origin(url)} is not read: {error}. Set allow_private_addresses for a site of your own network.",
        field="allow_private_addresses",
    )
