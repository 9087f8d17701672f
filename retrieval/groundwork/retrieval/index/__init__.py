"""Index versions on a vector engine."""
