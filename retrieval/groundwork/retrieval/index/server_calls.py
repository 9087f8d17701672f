"""Calls to a Qdrant server: retried where that is safe, and answered with this product's errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit, urlunsplit

from groundwork.core.errors import (
    ConfigurationError,
    Conflict,
    GroundworkError,
    NotFound,
    Unavailable,
)

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

_Args = ParamSpec("_Args")
_Answer = TypeVar("_Answer")
# Seconds before the second and the third try.
_PAUSES = (0.2, 1.0)
_PASSING = {408, 429, 500, 502, 503, 504}


class Calls:
    """A client and the manners of calling it. `address` is what error messages show."""

    def __init__(
        self,
        client: QdrantClient,
        address: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self.address = address
        self.pause = pause

    def __call__(
        self,
        method: Callable[_Args, _Answer],
        *args: _Args.args,
        **options: _Args.kwargs,
    ) -> _Answer:
        """Call a method that may run twice without harm: every read, and every write with ids of ours.

        Raises Unavailable, NotFound (no such collection), ConfigurationError (the key) or GroundworkError.
        """
        for seconds in _PAUSES:
            try:
                return self.once(method, *args, **options)
            except Unavailable as error:
                self.pause(error.retry_after or seconds)
        return self.once(method, *args, **options)

    def once(
        self,
        method: Callable[_Args, _Answer],
        *args: _Args.args,
        **options: _Args.kwargs,
    ) -> _Answer:
        """Call a method that must not run twice."""
        from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            return method(*args, **options)
        except ResourceExhaustedResponse as error:
            raise Unavailable(
                f"the Qdrant server at {self.address} is overloaded",
                retry_after=error.retry_after_s,
            ) from error
        except ResponseHandlingException as error:
            raise Unavailable(
                f"the Qdrant server at {self.address} does not answer ({type(error.source).__name__}); "
                "check index.url and that it runs"
            ) from error
        except UnexpectedResponse as error:
            raise self._refusal(error.status_code or 0, _said(error.content)) from error
        except ValueError as error:
            # qdrant-client without a server says so in this way.
            if "not found" not in str(error):
                raise
            raise NotFound(str(error)) from error

    def _refusal(self, status: int, said: str) -> GroundworkError:
        server = f"the Qdrant server at {self.address}"
        if status in {401, 403}:
            return ConfigurationError(
                f"{server} refuses the key; set index.api_key", field="index.api_key"
            )
        if status == 409:
            return Conflict(f"{server}: {said}")
        if status == 404:
            return NotFound(f"{server} has no such collection")
        if status in _PASSING:
            return Unavailable(f"{server} answered {status}: {said}")
        return GroundworkError(f"{server} answered {status}: {said}")


def shown(url: str) -> str:
    """The URL without credentials, for messages."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _said(content: bytes) -> str:
    return content[:200].decode(errors="replace")
