"""Releases of the assistant: written from what answers, and made into what answers."""
