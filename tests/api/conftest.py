"""The facade in front of a caller that records what it is asked and answers as told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ipamd import config
from ipamd.api.app import create_app
from ipamd.context import RequestContext
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.rpc.client import DirectCaller
from ipamd.rpc.manager import Manager
from tests.api.described import CheckedClient
from tests.api.v2_client import V2


class RecordingCaller:
    """A ``Caller`` that answers ``result`` or raises it, and keeps the calls it got."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.contexts: list[RequestContext] = []
        self.timeouts: list[float | None] = []
        self.results: list[Any] = []
        self.result: Any = None

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        timeout: float | None = None,
    ) -> Any:
        """Record the call; answer the next of ``results``, else ``result``."""
        self.calls.append((method, dict(args)))
        self.contexts.append(context)
        self.timeouts.append(timeout)
        result = self.results.pop(0) if self.results else self.result
        if isinstance(result, Exception):
            raise result
        return result

    def cast(self, context: RequestContext, method: str, args: Mapping[str, Any]) -> None:
        """The facade waits for every answer, so nothing may be cast."""
        raise AssertionError(f"the facade cast {method}")


@pytest.fixture(scope="session")
def facade() -> tuple[Flask, RecordingCaller]:
    """A facade with the default configuration, and its caller; its URL map is built once."""
    recording = RecordingCaller()
    return create_app(config.load(["--config-file", os.devnull]), recording), recording


@pytest.fixture
def client(facade: tuple[Flask, RecordingCaller]) -> FlaskClient:
    """An HTTP client of the facade, whose caller has nothing recorded."""
    app, recording = facade
    recording.forget()
    return app.test_client()


@pytest.fixture
def caller(facade: tuple[Flask, RecordingCaller]) -> RecordingCaller:
    """The workers' stand-in behind ``client``."""
    return facade[1]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """An HTTP client of a whole service on SQLite; tests keep apart by their tenants."""
    conf = config.load(["--config-file", os.devnull])
    conf.set_override("state_path", str(tmp_path_factory.mktemp("service")))
    conf.set_override("quantum_bind_port", 9696, group="api")
    conf.set_override("max_limit", 3, group="api")
    db = Database(conf)
    schema.upgrade(db)
    db.journal_only = True  # as in ipamd-all without a broker
    app = create_app(conf, DirectCaller(Manager(db)))
    app.test_client_class = CheckedClient
    yield app.test_client()
    db.close()


@pytest.fixture
def v2(service: FlaskClient) -> V2:
    """A client of ``/v2`` of the whole service."""
    return V2(service)
