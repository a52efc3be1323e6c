"""Getting, starting and tuning a Temporal server, with the standard library alone.

Purpose: one place that knows where the server comes from and with which settings it runs.
Guarantee: runs under a bare Python 3.11 or newer, before any virtual environment exists.
"""
