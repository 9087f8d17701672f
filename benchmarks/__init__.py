"""What prints the figures in the README: python -m benchmarks [ingest|search|quality|citations|cli …]."""
