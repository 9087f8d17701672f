"""Traces of requests: from stages to spans, kept here and sent to whoever collects them, off the request's path."""
