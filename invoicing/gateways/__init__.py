"""Adapters of the ports that speak to other people's systems."""
