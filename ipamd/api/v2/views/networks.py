"""Networks, as Quantum knows them."""

from __future__ import annotations

from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import NETWORK

_SHOWN = ("id", "tenant_id", "name", "op_status", "created_at", "updated_at")


def create_network(api: Api, body: Resource) -> Answer:
    """Create a network."""
    network = body["network"]
    made = api.write("create_network", tenant_id=network["tenant_id"], network=network)
    return Answer({"network": with_extra(made, _SHOWN)}, NETWORK.location(made["id"]))


def update_network(api: Api, network_id: str, body: Resource) -> Answer:
    """Rename a network."""
    made = api.write("update_network", network=body["network"], **_place(api, network_id))
    return Answer({"network": with_extra(made, _SHOWN)})


def delete_network(api: Api, network_id: str) -> Answer:
    """Delete a network with its ports."""
    api.write("delete_network", **_place(api, network_id))
    return Answer()


def with_extra(made: Resource, names: tuple[str, ...]) -> Resource:
    """Return an RPC's result with its foreign keys, such as Quantum's clients add, apart."""
    extra = {key: value for key, value in made.items() if key not in names}
    return {**{name: made[name] for name in names}, "extra": extra}


def _place(api: Api, network_id: str) -> Resource:
    owner = api.one(NETWORK, network_id)["tenant_id"]
    return {"tenant_id": owner, "network_id": network_id}
