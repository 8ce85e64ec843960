"""Melange's REST API, v0.1 and v1.0, as its clients know it."""
