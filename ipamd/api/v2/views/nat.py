"""NAT: which global address stands for which local one."""

from __future__ import annotations

from ipamd import errors
from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import NAT


def create_nat(api: Api, body: Resource) -> Answer:
    """Let a global address stand for a local one; one that does so already is shown."""
    local, outer = body["nat"]["inside_local"], body["nat"]["inside_global"]
    wanted = [{"ip_block_id": outer["ip_block_id"], "ip_address": outer["address"]}]
    api.write("add_inside_globals", tenant_id=None, ip_addresses=wanted, **local)
    ends = {
        "inside_local": local["address"],
        "inside_global": outer["address"],
        "local_block_id": f"eq:{local['ip_block_id']}",
        "global_block_id": f"eq:{outer['ip_block_id']}",
    }
    found, _ = api.query(NAT, ends, limit=1)
    if not found:
        raise errors.Conflict("The NAT was created, and is deleted again")
    return Answer({"nat": found[0]}, NAT.location(found[0]["id"]))


def delete_nat(api: Api, nat_id: str) -> Answer:
    """End it that a global address stands for a local one."""
    found = api.one(NAT, nat_id)
    outer = found["inside_global"]
    api.write(
        "remove_inside_globals",
        tenant_id=None,
        inside_address=outer["address"],
        inside_block_id=outer["ip_block_id"],
        **found["inside_local"],
    )
    return Answer()
