"""A whole service behind ``http_basic``, with resources of one tenant, put back at will."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import sqlalchemy as sa
import yaml
from flask.testing import FlaskClient
from oslo_config import cfg
from werkzeug.test import TestResponse

from ipamd import config
from ipamd.api import auth, event_stream
from ipamd.api.app import create_app
from ipamd.api.callers import Caller
from ipamd.context import RequestContext
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.rpc.client import DirectCaller
from ipamd.rpc.manager import Manager

TENANT, OTHER, LESSEE = "acme", "globex", "lessee"
# Name -> tenant and roles; the password is the name.
USERS: dict[str, tuple[str | None, list[str]]] = {
    "another tenant": (OTHER, ["member"]),
    "reader": (TENANT, ["reader"]),
    "member": (TENANT, ["member"]),
    "admin": ("operators", ["admin"]),
    "lessee": (LESSEE, ["member"]),
    "nobody's": (None, ["member"]),
    "roleless": (TENANT, []),
}
OWN, GLOBAL, QUARANTINED, LEASED = "10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.20"


def write_users(folder: Path, users: dict[str, tuple[str | None, list[str]]]) -> None:
    """Write the two files of ``http_basic``; passwords are the names, quickly checked."""
    lines = [
        f"{name}:{bcrypt.hashpw(name.encode(), bcrypt.gensalt(4)).decode()}" for name in users
    ]
    (folder / "htpasswd").write_text("\n".join(lines) + "\n")
    said = {name: {"tenant": tenant, "roles": roles} for name, (tenant, roles) in users.items()}
    (folder / "users.yaml").write_text(yaml.safe_dump(said))


def basic_conf(folder: Path, **api: Any) -> cfg.ConfigOpts:
    """Return a configuration with ``http_basic`` and its files in ``folder``."""
    conf = config.load(["--config-file", os.devnull])
    conf.set_override("state_path", str(folder))
    settings = {
        "auth_strategy": "http_basic",
        "password_file": str(folder / "htpasswd"),
        "users_file": str(folder / "users.yaml"),
        **api,
    }
    for name, value in settings.items():
        conf.set_override(name, value, group="api")
    return conf


class Service:
    """The service, its resources by the variables of paths, and a way back to its first state."""

    def __init__(self, folder: Path) -> None:
        write_users(folder, USERS)
        conf = basic_conf(folder)
        self._file, self._first = folder / "ipamd.sqlite", folder / "first.sqlite"
        self.db = Database(conf)
        schema.upgrade(self.db)
        self.manager = Manager(self.db)
        self.app = create_app(conf, DirectCaller(self.manager))
        # A stream ends with what there is.
        self.app.extensions[event_stream.EXTENSION].is_stopping = lambda: True
        self.client: FlaskClient = self.app.test_client()
        self.rules_asked: set[str] = set()
        self._note_rules()
        self.ids = self._fill()
        _copy(self._file, self._first)
        self._at_first = self.changes()

    def _note_rules(self) -> None:
        """Keep the names of the rules that views ask for."""
        door: auth.Door = self.app.extensions["ipamd.auth"]
        allows = door.allows

        def noting(caller: Caller, rule: str, tenant_id: str | None) -> bool:
            self.rules_asked.add(rule)
            return allows(caller, rule, tenant_id)

        door.allows = noting  # type: ignore[method-assign]

    def call(self, method: str, **args: Any) -> Any:
        """Call an RPC method as nobody in particular, who may do everything."""
        return self.manager.call(RequestContext(overwrite=False), method, args)

    def send(
        self, caller: str | None, verb: str, path: str, body: Any = None, **headers: str
    ) -> TestResponse:
        """Send a request in the name of a caller; None: of nobody."""
        auth = None if caller is None else (caller, caller)
        return self.client.open(path, method=verb, json=body, auth=auth, headers=headers)

    def send_form(self, caller: str | None, path: str, form: dict[str, str]) -> TestResponse:
        """Send a form in the name of a caller; None: of nobody."""
        auth = None if caller is None else (caller, caller)
        return self.client.post(path, data=form, auth=auth)

    def changes(self) -> int:
        """Return how many events there are: every change is told of by one."""
        with self.db.engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM outbox")).scalar_one())

    def has_changed(self) -> bool:
        """Tell whether anything was changed since the first state."""
        return self.changes() != self._at_first

    def put_back(self) -> None:
        """Return to the first state."""
        _copy(self._first, self._file)

    def _fill(self) -> dict[str, str]:
        ids: dict[str, str] = {}
        mine = {"tenant_id": TENANT}
        ids["policy_id"] = self.call("create_policy", **mine, policy={"name": "p"})["id"]
        policy = {**mine, "policy_id": ids["policy_id"]}
        ids["ip_range_id"] = self.call(
            "create_unusable_ip_range", **policy, ip_range={"offset": 200, "length": 1}
        )["id"]
        ids["ip_octet_id"] = self.call(
            "create_unusable_ip_octet", **policy, ip_octet={"octet": 222}
        )["id"]
        block = {
            "cidr": "10.0.0.0/24", "type": "private", "network_id": "net-1",
            "policy_id": ids["policy_id"],
        }  # fmt: skip
        ids["ip_block_id"] = self.call("create_ip_block", **mine, ip_block=block)["id"]
        where = {**mine, "ip_block_id": ids["ip_block_id"]}
        # A block without anything in it, to be divided.
        empty = {"cidr": "10.5.0.0/24", "type": "private"}
        ids["empty"] = self.call("create_ip_block", **mine, ip_block=empty)["id"]
        for address, vif in ((OWN, "vif-1"), (GLOBAL, "vif-2"), (QUARANTINED, "vif-2")):
            body = {"address": address, "interface_id": vif, "used_by_device": "server-" + vif[-1]}
            made = self.call("allocate_ip_address", **where, ip_address=body)
            ids.setdefault("ip_address_id", made["id"])
            ids[f"id of {address}"] = made["id"]
        self.call("deallocate_ip_address", **where, address=QUARANTINED)
        lease = {"address": LEASED, "interface_id": "vif-3", "tenant_id": LESSEE}
        ids["id of leased"] = self.call("allocate_ip_address", **where, ip_address=lease)["id"]
        self.call(
            "add_inside_globals", ip_block_id=ids["ip_block_id"], address=OWN,
            ip_addresses=[{"ip_block_id": ids["ip_block_id"], "ip_address": GLOBAL}],
        )  # fmt: skip
        ids["nat_id"] = self.call("query_resources", kind="nat")["nat"][0]["id"]
        route = {"destination": "10.9.0.0/24", "gateway": OWN}
        ids["ip_route_id"] = self.call("create_ip_route", **where, ip_route=route)["id"]
        allowed = {"network_id": "net-1", "ip_address": GLOBAL}
        self.call("add_allowed_ip", **mine, interface_id="vif-1", allowed_ip=allowed)
        ids["network_id"] = self.call("create_network", **mine, network={"name": "n"})["id"]
        network = {**mine, "network_id": ids["network_id"]}
        ids["port_id"] = self.call("create_port", **network, port={})["id"]
        cidr = {"cidr": "02-00-00-00-00-00/40"}
        made = self.call("create_mac_address_range", mac_address_range=cidr)
        ids["mac_address_range_id"] = made["id"]
        return ids


def _copy(source: Path, target: Path) -> None:
    """Copy a SQLite database into another, which may be open."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Run a service in ``folder``."""
    service = Service(folder)
    yield service
    service.db.close()
