"""Autopay online payments: calls, notifications and their signatures."""
