"""The HTTP API, the webhooks and the pages."""
