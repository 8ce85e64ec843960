"""The service's place on the bus, and oslo.messaging on a private configuration.

oslo.messaging 18.x registers some of its options on the global ``cfg.CONF`` alone and
then looks them up on the configuration it was given; ``register_opts()`` makes such a
``ConfigOpts`` of our own complete, and ipamd the default exchange.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts as messaging_opts

EXCHANGE = "ipamd"
TOPIC = "ipam"
VERSION = "1.1"
# What a client asks for depends on the method: the older workers of a service that is
# being upgraded know the older methods.
NEW_METHODS: Mapping[str, tuple[str, ...]] = {
    "1.1": (
        "list_events",
        "allocate_chosen_ip_addresses",
        "list_ip_block_tree",
        "get_ip_block_map",
        "list_used_ranges",
        "search_resources",
        "get_worker_status",
    ),
}
ERRORS_MODULE = "ipamd.errors"

# Groups that oslo.messaging reads at each call and lists nowhere public.
_UNLISTED = {
    "oslo_messaging_tracing": "oslo_messaging._tracing.client",
    "oslo_messaging_metrics": "oslo_messaging._metrics.client",
}


def version_of(method: str) -> str:
    """Return the version of the API that a method came with."""
    return next((v for v, names in NEW_METHODS.items() if method in names), "1.0")


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """List oslo.messaging's options, by group, as this release of it needs them."""
    found: list[tuple[str | None, list[cfg.Opt]]] = list(messaging_opts.list_opts())
    for group, module_name in _UNLISTED.items():
        try:
            module = importlib.import_module(module_name)
        except ImportError:  # a release without this group does not read it either
            continue
        found.append((group, list(getattr(module, group))))
    return found


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register oslo.messaging's options on ``conf``; doing it twice is harmless.

    The default of ``transport_url`` is empty, which means: no broker.
    """
    for group, options in list_opts():
        conf.register_opts(options, group=group)
    conf.set_default("control_exchange", EXCHANGE)
    conf.set_default("transport_url", "")


def is_configured(conf: cfg.ConfigOpts) -> bool:
    """Tell whether ``[DEFAULT] transport_url`` names a broker."""
    register_opts(conf)
    return bool(conf.transport_url)


def read_url(conf: cfg.ConfigOpts, *, notifications: bool = False) -> oslo_messaging.TransportURL:
    """Read ``[DEFAULT] transport_url``, or where notifications go: the hosts of a RabbitMQ.

    Raises: oslo_config.cfg.ConfigFileValueError when it is no URL, or names no RabbitMQ.
    """
    register_opts(conf)
    own = conf.oslo_messaging_notifications.transport_url if notifications else None
    group = "oslo_messaging_notifications" if own else "DEFAULT"
    try:
        url = oslo_messaging.TransportURL.parse(conf, own or None)
    except (oslo_messaging.InvalidTransportURL, ValueError) as error:
        # The URL itself, which holds a password, is not repeated, nor any part of it.
        said = str(error.args[0]) if isinstance(error, ValueError) else "no scheme specified"
        reason = re.sub("'.*'", "...", said, flags=re.DOTALL)
        raise cfg.ConfigFileValueError(
            f"[{group}] transport_url is not a URL of a broker: {reason}"
        ) from error
    if url.transport not in ("rabbit", "kombu"):
        raise cfg.ConfigFileValueError(
            f"[{group}] transport_url: ipamd speaks to rabbit:// only, not {url.transport}://"
        )
    return url


def rpc_target(server: str | None = None) -> oslo_messaging.Target:
    """Return where requests go: any worker, or the one named ``server``."""
    return oslo_messaging.Target(exchange=EXCHANGE, topic=TOPIC, version=VERSION, server=server)


def rpc_transport(conf: cfg.ConfigOpts) -> Any:
    """Return an oslo.messaging transport that rebuilds the errors of ``ipamd.errors``.

    It connects when it is first used.
    """
    register_opts(conf)
    return oslo_messaging.get_rpc_transport(conf, allowed_remote_exmods=[ERRORS_MODULE])


def notification_transport(conf: cfg.ConfigOpts) -> Any:
    """Return the transport of ``[oslo_messaging_notifications]``; it connects when used."""
    register_opts(conf)
    return oslo_messaging.get_notification_transport(conf)
