"""Paidcase: a durable invoicing pipeline. Every room of the house lives below this name."""
