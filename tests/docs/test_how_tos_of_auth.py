"""Every command of the how-tos about who asks, on a service of the test's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.api.small_keystone import SmallKeystone
from tests.docs.pages import DOCS
from tests.docs.scripts import Script
from tests.services.ports import reserve_port

HOW_TO = DOCS / "how_to"


def script(page: str, folder: Path, texts: dict[str, str], **env: str) -> Script:
    """Prepare the commands of a page, which serves on a port of its own."""
    port = reserve_port()
    prepared = Script(HOW_TO / page, folder, {"127.0.0.1:9898": f"127.0.0.1:{port}", **texts}, env)
    prepared.config.write_text(f"[DEFAULT]\nstate_path = {folder}\n[api]\nbind_port = {port}\n")
    return prepared


def test_names_and_passwords(tmp_path: Path) -> None:
    texts = {"/etc/ipamd": str(tmp_path), "python3": sys.executable}
    assert script("http_basic.md", tmp_path, texts).run() == []


@pytest.mark.timeout(120)
def test_tokens_of_keystone(tmp_path: Path) -> None:
    keystone = SmallKeystone()
    keystone.issue("a-token", project="acme", roles=["member"])
    # Its own catalog names one kind of endpoint, the one that auth_token looks for.
    texts = {
        "http://keystone.example.com:5000": keystone.url,
        "service_token_roles_required": "interface = admin\nservice_token_roles_required",
    }
    try:
        prepared = script("keystone.md", tmp_path, texts, TOKEN="a-token")
        found = prepared.run()
    finally:
        keystone.close()
    assert found == [], (tmp_path / "output").read_text()
