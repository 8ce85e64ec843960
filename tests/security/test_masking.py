"""Secrets in logs, dumps of the configuration, and errors: not to be found."""

from __future__ import annotations

import importlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipamd import masking

SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql+psycopg://ipamd:{SECRET}@db.example:5432/ipamd",
        f"postgresql+psycopg:///ipamd?host=db&user=ipamd&password={SECRET}",
        f"mysql+pymysql://ipamd:{SECRET}@db/ipamd?charset=utf8mb4",
        f"rabbit://nova:{SECRET}@one:5672,nova:{SECRET}@two:5672/ipamd",
        f"rabbit://nova:{SECRET}@[2001:db8::1]:5672//",
        f"Invalid transport URL: 'rabbit://nova:{SECRET}@one:port/'",
        f"rabbit://nova:{SECRET}/with/slashes@one:5672/",
        f"rabbit://nova:a@{SECRET}@one:5672/",
        f"redis://:{SECRET}@cache:6379/0",
        f"password = {SECRET}",
        f'{{"auth_token": "{SECRET}", "tenant": "t"}}',
        f"connection failed: password={SECRET} host=db",
        f"{{'admin_password': '{SECRET}'}}",
        f"X-Auth-Token: {SECRET}",
        f"{{'Authorization': 'Basic {SECRET}'}}",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    found = masking.masked(text)
    assert SECRET not in found
    assert masking.MASK in found


@pytest.mark.parametrize(
    "text",
    [
        "req-1 GET /v0.1/ipam/tenants/a@b/ip_blocks 200 1.5 ms",
        "listening on http://127.0.0.1:9898, mail ops@example.org",
        "postgresql+psycopg://db.example:5432/ipamd",
        "rabbit://one:5672,two:5672/ipamd",
        "request 5f: idempotency_key boot-1 was used before",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masking.masked(text) == text


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The root logger's only handler, as a program sets it up."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:]
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root.handlers[:] = [handler]
    masking.install()
    masking.install()
    yield written
    root.handlers[:] = before


def test_a_traceback_in_the_log_has_no_secrets(log: io.StringIO) -> None:
    try:
        raise ConnectionError(f"rabbit://nova:{SECRET}@one:5672/ refused, password={SECRET}")
    except ConnectionError:
        logging.getLogger("ipamd").exception("it failed with %s", f"secret='{SECRET}'")
    assert "Traceback" in log.getvalue()
    assert SECRET not in log.getvalue()


@pytest.mark.parametrize("program", ["api", "worker", "all"])
@pytest.mark.parametrize(
    "url",
    [
        "rabbit://u:hunter2@[::1",
        "rabbit://u:hunter2@h:port/",
        "redis://u:hunter2@h/",
        "u:hunter2",
        "rabbit://u:hunter2/x@h/",
    ],
)
def test_a_transport_url_of_no_use_is_one_sentence_without_its_password(
    tmp_path: Path, program: str, url: str
) -> None:
    config = tmp_path / "ipamd.conf"
    config.write_text(f"[DEFAULT]\nstate_path = {tmp_path}\ntransport_url = {url}\n")
    main = importlib.import_module(f"ipamd.cmd.{program}").main
    with pytest.raises(SystemExit) as ended:
        main(["--config-file", str(config)])
    sentence = str(ended.value)
    assert sentence.startswith(f"ipamd-{program}: [DEFAULT] transport_url")
    assert SECRET not in sentence
    assert "\n" not in sentence
