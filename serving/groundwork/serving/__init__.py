"""Questions in, cited answers out: the answer path and the HTTP service."""
