"""Generators: passages to text with evidence."""
