"""Virtual hosts of their own for tests, on a RabbitMQ server that they share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import requests


@contextmanager
def fresh_vhost(transport_url: str, management_url: str) -> Iterator[str]:
    """Give the transport_url of a new virtual host; delete it afterwards with its clients.

    Raises: requests.HTTPError when the management API refuses.
    """
    name = f"test-{uuid.uuid4().hex[:12]}"
    resource = f"{management_url}/api/vhosts/{name}"
    user = urlsplit(transport_url).username
    requests.put(resource, timeout=30).raise_for_status()
    try:
        # Only RabbitMQ before 3.12 always gives the creator his permissions.
        requests.put(
            f"{management_url}/api/permissions/{name}/{user}",
            json={"configure": ".*", "write": ".*", "read": ".*"},
            timeout=30,
        ).raise_for_status()
        yield urlunsplit(urlsplit(transport_url)._replace(path=f"/{name}"))
    finally:
        requests.delete(resource, timeout=30).raise_for_status()
