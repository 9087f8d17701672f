"""Drift: whether what a model sees and says now is still what it saw and said before. One code path for all models."""
