"""Metrics and logs of the running platform."""
