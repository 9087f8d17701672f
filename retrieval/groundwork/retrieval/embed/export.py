"""A transformer, exported once: ONNX with pooling and normalising baked in, int8 weights per channel.

The export is kept under the digest of the model's files; it is written beside its place and renamed, so that a
half-written one is never found and two processes may export at once. Two outputs: `sentence_embedding`, the text's
vector, and `token_embeddings`, the last hidden state, from which unit vectors are pooled.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core.errors import GroundworkError
from groundwork.retrieval.embed.model import model_digest, model_folder, pooling_mode

if TYPE_CHECKING:
    from torch import Tensor

# Changes when the way of exporting does, so that old exports are not mistaken for new ones.
RECIPE = "int8-per-channel-2"
# Random ids are the worst case; real text agrees to 0.99.
_LEAST_COSINE = 0.95
META = "meta.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"


def exported(name: str, models: Path) -> Path:
    """The folder of the exported model under `models`, made now if it is not there.

    Where `name` is the folder of an export already, as an image carries one, it is that folder: nothing is made, and neither
    torch nor the model's own files are needed.
    """
    if (Path(name) / META).is_file():
        return Path(name)
    source = model_folder(name)
    pointer = _pointer(source, models)
    if pointer is not None:
        return pointer
    digest = model_digest(source)
    folder = models / f"{digest[:16]}-{RECIPE}"
    if not (folder / META).is_file():
        _export(name, source, digest, folder)
    _remember(source, models, folder)
    return folder


def _stamp(source: Path) -> list[Any]:
    files = sorted(
        path for path in source.rglob("*") if path.suffix in {".json", ".safetensors", ".bin"}
    )
    return [
        [str(path.relative_to(source)), path.stat().st_size, path.stat().st_mtime_ns]
        for path in files
    ]


def _pointer(source: Path, models: Path) -> Path | None:
    """The export made of these very files before, recognised by sizes and times: hashing 90 MB takes longer."""
    path = models / "sources.json"
    if not path.is_file():
        return None
    try:
        entry = orjson.loads(path.read_bytes()).get(str(source))
    except orjson.JSONDecodeError:
        return None
    if entry is None or entry["stamp"] != _stamp(source):
        return None
    folder = models / entry["folder"]
    return folder if (folder / META).is_file() and folder.name.endswith(RECIPE) else None


def _remember(source: Path, models: Path, folder: Path) -> None:
    path = models / "sources.json"
    known: dict[str, Any] = {}
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        known = orjson.loads(path.read_bytes())
    known[str(source)] = {"stamp": _stamp(source), "folder": folder.name}
    with tempfile.NamedTemporaryFile(dir=models, delete=False) as file:
        file.write(orjson.dumps(known))
    Path(file.name).replace(path)


def _export(name: str, source: Path, digest: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".export-", dir=folder.parent))
    try:
        meta = _write_model(source, work)
        shutil.copyfile(source / TOKENIZER, work / TOKENIZER)
        meta |= {"name": name, "digest": digest, "recipe": RECIPE}
        (work / META).write_bytes(orjson.dumps(meta))
        try:
            os.rename(work, folder)  # noqa: PTH104 unlike Path.rename, documented to fail on a full folder
        except OSError:
            if not (folder / META).is_file():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_model(source: Path, work: Path) -> dict[str, Any]:
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoModel

    pooling = pooling_mode(source)
    with _quiet():
        model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()
        pooled = _Pooled(model, pooling).module
        # Two tensors: the exporter takes one object given twice for one input.
        ids = torch.randint(1, model.config.vocab_size, (2, 16))
        mask = torch.ones_like(ids)
        axes = {
            0: torch.export.Dim("batch", min=1, max=256),
            1: torch.export.Dim("sequence", min=2),
        }
        torch.onnx.export(
            pooled,
            (ids, mask),
            str(work / "float.onnx"),
            input_names=["input_ids", "attention_mask"],
            output_names=["sentence_embedding", "token_embeddings"],
            dynamic_shapes={"input_ids": axes, "attention_mask": axes},
            dynamo=True,
            external_data=False,
        )
        quantize_dynamic(
            work / "float.onnx", work / MODEL, per_channel=True, weight_type=QuantType.QInt8
        )
    (work / "float.onnx").unlink()
    window = _window(model)
    _verify(work / MODEL, pooled, int(model.config.vocab_size), window)
    return {
        "pooling": pooling,
        "dimension": int(model.config.hidden_size),
        "max_tokens": window,
    }


def _window(model: Any) -> int:
    """Positions that text may fill: RoBERTa and its kin count from behind the padding's position."""
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    places = int(model.config.max_position_embeddings)
    return places if padding is None else places - int(padding) - 1


def _verify(path: Path, reference: Any, vocabulary: int, window: int) -> None:
    """A model that does not load, or says something else than its source, must not be kept."""
    import numpy as np
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    # The full window too: that is where position tables end.
    for length in sorted({min(length, window) for length in (5, 40, 200, window)}):
        ids = torch.randint(1, vocabulary, (1, length), generator=generator)
        mask = torch.ones_like(ids)
        with torch.no_grad():
            expected = reference(ids, mask)[0].numpy()[0]
        feed = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
        cosine = float(np.dot(expected, session.run(["sentence_embedding"], feed)[0][0]))
        if not cosine > _LEAST_COSINE:
            raise GroundworkError(
                f"the exported model differs from its source (cosine {cosine:.3f} at {length} tokens); "
                "use GROUNDWORK_EMBEDDER__ENGINE=sentence-transformers"
            )


class _Pooled:
    """The model with pooling and L2 normalisation, as one module."""

    def __init__(self, model: Any, pooling: str) -> None:
        import torch

        class Module(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy: too slow
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
                hidden = self.model(
                    input_ids=input_ids, attention_mask=attention_mask
                ).last_hidden_state
                if pooling == "cls":
                    pooled = hidden[:, 0]
                else:
                    weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
                    pooled = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
                return torch.nn.functional.normalize(pooled, p=2.0, dim=1), hidden

        self.module = Module()


@contextlib.contextmanager
def _quiet() -> Any:
    """The exporter narrates at length on both streams and warns about its own internals."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
