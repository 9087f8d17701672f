"""What every embedder promises, on every engine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from groundwork.core.settings import quiet_libraries
from groundwork.retrieval.embed.base import Embedder, PassageText
from groundwork.retrieval.embed.hashing import HashingEmbedder
from groundwork.retrieval.embed.openai import OpenAIEmbedder
from tests.retrieval.embed_world import sentence, small_embedder

ODD = ["", "   ", "naïve café ñ", "日本語の文書", "🙂👩‍👩‍👧", "a\x00b", "x" * 5000]


class _Endpoint(BaseHTTPRequestHandler):
    """An embeddings endpoint whose vectors are not normalised and come in reverse order."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        width = 8 if asked["model"] == "eight" else 16
        rows = 3.0 * HashingEmbedder(width).embed(asked["input"])
        data = [{"index": n, "embedding": row.tolist()} for n, row in enumerate(rows)]
        body = json.dumps({"data": data[::-1]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def _sentence_transformers() -> Embedder:
    from groundwork.retrieval.embed.sentence import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder("all-MiniLM-L6-v2")


@pytest.fixture(scope="module", params=["hashing", "onnx", "openai", "sentence-transformers"])
def make(request: pytest.FixtureRequest) -> Callable[[], Embedder]:
    if request.param == "openai":
        # Its token counts are tiktoken's, whose encodings are bundled.
        quiet_libraries()
        url = request.getfixturevalue("endpoint")
        return lambda: OpenAIEmbedder(url, "eight")
    engines: dict[str, Callable[[], Embedder]] = {
        "hashing": HashingEmbedder,
        "onnx": small_embedder,
        "sentence-transformers": _sentence_transformers,
    }
    return engines[request.param]


@pytest.fixture(scope="module")
def embedder(make: Callable[[], Embedder]) -> Embedder:
    return make()


def test_vectors_are_float32_of_length_one(embedder: Embedder) -> None:
    vectors = embedder.embed([sentence(n, 12) for n in range(5)])
    assert vectors.shape == (5, embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_different_texts_differ_and_equal_texts_do_not(embedder: Embedder) -> None:
    first, second, again = embedder.embed(
        ["restore a backup", "query the index", "restore a backup"]
    )
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert float(first @ second) < 0.999


def test_nothing_gives_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dimension)
    assert embedder.embed_passages([]) == []


@pytest.mark.parametrize("text", ODD)
def test_odd_text_gets_a_vector(embedder: Embedder, text: str) -> None:
    (vector,) = embedder.embed([text])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert embedder.count_tokens(text) >= 0


def test_text_beyond_the_window_is_cut_there(embedder: Embedder) -> None:
    if isinstance(embedder, OpenAIEmbedder):
        pytest.skip("the server cuts")
    beyond = [sentence(1, 600) + " " + sentence(seed, 200) for seed in (2, 3)]
    first, second = embedder.embed(beyond)
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_passage_has_the_vector_of_its_text(embedder: Embedder) -> None:
    text = sentence(4, 20)
    (passage,) = embedder.embed_passages([PassageText(text, ((0, 10), (10, len(text))))])
    np.testing.assert_allclose(passage.dense, embedder.embed([text])[0], atol=1e-6)
    if passage.units is not None:
        assert passage.units.shape == (2, embedder.dimension)
        assert passage.units.dtype == np.int8
        lengths = np.linalg.norm(passage.units.astype(np.float32) / 127, axis=1)
        np.testing.assert_allclose(lengths, 1.0, atol=0.05)


def test_a_second_one_has_the_same_identity_and_vectors(
    make: Callable[[], Embedder], embedder: Embedder
) -> None:
    other = make()
    text = [sentence(5, 30)]
    assert other.identity == embedder.identity
    np.testing.assert_allclose(other.embed(text), embedder.embed(text), atol=1e-6)


def test_other_models_have_other_identities(endpoint: str) -> None:
    embedders: list[Embedder] = [
        HashingEmbedder(8),
        HashingEmbedder(16),
        small_embedder(),
        small_embedder(seed=1),
        OpenAIEmbedder(endpoint, "eight"),
        OpenAIEmbedder(endpoint, "sixteen"),
    ]
    assert len({one.identity for one in embedders}) == len(embedders)
