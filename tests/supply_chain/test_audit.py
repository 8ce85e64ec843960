"""``tools/audit.py``, the real pip-audit behind it.

The advisory service is a stand-in that speaks OSV's protocol: which releases the real one
warns of changes from day to day, and it cannot be reached from everywhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import locked

FLAW = {
    "id": "PYSEC-2026-1",
    "summary": "a flaw",
    "modified": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "netaddr", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.4.0"}]}],
        }
    ],
}


class Osv(BaseHTTPRequestHandler):
    """Knows one flaw, of netaddr."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = asked["package"]["name"] == "netaddr"
        text = json.dumps({"vulns": [FLAW]} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def osv() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def audit(tmp_path: Path, url: str, *pins: str) -> subprocess.CompletedProcess[str]:
    lock = tmp_path / "requirements.lock"
    lock.write_text("".join(f"{pin} --hash=sha256:{'0' * 64}\n" for pin in pins))
    arguments = [str(lock), "--vulnerability-service=osv", f"--osv-url={url}"]
    return subprocess.run(
        [sys.executable, "-m", "tools.audit", *arguments, f"--cache-dir={tmp_path}"],
        cwd=locked.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_known_vulnerability_fails_the_check(tmp_path: Path, osv: str) -> None:
    done = audit(tmp_path, osv, "netaddr==1.3.0", "six==1.17.0")
    assert done.returncode == 1
    assert "netaddr 1.3.0: PYSEC-2026-1, repaired in 1.4.0" in done.stderr


def test_what_is_clean_passes(tmp_path: Path, osv: str) -> None:
    done = audit(tmp_path, osv, "six==1.17.0")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "requirements.lock: 1 releases, no known vulnerability\n"


def test_a_service_out_of_reach_is_skipped_with_a_sentence(tmp_path: Path) -> None:
    done = audit(tmp_path, "http://127.0.0.1:9/v1/query", "netaddr==1.3.0")
    assert done.returncode == 0
    assert done.stdout.startswith("pip-audit was skipped: ")


def test_a_lock_that_cannot_be_read_is_no_skip(tmp_path: Path, osv: str) -> None:
    done = audit(tmp_path, osv, "netaddr>1")
    assert done.returncode != 0
    assert "skipped" not in done.stdout
