"""Evaluations: what the assistant is worth, measured on sets of questions and on attacks."""
