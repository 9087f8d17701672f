"""From settings to an embedder."""

from __future__ import annotations

from groundwork.core.errors import ConfigurationError
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.base import Embedder


def create_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name. The bundled model is exported on the first call."""
    chosen = settings.embedder
    if chosen.engine == "onnx":
        from groundwork.retrieval.embed.export import exported
        from groundwork.retrieval.embed.onnx import OnnxEmbedder

        return OnnxEmbedder(exported(chosen.model, settings.models))
    if chosen.engine == "sentence-transformers":
        from groundwork.retrieval.embed.sentence import SentenceTransformersEmbedder

        return SentenceTransformersEmbedder(chosen.model)
    if chosen.engine == "openai":
        from groundwork.retrieval.embed.openai import OpenAIEmbedder

        if chosen.url is None:
            raise ConfigurationError(
                "the engine openai needs GROUNDWORK_EMBEDDER__URL", field="embedder.url"
            )
        key = chosen.api_key.get_secret_value() if chosen.api_key else None
        return OpenAIEmbedder(chosen.url, chosen.model, api_key=key)
    from groundwork.retrieval.embed.hashing import HashingEmbedder

    return HashingEmbedder()
