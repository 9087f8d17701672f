"""Prompts: versioned files, what is put into them, and how that is kept from being taken for an instruction."""

from __future__ import annotations

from groundwork.serving.prompts.file import Prompt
from groundwork.serving.prompts.library import PromptLibrary

__all__ = ["Prompt", "PromptLibrary"]
