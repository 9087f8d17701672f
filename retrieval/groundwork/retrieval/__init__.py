"""Passages out: embedders, index engines, fusion and confidence."""
