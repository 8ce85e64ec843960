"""Static routes of blocks."""

from __future__ import annotations

from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import IP_ROUTE


def create_ip_route(api: Api, body: Resource) -> Answer:
    """Create a static route of a block."""
    wanted = dict(body["ip_route"])
    where = {"tenant_id": None, "ip_block_id": wanted.pop("ip_block_id")}
    made = api.write("create_ip_route", ip_route=wanted, **where)
    return Answer({"ip_route": _shown(made, where)}, IP_ROUTE.location(made["id"]))


def update_ip_route(api: Api, ip_route_id: str, body: Resource) -> Answer:
    """Change a static route."""
    where = _place(api, ip_route_id)
    made = api.write("update_ip_route", ip_route=body["ip_route"], **where)
    return Answer({"ip_route": _shown(made, where)})


def delete_ip_route(api: Api, ip_route_id: str) -> Answer:
    """Delete a static route."""
    api.write("delete_ip_route", **_place(api, ip_route_id))
    return Answer()


def _place(api: Api, ip_route_id: str) -> Resource:
    block_id = api.one(IP_ROUTE, ip_route_id)["ip_block_id"]
    return {"tenant_id": None, "ip_block_id": block_id, "ip_route_id": ip_route_id}


def _shown(made: Resource, where: Resource) -> Resource:
    return {**made, "ip_block_id": where["ip_block_id"]}
