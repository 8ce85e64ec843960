"""What the pages send: headers, escaped text, refused forms, errors without tracebacks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from ipamd import config, errors
from ipamd.api import rules
from ipamd.api.app import create_app
from ipamd.api.ui import mount
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.rpc.client import DirectCaller
from ipamd.rpc.manager import Manager
from tests.ui.cloud import Cloud
from tests.ui.looking import pages_of

SECRET = "a secret of the tests"
NASTY = "<script>alert('x')</script>\"&"


@pytest.fixture(scope="module")
def app(cloud_folder: tuple[Path, Cloud]) -> Iterator[Flask]:
    conf = config.load(["--config-file", os.devnull])
    conf.set_override("state_path", str(cloud_folder[0]))
    conf.set_override("ui_secret_key", SECRET, group="api")
    db = Database(conf)
    schema.upgrade(db)
    yield create_app(conf, DirectCaller(Manager(db)))
    db.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def token_in(text: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found
    return found[1]


@pytest.fixture
def releasing(cloud: Cloud) -> str:
    """Path of the question whether an address is to be released."""
    address = cloud.allocate("10.64.0.0/16", tenant_id="forms")
    return f"/ui/blocks/{cloud.blocks['10.64.0.0/16']}/{address}/release"


def state(client: FlaskClient, path: str) -> str:
    """Return the state of the address that ``path`` is about."""
    text = client.get(path.removesuffix("/release")).text
    return "released" if "in quarantine" in text else "held"


def test_every_page_has_the_strict_policy_and_nothing_inline(
    client: FlaskClient, cloud: Cloud
) -> None:
    for name, path in pages_of(cloud).items():
        answer = client.get(path)
        assert answer.status_code == (404 if name == "error" else 200), name
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text), name
        assert re.findall(r"<script(?![^>]* src=\"/ui/static/)", answer.text) == [], name
        loaded = re.findall(r'(?:src|href)="(https?:)?//', answer.text)
        assert loaded == [], name


def test_static_files_may_be_kept_and_have_a_type(client: FlaskClient) -> None:
    for file, kind in (
        ("ipamd.css", "text/css"),
        ("ipamd.js", "text/javascript"),
        ("events.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = client.get(f"/ui/static/{file}")
        assert answer.mimetype == kind
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["ETag"]
    assert client.get("/ui/static/../app.py").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"/ui/search?q={NASTY}",
        f"/ui/networks/{NASTY}".replace("</", "<%2f"),
        "/ui/?open=" + NASTY,
        "/ui/blocks/{block}/allocate?confirm=1&interface_id=" + NASTY,
        "/ui/blocks/{block}/?cidr=" + NASTY,
    ],
)
def test_text_of_others_is_escaped(client: FlaskClient, cloud: Cloud, path: str) -> None:
    wanted = path.replace("{block}", cloud.blocks["10.20.2.0/24"])
    wanted = wanted.replace('"&', "%22%26")
    answer = client.get(wanted)
    assert answer.status_code < 500
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/ui/nothing", "/ui/blocks/x/", "/ui/blocks/{block}/10.0.0.1", "/ui/networks/none",
        "/ui/blocks/{block}/what", "/ui/blocks/{block}/10.20.2.9/release/x",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_page_of_its_own(
    client: FlaskClient, cloud: Cloud, path: str
) -> None:
    answer = client.get(path.replace("{block}", cloud.blocks["10.20.2.0/24"]))
    assert answer.status_code == 404
    assert "Back to the blocks" in answer.text
    assert answer.headers["X-Openstack-Request-Id"] in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_wrong_values_are_named(client: FlaskClient, cloud: Cloud) -> None:
    block = f"/ui/blocks/{cloud.blocks['10.20.2.0/24']}/"
    assert "within the block" in client.get(f"{block}?cidr=10.0.0.0/8").text
    assert client.get("/ui/?marker=gone").status_code == 400
    assert client.get(f"/ui/search?q={'x' * 300}").status_code == 400
    assert client.post("/ui/").status_code == 405
    assert client.get(f"{block}10.20.2.77/release").status_code == 409


def test_bugs_and_absent_workers_are_told_without_a_traceback() -> None:
    class Caller:
        error: Exception = RuntimeError("a secret detail")

        def call(self, *_: Any, **__: Any) -> Any:
            raise self.error

        cast = call

    app = create_app(config.load(["--config-file", os.devnull]), Caller())
    answer = app.test_client().get("/ui/")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    Caller.error = errors.RequestTimeout()
    assert app.test_client().get("/ui/").status_code == 504
    Caller.error = errors.Unavailable()
    answer = app.test_client().get("/ui/?open=x")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert 'href="/ui/?open=x"' in answer.text


# --- forms ----------------------------------------------------------------------------


def test_a_form_is_done_once_however_often_it_is_sent(client: FlaskClient, releasing: str) -> None:
    token = token_in(client.get(releasing).text)
    for _ in range(2):
        answer = client.post(releasing, data={"token": token})
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith("?done=released")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert state(client, releasing) == "released"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "https://localhost"}, 303),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
    ],
)
def test_forms_of_other_sites_are_refused(
    client: FlaskClient, releasing: str, headers: dict[str, str], status: int
) -> None:
    token = token_in(client.get(releasing).text)
    answer = client.post(releasing, data={"token": token}, headers=headers)
    assert answer.status_code == status
    assert state(client, releasing) == ("released" if status == 303 else "held")


def test_forms_that_were_made_for_another_are_refused(
    client: FlaskClient, releasing: str, cloud: Cloud
) -> None:
    tokens = URLSafeTimedSerializer(SECRET, salt="ipamd.ui.form")
    foreign = URLSafeTimedSerializer("guessed", salt="ipamd.ui.form")
    path = f"/ui/blocks/{cloud.blocks['10.64.0.0/16']}/allocate"
    elsewhere = token_in(client.get(f"{path}?confirm=1").text)
    for token in (
        "",
        "x",
        elsewhere,
        tokens.dumps(["somebody", releasing, "key"]),
        foreign.dumps(["", releasing, "key"]),
    ):
        answer = client.post(releasing, data={"token": token})
        assert answer.status_code == 403
        assert "load it again" in answer.text or "somebody or something else" in answer.text
    assert client.post(releasing).status_code == 403
    assert state(client, releasing) == "held"


def test_old_forms_are_refused(
    client: FlaskClient, releasing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_in(client.get(releasing).text)
    monkeypatch.setattr("ipamd.api.ui.forms.LIFETIME_SECONDS", -1)
    answer = client.post(releasing, data={"token": token})
    assert answer.status_code == 403
    assert "too old" in answer.text
    assert state(client, releasing) == "held"


def test_every_page_has_a_rule() -> None:
    known = {rule.name for rule in rules.RULES if rule.name.startswith("ui:")}
    assert {f"ui:{operation}" for _, _, operation, _ in mount.PAGES} == known
