"""IP blocks, their subnets, and what is free in them."""

from __future__ import annotations

from flask import request

from ipamd import errors
from ipamd.api.v2 import reading
from ipamd.api.v2.answers import page
from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import IP_BLOCK
from ipamd.api.v2.views.common import list_resources, show


def create_ip_block(api: Api, body: Resource) -> Answer:
    """Create a block."""
    block = body["ip_block"]
    made = api.write("create_ip_block", tenant_id=block["tenant_id"], ip_block=block)
    return api.made(IP_BLOCK, made["id"])


def update_ip_block(api: Api, ip_block_id: str, body: Resource) -> Answer:
    """Change a block."""
    block = body["ip_block"]
    api.write("update_ip_block", tenant_id=None, ip_block_id=ip_block_id, ip_block=block)
    return show(api, IP_BLOCK, ip_block_id)


def delete_ip_block(api: Api, ip_block_id: str) -> Answer:
    """Delete a block with its subnets and addresses."""
    api.write("delete_ip_block", tenant_id=None, ip_block_id=ip_block_id)
    return Answer()


def create_subnet(api: Api, ip_block_id: str, body: Resource) -> Answer:
    """Create a subnet: of a CIDR, or of the next free prefix of a length."""
    subnet = body["subnet"]
    made = api.write("create_subnet", tenant_id=None, ip_block_id=ip_block_id, subnet=subnet)
    return api.made(IP_BLOCK, made["id"])


def list_subnets(api: Api, ip_block_id: str) -> Answer:
    """List the subnets right below a block."""
    api.one(IP_BLOCK, ip_block_id)
    return list_resources(api, IP_BLOCK, parent_id=f"eq:{ip_block_id}")


def list_available(api: Api, ip_block_id: str) -> Answer:
    """List free ranges; with ``count`` or ``prefix_length`` tell whether that would fit."""
    where = {"tenant_id": None, "ip_block_id": ip_block_id}
    asked = {name: reading.read_integer(name) for name in ("count", "prefix_length")}
    wanted = {name: number for name, number in asked.items() if number is not None}
    if not wanted:
        found = api.read("list_available", **where, **reading.read_paging(api.limits))
        return Answer(page("available", found["available"], found["next_marker"]))
    for name in reading.PAGING:
        if name in request.args:
            raise errors.ValidationError(fields={name: [f"{name} is for lists of free ranges"]})
    return Answer({"fit": api.read("fit_in_ip_block", **wanted, **where)})
