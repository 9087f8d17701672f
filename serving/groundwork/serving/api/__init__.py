"""The HTTP API: thin routes over the question path."""
