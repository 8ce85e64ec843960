"""The facade in front of a caller that records what it is asked and answers as told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ipamd import config
from ipamd.api.app import create_app
from ipamd.context import RequestContext


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
