"""Attacks and harmless look-alikes, written here as templates and expanded with a seed."""
