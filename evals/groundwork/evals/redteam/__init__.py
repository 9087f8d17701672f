"""The red team: attacks generated from templates and sent through the real question path."""
