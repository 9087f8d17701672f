"""Embedders: text to a normalised vector."""
