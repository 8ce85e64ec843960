"""A client of ``/v2`` that checks what every answer has to have."""

from __future__ import annotations

import uuid
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HEADER = "OpenStack-API-Version"


class V2:
    """Asks ``/v2`` in its newest version; each has a tenant of its own."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.tenant = f"tenant-{uuid.uuid4()}"

    def answer(self, verb: str, path: str, *, body: Any = None, **headers: str) -> TestResponse:
        """Send a request; underscores in the names of ``headers`` are hyphens."""
        sent = {HEADER: "ipam latest"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.open(f"/v2{path}", method=verb, json=body, headers=sent)
        assert answer.headers[HEADER].startswith("ipam 2.")
        assert HEADER in answer.headers["Vary"]
        if answer.status_code == 201:
            assert answer.headers["Location"].startswith("/v2/")
        if answer.status_code >= 400 and verb != "HEAD":
            (error,) = answer.get_json()["errors"]
            assert error["status"] == answer.status_code
            assert error["request_id"] == answer.headers["X-Openstack-Request-Id"]
        return answer

    def ask(
        self, verb: str, path: str, body: Any = None, status: int = 200, **headers: str
    ) -> Any:
        """Send a request and return the document of its answer."""
        answer = self.answer(verb, path, body=body, **headers)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json() if answer.data else None

    def get(self, path: str) -> Any:
        """Read what is there."""
        return self.ask("GET", path)

    def refused(self, verb: str, path: str, body: Any, status: int) -> Any:
        """Send what is refused, and return the error."""
        return self.ask(verb, path, body, status)["errors"][0]

    def make(self, noun: str, **fields: Any) -> Any:
        """Create a resource in its list, and return it as its own URI shows it."""
        plural = {"policy": "policies", "ip_address": "ip-addresses", "nat": "nat"}.get(noun)
        path = "/" + (plural or f"{noun}s").replace("_", "-")
        answer = self.answer("POST", path, body={noun: fields})
        assert answer.status_code == 201, answer.get_data(as_text=True)
        made = answer.get_json()[noun]
        location = answer.headers["Location"].removeprefix("/v2")
        assert self.get(location) == {noun: made}
        return made

    def block(self, cidr: str = "10.0.0.0/24", **fields: Any) -> Any:
        """Create a private block."""
        return self.make("ip_block", tenant_id=self.tenant, cidr=cidr, type="private", **fields)

    def allocate(self, block: Any, **fields: Any) -> Any:
        """Allocate an address."""
        return self.make("ip_address", ip_block_id=block["id"], **fields)
