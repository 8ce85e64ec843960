"""The accounts of ``etc/rabbitmq/permissions.sh``, on a test's virtual host."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests

SCRIPT = Path(__file__).parents[2] / "etc/rabbitmq/permissions.sh"


def commands() -> Iterator[tuple[str, str, list[str]]]:
    """Yield what the script tells rabbitmqctl of each account: command, name, patterns."""
    for line in SCRIPT.read_text().splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["rabbitmqctl"] and words[1].endswith("permissions"):
            command, option, vhost, name, *rest = words[1:]
            assert (option, vhost) == ("-p", "$VHOST")
            yield command, name, rest


@contextmanager
def accounts(transport_url: str, management_url: str) -> Iterator[dict[str, str]]:
    """Make the script's accounts on the virtual host; give the transport_url of each."""
    vhost = urlsplit(transport_url).path.lstrip("/")
    marker = uuid.uuid4().hex[:8]
    urls: dict[str, str] = {}
    users = []
    try:
        for command, name, patterns in commands():
            user, password = f"{name}-{marker}", uuid.uuid4().hex
            if name not in urls:
                _put(management_url, f"users/{user}", {"password": password, "tags": ""})
                users.append(user)
                host = urlsplit(transport_url).netloc.rpartition("@")[2]
                netloc = f"{user}:{password}@{host}"
                urls[name] = urlunsplit(urlsplit(transport_url)._replace(netloc=netloc))
            if command == "set_permissions":
                body = dict(zip(("configure", "write", "read"), patterns, strict=True))
                _put(management_url, f"permissions/{vhost}/{user}", body)
            else:
                body = dict(zip(("exchange", "write", "read"), patterns, strict=True))
                _put(management_url, f"topic-permissions/{vhost}/{user}", body)
        yield urls
    finally:
        for user in users:
            requests.delete(f"{management_url}/api/users/{user}", timeout=30).raise_for_status()


def _put(management_url: str, resource: str, body: dict[str, str]) -> None:
    answer = requests.put(f"{management_url}/api/{resource}", json=body, timeout=30)
    answer.raise_for_status()
