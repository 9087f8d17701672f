"""HTTP to one engine: a pool of connections, and every failure as an error of the tree."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from groundwork.core.errors import ConfigurationError, EngineBroken, EngineDown, EngineTimeout
from groundwork.serving.engine.decode import error_of_status, retry_after_of

if TYPE_CHECKING:
    import aiohttp

_MAX_ERROR_BYTES = 64 << 10
_MAX_JSON_BYTES = 16 << 20
# vLLM's server closes an idle connection after 5 s; reusing one at that moment fails.
_KEEP_ALIVE_SECONDS = 4.0
_END_SECONDS = 0.25


class Transport:
    """`url` is the base of the API, with its /v1. Deadlines are times of the running event loop."""

    def __init__(
        self, name: str, url: str, *, api_key: str | None = None, connect_seconds: float = 2.0
    ) -> None:
        parts = urlsplit(url)
        field = "generator.url" if name == "default" else f"generator.more.{name}.url"
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"{field} is no http address: {url}", field=field)
        if "@" in parts.netloc:
            # It would end in the release, in logs and in errors.
            raise ConfigurationError(
                f"{field} holds a user or password; put the key in api_key", field=field
            )
        self.name = name
        self.url = url.rstrip("/")
        # vLLM has /tokenize, /health and /metrics beside /v1.
        self.root = self.url.removesuffix("/v1")
        self._connect_seconds = connect_seconds
        self._headers = {"Content-Type": "application/json", "User-Agent": "groundwork"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(
        self,
        method: str,
        url: str,
        deadline: float,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        waiting_for: str = "an answer",
    ) -> Exchange:
        """Send a request and read the head of a response that says success.

        Raises EngineDown, EngineFull, EngineTimeout, EngineRefused or ContextTooLong.
        """
        import aiohttp

        response: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._current().request(
                    method, url, data=body, headers=headers, allow_redirects=False
                )
                if response.status >= 300:
                    said = await _beginning(response, _MAX_ERROR_BYTES)
        except aiohttp.ConnectionTimeoutError as error:
            raise EngineDown(
                f"the engine {self.name} took no connection within {self._connect_seconds:g} s"
            ) from error
        except TimeoutError as error:
            _abandon(response)
            raise _timeout(self.name, waiting_for) from error
        except (aiohttp.ClientError, OSError) as error:
            _abandon(response)
            raise EngineDown(f"the engine {self.name} cannot be reached: {error}") from error
        except BaseException:
            _abandon(response)
            raise
        if response.status < 300:
            return Exchange(self.name, response)
        response.close()
        retry_after = retry_after_of(response.headers.get("Retry-After"))
        raise error_of_status(self.name, response.status, said, retry_after)

    async def json(
        self, method: str, url: str, deadline: float, content: Any | None = None
    ) -> dict[str, Any]:
        """A small JSON object. Raises as `open` does, and EngineBroken for anything that is none."""
        body = None if content is None else orjson.dumps(content)
        exchange = await self.open(method, url, deadline, body=body)
        raw = await exchange.read_all(deadline)
        try:
            parsed = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise EngineBroken(f"the engine {self.name} sent what is not JSON") from error
        if not isinstance(parsed, dict):
            raise EngineBroken(f"the engine {self.name} sent JSON that is no object")
        return parsed

    async def close(self) -> None:
        """Close the connections of this event loop."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _current(self) -> aiohttp.ClientSession:
        """The session of the running loop; a connection cannot be used from another."""
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                # The gate bounds what is in flight; a second limit here would only hide a wait.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class Exchange:
    """A response under way. Whoever holds it calls `close`, which stops an engine that still writes."""

    def __init__(self, name: str, response: aiohttp.ClientResponse) -> None:
        self._name = name
        self._response = response

    @property
    def media_type(self) -> str:
        """The response's own, without parameters."""
        return self._response.content_type

    async def read(self, deadline: float, waiting_for: str = "more") -> bytes:
        """What has come, at least one byte; nothing at the end. Raises EngineTimeout or EngineBroken."""
        import aiohttp

        try:
            async with asyncio.timeout_at(deadline):
                return await self._response.content.readany()
        except TimeoutError as error:
            raise _timeout(self._name, waiting_for) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineBroken(f"the engine {self._name} broke off: {error}") from error

    async def read_all(self, deadline: float) -> bytes:
        """The whole body, up to a limit, and the end of this exchange."""
        body = bytearray()
        try:
            while piece := await self.read(deadline, "the rest of its answer"):
                body += piece
                if len(body) > _MAX_JSON_BYTES:
                    raise EngineBroken(
                        f"the engine {self._name} sent more than {_MAX_JSON_BYTES:,} bytes"
                    )
        finally:
            self.close()
        return bytes(body)

    async def drain(self) -> None:
        """Wait for the end that follows the last event, so that the connection can be used again."""
        if not self._response.content.at_eof():
            try:
                await self.read(asyncio.get_running_loop().time() + _END_SECONDS)
            except (EngineTimeout, EngineBroken):
                # The answer is complete; only the connection is lost.
                self.close()

    def close(self) -> None:
        """Give the connection back at the end of the body; cut it anywhere else."""
        self._response.close()


async def _beginning(response: aiohttp.ClientResponse, size: int) -> bytes:
    """At least so many bytes, or all."""
    body = b""
    while len(body) < size and (piece := await response.content.readany()):
        body += piece
    return body


def _abandon(response: aiohttp.ClientResponse | None) -> None:
    if response is not None:
        response.close()


def _timeout(engine: str, waiting_for: str) -> EngineTimeout:
    return EngineTimeout(f"the engine {engine} took too long: waited for {waiting_for}")
