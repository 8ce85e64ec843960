"""Ports of networks, and what is plugged into them."""

from __future__ import annotations

from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import NETWORK, PORT
from ipamd.api.v2.views.common import show
from ipamd.api.v2.views.networks import with_extra

_SHOWN = ("id", "tenant_id", "network_id", "state", "op_status", "created_at", "updated_at")


def create_port(api: Api, body: Resource) -> Answer:
    """Create a port that nothing is plugged into."""
    wanted = dict(body["port"])
    network_id = wanted.pop("network_id")
    owner = api.one(NETWORK, network_id)["tenant_id"]
    made = api.write("create_port", tenant_id=owner, network_id=network_id, port=wanted)
    plugged = made.pop("attachment").get("id")
    shown = {**with_extra(made, _SHOWN), "attachment_id": plugged}
    return Answer({"port": shown}, PORT.location(made["id"]))


def update_port(api: Api, port_id: str, body: Resource) -> Answer:
    """Change the state of a port, or plug an interface in or out."""
    wanted = body["port"]
    where = _place(api, port_id)
    if "state" in wanted:
        api.write("update_port", port=wanted, **where)
    elif wanted["attachment_id"] is None:
        api.write("delete_port_attachment", **where)
    else:
        attachment = {"id": wanted["attachment_id"]}
        api.write("set_port_attachment", attachment=attachment, **where)
    return show(api, PORT, port_id)


def delete_port(api: Api, port_id: str) -> Answer:
    """Delete a port."""
    api.write("delete_port", **_place(api, port_id))
    return Answer()


def _place(api: Api, port_id: str) -> Resource:
    port = api.one(PORT, port_id)
    return {"port_id": port_id, **{name: port[name] for name in ("tenant_id", "network_id")}}
