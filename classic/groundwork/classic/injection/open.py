"""The classifier that the settings ask for."""

from __future__ import annotations

from functools import partial

from groundwork.classic.injection.model import WEIGHTS
from groundwork.classic.injection.predict import InjectionClassifier
from groundwork.core.settings import EmbedderSettings, Settings
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.embed.factory import create_embedder


def open_classifier(settings: Settings, embedder: Embedder | None = None) -> InjectionClassifier:
    """The classifier trained under the home, else the one that ships.

    `embedder` is used where it is the one that the weights were trained with; otherwise the bundled model is opened when
    a text first needs a vector. With the embedder `hashing`, which is there to do without a model, words and cues decide.
    """
    own = settings.models / "injection"
    path = own if (own / WEIGHTS).is_file() else None
    found = InjectionClassifier.load(None, path)
    if settings.embedder.engine == "hashing":
        return found
    if embedder is not None and embedder.identity == found.weights.embedder:
        return InjectionClassifier(found.weights, lambda: embedder)
    return InjectionClassifier(found.weights, partial(bundled_embedder, settings))


def bundled_embedder(settings: Settings) -> Embedder:
    """The bundled model, which the shipped weights fit, whatever embeds the index."""
    return create_embedder(settings.model_copy(update={"embedder": EmbedderSettings()}))
