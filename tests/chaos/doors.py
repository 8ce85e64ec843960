"""The ways in: plain oslo.messaging, ``IpamClient`` and REST, all with the same face.

A door sends once.  It returns a definite answer, or raises ``Undecided``: then the
client sends the same request with the same key again, as clients should.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import amqp
import kombu.exceptions
import oslo_messaging
import requests
from oslo_config import cfg

from ipamd import errors
from ipamd.api.melange.routes import ROUTES, Route, Shape
from ipamd.rpc.client import IpamClient
from tests.chaos.ledger import Answer

TENANT = "t1"


class Undecided(Exception):
    """There was no definite answer; the request may have been done or not."""


class Door(Protocol):
    """A way to ask the service."""

    name: str
    takes_casts: bool

    def call(self, method: str, args: Mapping[str, Any], key: str | None) -> Answer:
        """Ask once and wait for the answer.

        Raises: Undecided.
        """

    def cast(self, method: str, args: Mapping[str, Any], key: str) -> None:
        """Hand over once; return when the broker has it.

        Raises: Undecided.
        """

    def close(self) -> None:
        """Close the connections."""


def _definite(ask: Callable[[], Any]) -> Answer:
    try:
        return Answer(ask())
    except errors.IpamError as error:
        if error.retryable:
            raise Undecided(error.code) from error
        return Answer(refusal=error.code)


class BareDoor:
    """A client written with plain oslo.messaging."""

    name = "oslo.messaging"
    takes_casts = True
    _LOST = (
        oslo_messaging.MessagingTimeout,
        oslo_messaging.MessageDeliveryFailure,
        kombu.exceptions.OperationalError,
        amqp.AMQPError,
        OSError,
    )

    def __init__(self, url: str, *, timeout: int) -> None:
        self._transport = oslo_messaging.get_rpc_transport(
            cfg.CONF, url=url, allowed_remote_exmods=["ipamd.errors"]
        )
        target = oslo_messaging.Target(exchange="ipamd", topic="ipam", version="1.0")
        self._client = oslo_messaging.get_rpc_client(
            self._transport, target, timeout=timeout, retry=1
        )

    def call(self, method: str, args: Mapping[str, Any], key: str | None) -> Answer:
        keyed = {**args, "idempotency_key": key} if key else args
        try:
            return _definite(lambda: self._client.call({"project_id": TENANT}, method, **keyed))
        except self._LOST as error:
            raise Undecided(type(error).__name__) from error

    def cast(self, method: str, args: Mapping[str, Any], key: str) -> None:
        try:
            self._client.cast({"project_id": TENANT}, method, **args, idempotency_key=key)
        except self._LOST as error:
            raise Undecided(type(error).__name__) from error

    def close(self) -> None:
        self._transport.cleanup()


class ClientDoor:
    """The client that other programs import."""

    name = "IpamClient"
    takes_casts = True

    def __init__(self, url: str, *, timeout: float) -> None:
        self._client = IpamClient(url, tenant_id=TENANT, timeout=timeout)

    def call(self, method: str, args: Mapping[str, Any], key: str | None) -> Answer:
        return _definite(lambda: getattr(self._client, method)(**args, idempotency_key=key))

    def cast(self, method: str, args: Mapping[str, Any], key: str) -> None:
        try:
            self._client.cast(method, **args, idempotency_key=key)
        except errors.IpamError as error:
            raise Undecided(error.code) from error

    def close(self) -> None:
        self._client.close()


class RestDoor:
    """Melange's REST API, with ``Idempotency-Key``."""

    name = "REST"
    takes_casts = False
    _UNDECIDED = frozenset({502, 503, 504})

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._routes = {route.method: route for route in reversed(ROUTES)}

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._sessions.append(self._local.session)
        found: requests.Session = self._local.session
        return found

    def call(self, method: str, args: Mapping[str, Any], key: str | None) -> Answer:
        route = self._routes[method]
        body = None if route.body is None else {route.body: args.get(route.body, {})}
        try:
            response = self._session().request(
                route.verb,
                f"{self._url}/{route.versions[0]}{route.path.format(**args)}",
                json=body,
                headers={"Idempotency-Key": key} if key else {},
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            raise Undecided(type(error).__name__) from error
        if response.status_code in self._UNDECIDED:
            raise Undecided(f"HTTP {response.status_code}")
        if response.status_code == 409 and "still in progress" in response.text:
            raise Undecided("HTTP 409, in progress")  # its twin is at work: ask again
        if response.ok:
            return Answer(_result(route, response))
        return Answer(refusal=f"{response.status_code} {response.text[:200]}")

    def cast(self, method: str, args: Mapping[str, Any], key: str) -> None:
        raise NotImplementedError("REST has no casts")

    def close(self) -> None:
        for session in self._sessions:
            session.close()


def _result(route: Route, response: requests.Response) -> Any:
    """Take a document's root key off: what is inside is the RPC's result."""
    match route.answer.shape:
        case Shape.ONE:
            return response.json()[route.answer.root]
        case Shape.INSTANCE:
            return response.json()["instance"]
        case Shape.MANY:
            return response.json()
    return None
