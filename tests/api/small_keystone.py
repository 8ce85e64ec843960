"""A real HTTP server that speaks the part of Keystone v3 that auth_token needs.

It is no Keystone: that needs a database and a web server of its own.  What it answers has
the form that Keystone's documentation gives: version discovery, passwords for tokens, and
the validation of tokens, expired ones included where that is asked for.

Source: Keystone, "Identity API v3", authentication and token management.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class SmallKeystone:
    """The server, its tokens, and what was asked of it."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        # (name, password, project) → the token that they get
        self.people: dict[tuple[str, str, str], str] = {}
        self.validated: list[str] = []
        self.is_broken = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving, and let go of the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def issue(
        self, token: str, *, project: str | None, roles: list[str], user: str = "u", hours: int = 1
    ) -> None:
        """Make a token known; it expires in so many hours, or has expired."""
        now = datetime.now(UTC)
        body: dict[str, Any] = {
            "methods": ["password"],
            "user": {"id": user, "name": user, "domain": {"id": "default", "name": "Default"}},
            "audit_ids": [token],
            "issued_at": _time(now - timedelta(hours=3)),
            "expires_at": _time(now + timedelta(hours=hours)),
            "roles": [{"id": name, "name": name} for name in roles],
            "catalog": [self._endpoint()],
        }
        if project is not None:
            domain = {"id": "default", "name": "Default"}
            body["project"] = {"id": project, "name": project, "domain": domain}
        self.tokens[token] = body

    def _endpoint(self) -> dict[str, Any]:
        endpoint = {
            "id": "e", "interface": "admin", "region": "R", "region_id": "R",
            "url": f"{self.url}/v3",
        }  # fmt: skip
        return {"id": "c", "type": "identity", "name": "keystone", "endpoints": [endpoint]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keystone = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = urlsplit(self.path)
                if path.path in ("/", "/v3", "/v3/"):
                    self._discover(path.path)
                elif path.path == "/v3/auth/tokens":
                    self._validate(parse_qs(path.query))
                else:
                    self._answer(404, {"error": {"code": 404, "message": "no such path"}})

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                user = sent["auth"]["identity"]["password"]["user"]
                project = sent["auth"].get("scope", {}).get("project", {}).get("name", "")
                token = keystone.people.get((user["name"], user["password"], project))
                if token is not None:
                    shown = {"token": keystone.tokens[token]}
                    self._answer(201, shown, {"X-Subject-Token": token})
                    return
                service = (user["name"], user["password"]) == ("ipamd", "right")
                if self.path != "/v3/auth/tokens" or not service:
                    self._answer(401, {"error": {"code": 401, "message": "wrong"}})
                    return
                keystone.issue("of ipamd", project="service", roles=["service"], user="ipamd")
                shown = {"token": keystone.tokens["of ipamd"]}
                self._answer(201, shown, {"X-Subject-Token": "of ipamd"})

            def _discover(self, path: str) -> None:
                version = {
                    "id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
                    "links": [{"rel": "self", "href": f"{keystone.url}/v3/"}],
                    "media-types": [],
                }  # fmt: skip
                if path == "/":
                    self._answer(300, {"versions": {"values": [version]}})
                else:
                    self._answer(200, {"version": version})

            def _validate(self, query: dict[str, list[str]]) -> None:
                token = self.headers.get("X-Subject-Token", "")
                keystone.validated.append(token)
                if keystone.is_broken:
                    self._answer(500, {"error": {"code": 500, "message": "broken"}})
                    return
                if self.headers.get("X-Auth-Token") != "of ipamd":
                    self._answer(401, {"error": {"code": 401, "message": "who are you?"}})
                    return
                known = keystone.tokens.get(token)
                if known and known["expires_at"] < _time(datetime.now(UTC)):
                    known = known if query.get("allow_expired") == ["1"] else None
                if known is None:
                    self._answer(404, {"error": {"code": 404, "message": "no such token"}})
                    return
                self._answer(200, {"token": known}, {"X-Subject-Token": token})

            def _answer(
                self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
            ) -> None:
                text = json.dumps(body).encode()
                self.send_response(status)
                sent = {"Content-Type": "application/json", "Content-Length": f"{len(text)}"}
                for name, value in {**sent, **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_args: Any) -> None:
                """Say nothing: the tests say what matters."""

        return Handler


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
