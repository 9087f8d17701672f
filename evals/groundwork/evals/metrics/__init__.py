"""Metrics of one answer: each a number from 0 to 1, the more the better, or None where it does not apply."""
