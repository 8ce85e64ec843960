"""What other programs import: ``IpamClient``; and the two callers behind it.

Nothing else of ipamd is needed to use the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from oslo_config import cfg

from ipamd import config, errors
from ipamd.context import RequestContext
from ipamd.rpc import transport
from ipamd.rpc.caller import Caller, RpcCaller
from ipamd.rpc.methods_client import RpcMethods

__all__ = ["Caller", "DirectCaller", "IpamClient", "RpcCaller"]


class _Manager(Protocol):
    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        request_key: str | None = None,
    ) -> Any: ...

    def report_failure(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        error: errors.IpamError,
    ) -> None: ...


class DirectCaller:
    """Gives requests to a manager in this process; nothing is between them."""

    def __init__(self, manager: _Manager) -> None:
        self._manager = manager

    def call(
        self,
        context: RequestContext,
        method: str,
        args: Mapping[str, Any],
        *,
        timeout: float | None = None,
    ) -> Any:
        """Do ``method`` and return its result.

        Raises: IpamError.
        """
        return self._manager.call(context, method, args)

    def cast(self, context: RequestContext, method: str, args: Mapping[str, Any]) -> None:
        """Do ``method`` at once; an error becomes an event, as in a worker.

        Raises: Unavailable when it cannot be done now, and so was not accepted.
        """
        try:
            self._manager.call(context, method, args)
        except (errors.Unavailable, errors.UnknownMethod):
            raise
        except errors.IpamError as error:
            self._manager.report_failure(context, method, args, error)


class IpamClient(RpcMethods):
    """One typed method for each RPC method of the service, over AMQP.

    ::

        from ipamd.rpc.client import IpamClient

        ipam = IpamClient("rabbit://user:password@broker:5672/", tenant_id="T1")
        block = ipam.create_ip_block("T1", {"type": "private", "cidr": "10.0.0.0/24"})
        held = ipam.allocate_ip_address("T1", block["id"], {"interface_id": "vif1"})
        print(held["address"])
        ipam.deallocate_ip_address("T1", block["id"], held["address"])
        ipam.close()

    A call that loses its broker or its worker is repeated until its deadline, and done
    once: mutating methods carry an idempotency key, made here unless given.
    """

    def __init__(
        self,
        source: cfg.ConfigOpts | str,
        *,
        tenant_id: str | None = None,
        context: RequestContext | None = None,
        timeout: float | None = None,
    ) -> None:
        """Prepare a client; the broker is connected with the first call.

        ``source``: a configuration with ``transport_url``, or such a URL.
        ``context``: who asks; default: ``tenant_id`` alone.
        ``timeout``: seconds for each call; default ``rpc_response_timeout`` (60).

        Raises: ValueError when there is no ``transport_url``.
        """
        conf = _configuration(source) if isinstance(source, str) else source
        config.register_opts(conf)
        if not transport.is_configured(conf):
            raise ValueError("transport_url is not set: there is no broker to call")
        super().__init__(
            RpcCaller(conf, timeout=timeout or conf.rpc_response_timeout),
            context or RequestContext(project_id=tenant_id, overwrite=False),
        )

    def for_context(self, context: RequestContext) -> RpcMethods:
        """Return the same client for another asker; it shares the connection."""
        return RpcMethods(self._caller, context)

    def close(self) -> None:
        """Close the connection to the broker."""
        caller = self._caller
        if isinstance(caller, RpcCaller):
            caller.close()


def _configuration(transport_url: str) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    transport.register_opts(conf)
    conf([], project="ipamd", default_config_files=[], default_config_dirs=[])
    conf.set_override("transport_url", transport_url)
    return conf
