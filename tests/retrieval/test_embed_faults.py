"""What embedders and their cache do when a file, an endpoint or a text is not as it should be."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from groundwork.core.errors import ConfigurationError, GroundworkError, Unavailable
from groundwork.retrieval.embed.base import PassageText, PassageVectors
from groundwork.retrieval.embed.cache import VectorCache
from groundwork.retrieval.embed.export import exported
from groundwork.retrieval.embed.onnx import OnnxEmbedder
from groundwork.retrieval.embed.openai import OpenAIEmbedder
from tests.retrieval.embed_world import sentence, small_embedder, small_model

ONE = PassageVectors(np.ones(384, dtype=np.float32))


def test_a_locked_cache_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.sqlite"
    first = VectorCache(path)
    first.put_many("e", {"d": ONE})
    first.close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda file, **_: connect(file, timeout=0))
    with pytest.raises(Unavailable, match="locked"):
        VectorCache(path)
    holder.execute("ROLLBACK")
    holder.close()
    assert not (tmp_path / "v.damaged").exists()
    again = VectorCache(path)
    assert again.known("e", ["d"]) == {"d"}
    again.close()


def test_damage_found_on_the_way_is_set_aside_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    digests = [f"{n:064x}" for n in range(3000)]
    first = VectorCache(path)
    first.put_many("e", dict.fromkeys(digests, ONE))
    first.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    path.write_bytes(content)
    second = VectorCache(path)
    with pytest.raises(GroundworkError, match="run the command again"):
        second.get_many("e", digests)
    third = VectorCache(path)
    assert third.known("e", digests) == set()
    third.close()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"embedding_dimension": 64, "pooling_mode": "cls"}, "cls"),
        ({"embedding_dimension": 64, "pooling_mode": "mean"}, "mean"),
    ],
)
def test_the_pooling_of_sentence_transformers_6_is_read(
    tmp_path: Path, config: dict[str, object], expected: str
) -> None:
    source = tmp_path / "model"
    shutil.copytree(small_model(), source)
    (source / "1_Pooling" / "config.json").write_text(json.dumps(config))
    vectors = OnnxEmbedder(exported(str(source), tmp_path / "models")).embed([sentence(1, 9)])
    reference = small_embedder(pooling=expected).embed([sentence(1, 9)])
    assert np.array_equal(vectors, reference)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}),
        ("1_Pooling/config.json", {"pooling_mode": ["mean", "max"]}),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}]),
    ],
)
def test_a_model_that_an_export_would_change_is_refused(
    tmp_path: Path, file: str, content: object
) -> None:
    source = tmp_path / "model"
    shutil.copytree(small_model(), source)
    (source / file).write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match="GROUNDWORK_EMBEDDER__ENGINE"):
        exported(str(source), tmp_path / "models")


def test_a_lone_surrogate_is_embedded() -> None:
    embedder = small_embedder()
    assert np.array_equal(embedder.embed(["restore \ud800"]), embedder.embed(["restore ?"]))
    assert embedder.count_tokens("restore \ud800") == 2


def test_the_unit_at_the_cut_gets_no_vector_of_the_end_token() -> None:
    text = sentence(3, 400)
    embedder = small_embedder()
    words = text.split(" ")
    # The first word that does not fit: the window holds two special tokens.
    start = len(" ".join(words[: embedder.max_tokens - 2])) + 1
    span = (start, start + len(words[embedder.max_tokens - 2]))
    (passage,) = embedder.embed_passages([PassageText(text, (span,))])
    assert passage.units is not None
    assert not passage.units.any()


def test_sentence_transformers_is_called_without_deprecated_names() -> None:
    from groundwork.retrieval.embed.sentence import SentenceTransformersEmbedder

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SentenceTransformersEmbedder("all-MiniLM-L6-v2").dimension == 384


class _Server(ThreadingHTTPServer):
    answer: tuple[int, bytes, dict[str, str]]
    keys: list[str | None]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.keys.append(self.headers.get("Authorization"))
        status, body, headers = self.server.answer
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 the name that http.server calls

    def log_message(self, *_: object) -> None:
        pass


GOOD: tuple[int, bytes, dict[str, str]] = (
    200,
    json.dumps({"data": [{"index": 0, "embedding": [1.0, 2.0]}]}).encode(),
    {},
)


@pytest.fixture
def serve() -> Iterator[Callable[[], _Server]]:
    servers: list[_Server] = []

    def start() -> _Server:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.answer, server.keys = GOOD, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _embedder(server: _Server) -> OpenAIEmbedder:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return OpenAIEmbedder(url, "m", api_key="sk-secret", sleep=lambda _: None)


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b'{"error": "no"}', {}),
        (200, b'{"data": []}', {}),
        (200, b'{"data": [{"index": 0, "embedding": null}]}', {}),
        (200, b'{"data": [{"index": 0, "embedding": [1.0]}]}', {}),
        (200, b'{"data": [{"index": 0, "embedding": ["a", "b"]}]}', {}),
        (200, b"{", {"Content-Length": "999"}),
    ],
)
def test_an_answer_without_the_vectors_asked_for_is_unavailable(
    serve: Callable[[], _Server], answer: tuple[int, bytes, dict[str, str]]
) -> None:
    server = serve()
    embedder = _embedder(server)
    server.answer = answer
    with pytest.raises(Unavailable, match=str(server.server_port)):
        embedder.embed(["a"])


def test_the_key_does_not_follow_a_redirect(serve: Callable[[], _Server]) -> None:
    server, other = serve(), serve()
    embedder = _embedder(server)
    server.answer = (302, b"", {"Location": f"http://localhost:{other.server_port}/x"})
    with pytest.raises(Unavailable, match="302"):
        embedder.embed(["a"])
    assert other.keys == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_its_setting(serve: Callable[[], _Server], status: int) -> None:
    server = serve()
    embedder = _embedder(server)
    server.answer = (status, b"", {})
    with pytest.raises(ConfigurationError, match="GROUNDWORK_EMBEDDER__API_KEY") as raised:
        embedder.embed(["a"])
    assert "sk-secret" not in raised.value.detail


def test_a_password_in_the_address_is_refused_unseen() -> None:
    with pytest.raises(ConfigurationError, match="GROUNDWORK_EMBEDDER__API_KEY") as raised:
        OpenAIEmbedder("http://user:hunter2@127.0.0.1:1/v1", "m", sleep=lambda _: None)
    assert "hunter2" not in raised.value.detail
