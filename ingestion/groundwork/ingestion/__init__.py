"""Documents in: sources, parsers, chunks and index versions."""
