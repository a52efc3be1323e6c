"""Answers for a person's browser."""
