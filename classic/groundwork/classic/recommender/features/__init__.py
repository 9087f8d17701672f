"""Features of people and films: one set of definitions for training (point in time) and for serving (latest)."""
