"""Whole cards: invented people, layouts, faces, and scenes that cards lie in."""
