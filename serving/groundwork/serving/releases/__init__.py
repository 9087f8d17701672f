"""Releases of the assistant: written from what answers, and made into what answers."""

from groundwork.serving.releases.carrier import IndexCarrier
from groundwork.serving.releases.load import AssistantLoader, Loaded
from groundwork.serving.releases.recipe import candidate_of, line_of

__all__ = ["AssistantLoader", "IndexCarrier", "Loaded", "candidate_of", "line_of"]
