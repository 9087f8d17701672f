"""A small random transformer and its export: seconds where the bundled model takes a quarter of a minute."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

from groundwork.core.settings import EmbedderSettings, Settings
from groundwork.retrieval.embed.export import exported
from groundwork.retrieval.embed.onnx import OnnxEmbedder

WINDOW = 256
WORDS = (
    "the a of to index page vector query answer model chunk text restore backup database".split()
)
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]


def sentence(seed: int, words: int) -> str:
    """Words of the vocabulary, other ones for each seed."""
    return " ".join(WORDS[(seed * 7 + n * n + n * seed) % len(WORDS)] for n in range(words))


@cache
def folder() -> Path:
    """Removed when the process ends."""
    path = Path(tempfile.mkdtemp(prefix="embed-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def small_model(seed: int = 0, pooling: str = "mean") -> Path:
    """A BERT of two layers with random weights, saved as sentence-transformers does (to 5.x)."""
    return _saved(seed, pooling)


@cache
def _saved(seed: int, pooling: str) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    entries = [*_SPECIAL, *WORDS, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
    vocabulary = {entry: n for n, entry in enumerate(dict.fromkeys(entries))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    # Both are in the bundled model's file and must not be obeyed.
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=WINDOW,
    )
    target = folder() / f"small-{seed}-{pooling}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        BertModel(config).save_pretrained(target)
    tokenizer.save(str(target / "tokenizer.json"))
    (target / "1_Pooling").mkdir()
    flags = {
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
    }
    (target / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    return target


def settings(*, workers: int = 1, seed: int = 0) -> Settings:
    """Settings of the onnx engine with the small model."""
    return Settings(
        home=folder() / "home",
        embedder=EmbedderSettings(model=str(small_model(seed)), engine="onnx", workers=workers),
    )


def small_embedder(seed: int = 0, pooling: str = "mean") -> OnnxEmbedder:
    """The small model's embedder; exported by the first call."""
    return OnnxEmbedder(exported(str(small_model(seed, pooling)), folder() / "home" / "models"))


@cache
def bundled_embedder() -> OnnxEmbedder:
    """The bundled model's embedder."""
    return OnnxEmbedder(exported("all-MiniLM-L6-v2", folder() / "home" / "models"))
