"""What a run found, for people: one HTML page, and Markdown."""
