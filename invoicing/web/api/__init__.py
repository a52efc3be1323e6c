"""Calls with JSON answers, one file a noun."""
