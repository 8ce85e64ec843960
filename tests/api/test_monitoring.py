"""Who is told how the service is doing, where not everybody is an admin."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ipamd import errors
from ipamd.api.app import create_app
from tests.api.conftest import RecordingCaller
from tests.api.guarded_service import USERS, basic_conf, write_users

HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


class Guarded:
    """A facade with ``http_basic``, asked from an address in somebody's name or nobody's."""

    def __init__(self, folder: Path) -> None:
        write_users(folder, USERS)
        self.worker = RecordingCaller()
        self.worker.result = {"version": "1", "database": "sqlite"}
        self._client: FlaskClient = create_app(basic_conf(folder), self.worker).test_client()

    def get(self, path: str, address: str, name: str = "", **headers: str) -> Any:
        """Ask; the password is the name."""
        if name:
            token = base64.b64encode(f"{name}:{name}".encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        environ = {"REMOTE_ADDR": address}
        return self._client.get(path, headers=headers, environ_overrides=environ)


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    """A facade of the test's own."""
    return Guarded(tmp_path)


def test_signs_of_life_are_everybodys(guarded: Guarded) -> None:
    for path in ("/healthcheck", "/healthcheck/live"):
        answer = guarded.get(path, ELSEWHERE)
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert guarded.worker.calls == []
    assert guarded.get("/healthcheck/ready", ELSEWHERE).get_json() == {"status": "ok"}
    guarded.worker.result = errors.Unavailable("No worker serves this request")
    answer = guarded.get("/healthcheck/ready", ELSEWHERE)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert guarded.get("/healthcheck/live", ELSEWHERE).status_code == 200


@pytest.mark.parametrize(
    ("address", "name", "headers", "is_told"),
    [
        (HERE, "", {}, True),
        ("::1", "", {}, True),
        (ELSEWHERE, "admin", {}, True),
        (ELSEWHERE, "member", {}, False),
        (ELSEWHERE, "", {}, False),
        (HERE, "", {"X-Forwarded-For": "192.0.2.7"}, False),
        (HERE, "admin", {"X-Forwarded-For": "192.0.2.7"}, True),
    ],
)
def test_details_are_for_admins_and_this_machine(
    guarded: Guarded, address: str, name: str, headers: dict[str, str], is_told: bool
) -> None:
    answer = guarded.get("/healthcheck/ready", address, name, **headers)
    assert answer.status_code == 200
    assert ("worker" in answer.get_json()) is is_told
    metrics = guarded.get("/metrics", address, name, **headers)
    assert metrics.status_code == (200 if is_told else 403)
    assert ("ipamd_http_requests_total" in metrics.get_data(as_text=True)) is is_told
