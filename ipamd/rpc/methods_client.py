"""All methods of the RPC API, as a client has them."""

from __future__ import annotations

from ipamd.rpc.nouns.events import Events
from ipamd.rpc.nouns.health import Health
from ipamd.rpc.nouns.instances import Instances
from ipamd.rpc.nouns.interfaces import Interfaces
from ipamd.rpc.nouns.ip_addresses import IpAddresses
from ipamd.rpc.nouns.ip_blocks import IpBlocks
from ipamd.rpc.nouns.ip_routes import IpRoutes
from ipamd.rpc.nouns.mac_address_ranges import MacAddressRanges
from ipamd.rpc.nouns.nat import Nat
from ipamd.rpc.nouns.networks import Networks
from ipamd.rpc.nouns.policies import Policies
from ipamd.rpc.nouns.ports import Ports
from ipamd.rpc.nouns.quantum_networks import QuantumNetworks
from ipamd.rpc.nouns.requests import Requests
from ipamd.rpc.nouns.views import Views
from ipamd.rpc.nouns.virtual_interfaces import VirtualInterfaces


class RpcMethods(
    IpBlocks,
    IpAddresses,
    Nat,
    Networks,
    Interfaces,
    Instances,
    Policies,
    IpRoutes,
    Health,
    Requests,
    Events,
    MacAddressRanges,
    QuantumNetworks,
    Ports,
    VirtualInterfaces,
    Views,
):
    """One typed method for each RPC method.

    Resources and pages have the shapes of the REST bodies inside their root keys.  Each
    method takes ``timeout`` in seconds, each that changes something ``idempotency_key``.
    """
