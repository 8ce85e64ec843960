"""ipamd: a message-driven IP address management service."""

__version__ = "0.1.0"
