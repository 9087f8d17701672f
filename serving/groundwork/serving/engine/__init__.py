"""Engines: servers of language models that speak OpenAI's API, vLLM first."""
