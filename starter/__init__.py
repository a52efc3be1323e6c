"""The client side: commands (`python -m starter`) and a Python client for backend services (`starter.client`)."""
