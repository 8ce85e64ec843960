"""IP addresses: allocated one or many at a time, released, restored; who held them when."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

from ipamd import errors
from ipamd.api.v2 import reading
from ipamd.api.v2.answers import page
from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import IP_ADDRESS, PREFIX
from ipamd.api.v2.views.common import show

_ALLOCATED = {"status": "allocated", "deallocated_at": None}


def create_ip_address(api: Api, body: Resource) -> Answer:
    """Allocate an address, or ``count`` of them, all or none."""
    wanted = dict(body["ip_address"])
    where = {"tenant_id": None, "ip_block_id": wanted.pop("ip_block_id")}
    count = wanted.pop("count", None)
    if count is None:
        made = api.write("allocate_ip_address", ip_address=wanted, **where)
        return Answer({"ip_address": {**made, **_ALLOCATED}}, IP_ADDRESS.location(made["id"]))
    found = api.write("allocate_ip_addresses", count=count, ip_address=wanted, **where)
    addresses = [{**address, **_ALLOCATED} for address in found["ip_addresses"]]
    names = ("ip_block_id", "interface_id")
    theirs = urlencode({name: f"eq:{addresses[0][name]}" for name in names}, safe=":")
    return Answer({"ip_addresses": addresses}, f"{PREFIX}{IP_ADDRESS.path}?{theirs}")


def allocate_chosen(api: Api, body: Resource) -> Answer:
    """Allocate chosen addresses, each done or refused by itself."""
    found = api.write("allocate_chosen_ip_addresses", tenant_id=None, **body)
    refused = [{**each, "code": f"ipam.{each['code']}"} for each in found["refused"]]
    return Answer({"outcome": {**found, "refused": refused}})


def update_ip_address(api: Api, ip_address_id: str, body: Resource) -> Answer:  # noqa: ARG001
    """Restore an address: its status can only become "allocated", as the schema says."""
    where = _place(api.one(IP_ADDRESS, ip_address_id))
    api.write("restore_ip_address", **where)
    return show(api, IP_ADDRESS, ip_address_id)


def delete_ip_address(api: Api, ip_address_id: str) -> Answer:
    """Put an address into quarantine; one that is there already is not found."""
    found = api.one(IP_ADDRESS, ip_address_id)
    if found["status"] != "allocated":
        raise errors.IpAddressNotFound()
    api.write("deallocate_ip_address", **_place(found))
    return Answer()


def list_history(api: Api, address: str) -> Answer:
    """List who held an address, in which block, from when until when."""
    filters = {name: request.args[name] for name in ("at", "tenant_id") if name in request.args}
    paging = reading.read_paging(api.limits)
    found = api.read("list_ip_address_history", address=address, **filters, **paging)
    return Answer(page("history", found["history"], found["next_marker"]))


def _place(address: Resource) -> Resource:
    where = {name: address[name] for name in ("ip_block_id", "address")}
    return {"tenant_id": None, **where}
