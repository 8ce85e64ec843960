"""Fixtures and settings of all tests."""

from __future__ import annotations

import logging

pytest_plugins = ["tests.services.plugin"]

# Chatty at INFO and below; pytest shows what was logged when a test fails.
for _name in ("amqp", "kombu", "oslo", "oslo_messaging", "stevedore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)
