"""Releases: what answers a request, as one immutable bundle."""
