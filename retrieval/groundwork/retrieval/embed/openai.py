"""An OpenAI-compatible embeddings endpoint, such as vLLM with a pooling model."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core.errors import ConfigurationError, Unavailable
from groundwork.retrieval.embed.base import PassageText, PassageVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 64
_TRIES = 4
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_REFUSED = frozenset({401, 403})


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would turn the POST into a GET and carry the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        """None leaves the 3xx answer to be raised."""


class OpenAIEmbedder:
    """`url` is the base, such as http://127.0.0.1:8000/v1. The dimension is asked for once, at construction."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        api_key: str | None = None,
        timeout: float = 30.0,
        max_tokens: int = 512,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(
                "GROUNDWORK_EMBEDDER__URL is no http address", field="embedder.url"
            )
        if "@" in urllib.parse.urlsplit(url).netloc:
            # It would end in the index's identity, in logs and in errors; urllib does not send it either.
            raise ConfigurationError(
                "GROUNDWORK_EMBEDDER__URL holds a user or password; "
                "put the key in GROUNDWORK_EMBEDDER__API_KEY",
                field="embedder.url",
            )
        self._opener = urllib.request.build_opener(_Stay())
        self._endpoint = url.rstrip("/") + "/embeddings"
        self._api_key = api_key
        self._timeout = timeout
        self._sleep = sleep
        self.model = model
        self.max_tokens = max_tokens
        self.dimension = len(self._request(["dimension"])[0])
        self.identity = f"{model}@{self._endpoint}:{self.dimension}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """In batches, normalised here whatever the server does."""
        import numpy as np

        rows: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            rows += self._request(list(texts[start : start + _BATCH]))
        if any(len(row) != self.dimension for row in rows):
            raise self._unavailable("vectors of another length than before")
        vectors = np.asarray(rows, dtype=np.float32).reshape(len(texts), self.dimension)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        normalised: NDArray[np.float32] = vectors / np.maximum(norms, np.float32(1e-12))
        return normalised

    def embed_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """Chunk vectors only: the endpoint shows no token vectors."""
        vectors = self.embed([passage.text for passage in passages])
        return [PassageVectors(vector) for vector in vectors]

    def count_tokens(self, text: str) -> int:
        """Tiktoken's estimate: the server's tokenizer is its own affair."""
        import tiktoken

        return len(tiktoken.get_encoding("cl100k_base").encode(text, disallowed_special=()))

    def _request(self, texts: list[str]) -> list[list[float]]:
        # Token ids beyond the window are an error on most servers, so they are asked to cut.
        body = orjson.dumps(
            {"model": self.model, "input": texts, "truncate_prompt_tokens": self.max_tokens}
        )
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        # The scheme was checked at construction.
        request = urllib.request.Request(self._endpoint, data=body, headers=headers)  # noqa: S310
        try:
            data = orjson.loads(self._send(request))["data"]
            rows = {int(row["index"]): [float(x) for x in row["embedding"]] for row in data}
            return [rows[n] for n in range(len(texts))]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise self._unavailable("no list of embeddings, one for each text") from error

    def _send(self, request: urllib.request.Request) -> bytes:
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(0.5 * 2**attempt)
            try:
                with self._opener.open(request, timeout=self._timeout) as response:
                    return bytes(response.read())
            except urllib.error.HTTPError as error:
                reason = f"HTTP {error.code}"
                error.close()
                if error.code in _REFUSED:
                    raise ConfigurationError(
                        f"{self._endpoint} refuses the key (HTTP {error.code}); "
                        "set GROUNDWORK_EMBEDDER__API_KEY",
                        field="embedder.api_key",
                    ) from error
                if error.code not in _RETRIED:
                    break
            except (OSError, http.client.HTTPException) as error:
                reason = str(getattr(error, "reason", error))
        raise self._unavailable(reason)

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(
            f"the embeddings endpoint {self._endpoint} does not answer as it should: {reason}",
            field="embedder.url",
        )
