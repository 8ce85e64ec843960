"""``http_basic``: names and passwords, checked as oslo.middleware's basic auth does.

``[api] password_file`` is an htpasswd file with bcrypt digests, ``[api] users_file`` says
in YAML which tenant and roles a name has.  Both are read anew when they change; what cannot
be read then leaves what was read before in force.

Sources: RFC 7617; Apache's htpasswd.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import bcrypt
import webob.exc
import yaml
from oslo_config import cfg
from oslo_log import log as logging
from oslo_middleware import basic_auth
from werkzeug.wrappers import Request

from ipamd.api.callers import Caller

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOG = logging.getLogger(__name__)
T = TypeVar("T")

# A password that was right is right again for so long, unless its file changes: bcrypt
# takes a tenth of a second or more, which would be the cost of every request.
_REMEMBERED_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 1000
_MOST_CHARACTERS: Final = 255
_DIGEST: Final = re.compile(rb"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True)
class User:
    """What the file says of a name."""

    tenant: str | None
    roles: tuple[str, ...]


class HttpBasic:
    """Callers are who has the password of a name."""

    challenge = 'Basic realm="ipamd", charset="UTF-8"'

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._passwords = Watched(conf, "password_file", read_passwords)
        self._users = Watched(conf, "users_file", read_users)
        self._right = _Remembered()

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """Nothing has to happen before the application."""
        return app

    def recognise(self, request: Request) -> Caller | None:
        """Return whose name and password the request carries; None when they are wrong."""
        given = request.environ.get("HTTP_AUTHORIZATION")
        if given is None:
            return None
        try:
            token = basic_auth.parse_header({"HTTP_AUTHORIZATION": given})
            name, password = basic_auth.parse_token(token)
        except webob.exc.HTTPException:
            return None
        if not self.has_password(name, password):
            return None
        user = self._users.now().get(name)
        if user is None:
            LOG.warning("%r has a password, and no tenant and roles in the users file", name)
            return None
        return Caller(name, user.tenant, user.roles)

    def has_password(self, name: str, password: bytes) -> bool:
        """Tell whether a name has the password; that takes as long for a name unknown."""
        digests = self._passwords.now()
        digest = digests.get(name)
        if digest is not None and self._right.has(name, digest, password):
            return True
        # A name that does not exist is not told by the time that the answer takes.
        against = digest or next(iter(digests.values()), None)
        if against is None or not _matches(password, against) or digest is None:
            return False
        self._right.add(name, digest, password)
        return True


def _matches(password: bytes, digest: bytes) -> bool:
    try:
        return bcrypt.checkpw(password, digest)
    except ValueError:  # a NUL inside, or longer than bcrypt takes
        return False


class _Remembered:
    """Passwords that were right a moment ago, as keyed digests that nobody else can make."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._until: dict[bytes, float] = {}

    def has(self, name: str, digest: bytes, password: bytes) -> bool:
        """Tell whether the password was right with the same digest in the file."""
        with self._lock:
            return self._until.get(self._mark(name, digest, password), 0) > time.monotonic()

    def add(self, name: str, digest: bytes, password: bytes) -> None:
        """Remember that the password is right."""
        now = time.monotonic()
        with self._lock:
            if len(self._until) >= _MOST_REMEMBERED:
                self._until = {mark: end for mark, end in self._until.items() if end > now}
            if len(self._until) < _MOST_REMEMBERED:
                self._until[self._mark(name, digest, password)] = now + _REMEMBERED_SECONDS

    def _mark(self, name: str, digest: bytes, password: bytes) -> bytes:
        parts = (name.encode("utf-8", "surrogatepass"), digest, password)
        text = b"".join(len(part).to_bytes(8) + part for part in parts)
        return hmac.digest(self._key, text, hashlib.sha256)


class Watched(Generic[T]):
    """The content of a file that an option of [api] names, read again when it has changed."""

    def __init__(self, conf: cfg.ConfigOpts, option: str, read: Callable[[str], T]) -> None:
        self._path: str = conf.api[option]
        self._read = read
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None
        try:
            self._seen = self._stamp()
            self._content = self._load()
        except (OSError, ValueError) as error:
            text = f"[api] {option} = {self._path} cannot be used: {error}"
            raise cfg.Error(text) from error

    def now(self) -> T:
        """Return the content as the file has it now, or as it could be read last."""
        with self._lock:
            try:
                stamp = self._stamp()
                if stamp != self._seen:
                    self._seen = stamp
                    self._content = self._load()
                    LOG.info("%s was read again", self._path)
            except ValueError as error:
                LOG.error("%s stays as it was, since it is wrong now: %s", self._path, error)
            except OSError as error:
                if self._seen is not None:  # once, not with every request
                    LOG.error("%s cannot be read again: %s", self._path, error)
                self._seen = None
            return self._content

    def _stamp(self) -> tuple[int, int, int]:
        found = os.stat(self._path)
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _load(self) -> T:
        with open(self._path, encoding="utf-8") as file:
            return self._read(file.read())


def read_passwords(text: str) -> dict[str, bytes]:
    """Read an htpasswd file: ``name:digest`` a line, bcrypt only.

    Raises: ValueError
    """
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        try:
            name, digest = basic_auth.parse_entry(entry)
        except (webob.exc.HTTPException, ValueError):
            name, digest = "", b""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"line {number} is no name with a bcrypt digest")
        found.setdefault(name, digest)
    return found


def read_users(text: str) -> dict[str, User]:
    """Read the users file: ``name: {tenant: …, roles: [reader | member | admin, …]}``.

    Raises: ValueError
    """
    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    if not isinstance(document, dict):
        raise ValueError("it has to map names to tenants and roles")
    return {str(name): _user(str(name), said) for name, said in document.items()}


def _user(name: str, said: object) -> User:
    if not isinstance(said, dict) or set(said) - {"tenant", "roles"}:
        raise ValueError(f"{name} has to have tenant and roles, and nothing else")
    tenant, roles = said.get("tenant"), said.get("roles")
    if not (tenant is None or (isinstance(tenant, str) and tenant)):
        raise ValueError(f"the tenant of {name} has to be text: put it in quotes")
    if tenant and not (tenant.isprintable() and len(tenant) <= _MOST_CHARACTERS):
        raise ValueError(f"the tenant of {name} has to be printable, {_MOST_CHARACTERS} at most")
    if not isinstance(roles, list) or not all(isinstance(r, str) and r for r in roles):
        raise ValueError(f"the roles of {name} have to be a list of names")
    return User(tenant, tuple(roles))
