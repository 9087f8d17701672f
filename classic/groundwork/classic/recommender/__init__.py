"""Recommending films: ratings, features, models, their evaluation and release, and the answers to requests."""
