"""Interfaces: on their own, and those of an instance."""

from __future__ import annotations

from typing import Any

from ipamd.api.v2 import reading
from ipamd.api.v2.answers import page
from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import INTERFACE


def create_interface(api: Api, body: Resource) -> Answer:
    """Create an interface, on request with addresses of a network."""
    return _made(api.write("create_interface", interface=body["interface"]))


def delete_interface(api: Api, interface_id: str) -> Answer:
    """Delete an interface; its addresses go into quarantine."""
    api.write("delete_interface", interface_id=interface_id)
    return Answer()


def list_instance_interfaces(api: Api, instance_id: str) -> Answer:
    """List an instance's interfaces; one that is not known has none."""
    found = _page(api, "list_instance_interfaces", instance_id)
    return Answer(page("interfaces", found["interfaces"], found["next_marker"]))


def create_instance_interface(api: Api, instance_id: str, body: Resource) -> Answer:
    """Add an interface to an instance."""
    interface = body["interface"]
    return _made(
        api.write("create_instance_interface", instance_id=instance_id, interface=interface)
    )


def replace_instance_interfaces(api: Api, instance_id: str, body: Resource) -> Answer:
    """Give an instance these interfaces instead of its own, all or nothing."""
    interfaces = [
        {("virtual_interface_id" if name == "id" else name): value for name, value in each.items()}
        for each in body["interfaces"]
    ]
    instance = {"tenant_id": body["tenant_id"], "interfaces": interfaces}
    made = api.write("replace_instance_interfaces", instance_id=instance_id, instance=instance)
    return Answer({"interfaces": made["interfaces"]})


def list_virtual_interfaces_without_network(api: Api, instance_id: str) -> Answer:
    """List an instance's interfaces as Nova does, before 2.1."""
    return _list_virtual_interfaces(api, instance_id, ("id", "mac_address"))


def list_virtual_interfaces(api: Api, instance_id: str) -> Answer:
    """List an instance's interfaces as Nova does, with the networks they are on."""
    return _list_virtual_interfaces(api, instance_id, ("id", "mac_address", "net_id"))


def _list_virtual_interfaces(api: Api, instance_id: str, names: tuple[str, ...]) -> Answer:
    found = _page(api, "list_virtual_interfaces", instance_id)
    shown = [{name: vif[name] for name in names} for vif in found["virtual_interfaces"]]
    return Answer(page("virtual_interfaces", shown, found["next_marker"]))


def _page(api: Api, method: str, instance_id: str) -> Any:
    return api.read(method, instance_id=instance_id, **reading.read_paging(api.limits))


def _made(interface: Resource) -> Answer:
    return Answer({"interface": interface}, INTERFACE.location(interface["id"]))
