"""An endpoint that stumbles is tried again; one that does not answer is named, its key is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from groundwork.core.errors import ConfigurationError, Unavailable
from groundwork.core.settings import EmbedderSettings, Settings
from groundwork.retrieval.embed.factory import create_embedder
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.embed.openai import OpenAIEmbedder

KEY = "sk-not-to-be-seen"


class Double:
    """What the endpoint answers: the statuses in `script` first, then vectors."""

    def __init__(self) -> None:
        self.script: list[int] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.slept: list[float] = []
        self.url = ""

    def embedder(self) -> OpenAIEmbedder:
        return OpenAIEmbedder(self.url, "m", api_key=KEY, sleep=self.slept.append)


@pytest.fixture
def double() -> Iterator[Double]:
    state = Double()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(asked | {"path": self.path})
            state.keys.append(self.headers.get("Authorization"))
            status = state.script.pop(0) if state.script else 200
            rows = [[float(n + 1), 2.0] for n, _ in enumerate(asked["input"])]
            data = [{"index": n, "embedding": row} for n, row in enumerate(rows)]
            body = json.dumps({"data": data}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_port}/v1/"
        yield state
        server.shutdown()


def test_the_dimension_is_asked_for_and_the_key_sent(double: Double) -> None:
    embedder = double.embedder()
    assert embedder.dimension == 2
    assert double.requests[0]["path"] == "/v1/embeddings"
    assert double.requests[0]["truncate_prompt_tokens"] == embedder.max_tokens
    assert double.keys == [f"Bearer {KEY}"]
    assert KEY not in embedder.identity


def test_many_texts_go_in_batches_and_stay_in_order(double: Double) -> None:
    embedder = double.embedder()
    assert embedder.embed([str(n) for n in range(150)]).shape == (150, 2)
    sent = [text for request in double.requests[1:] for text in request["input"]]
    assert sent == [str(n) for n in range(150)]
    assert len(double.requests) == 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_stumble_is_tried_again(double: Double, status: int) -> None:
    embedder = double.embedder()
    double.script = [status, status]
    assert embedder.embed(["a"]).shape == (1, 2)
    assert len(double.slept) == 2
    assert double.slept[1] > double.slept[0] > 0


def test_it_gives_up_and_names_the_address_without_the_key(double: Double) -> None:
    embedder = double.embedder()
    double.script = [503] * 20
    with pytest.raises(Unavailable) as raised:
        embedder.embed(["a"])
    assert len(double.requests) == 5
    assert double.url in raised.value.detail
    assert KEY not in raised.value.detail


def test_a_request_at_fault_is_not_repeated(double: Double) -> None:
    embedder = double.embedder()
    double.script = [404]
    with pytest.raises(Unavailable, match="404"):
        embedder.embed(["a"])
    assert double.slept == []


def test_nobody_listening_is_unavailable() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        closed = server.server_port
    with pytest.raises(Unavailable, match=str(closed)):
        OpenAIEmbedder(f"http://127.0.0.1:{closed}/v1", "m", sleep=lambda _: None)


def test_the_factory_follows_the_engine(double: Double) -> None:
    def embedder(**chosen: Any) -> object:
        return create_embedder(Settings(embedder=EmbedderSettings(**chosen)))

    assert isinstance(embedder(engine="hashing"), HashingEmbedder)
    assert isinstance(embedder(engine="openai", model="m", url=double.url), OpenAIEmbedder)
    with pytest.raises(ConfigurationError, match="GROUNDWORK_EMBEDDER__URL"):
        embedder(engine="openai")
    with pytest.raises(ConfigurationError):
        embedder(engine="openai", url="ftp://127.0.0.1")
