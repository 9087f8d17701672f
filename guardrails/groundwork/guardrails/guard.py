"""Rails: checks of questions, passages and answers, run by one policy."""

from __future__ import annotations
