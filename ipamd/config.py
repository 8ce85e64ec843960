"""Every option of ipamd, in groups; the sample configuration is generated from here.

``load()`` builds a ``ConfigOpts`` of its own; nothing is registered at import and the
object is passed to whoever needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from oslo_config import cfg, types
from oslo_log import log

from ipamd import __version__
from ipamd.config_limits import API_LIMIT_OPTS, QUOTA_OPTS, RPC_OPTS
from ipamd.config_types import CidrType

# A century: what is meant to be for ever, and moments that far back can be reckoned with.
MAX_DAYS = 36_500

DEFAULT_OPTS = [
    cfg.StrOpt(
        "state_path",
        default="/var/lib/ipamd",
        help="Folder for the SQLite database and other files of one host. Change it when "
        "several instances share a host.",
    ),
]

IPAM_OPTS = [
    cfg.IPOpt("dns1", help="First name server of blocks that name none."),
    cfg.IPOpt("dns2", help="Second name server of blocks that name none."),
    cfg.Opt(
        "default_cidr",
        type=CidrType(),
        help="Make a private block of this CIDR for a network that has no block when "
        "an address is asked of it. Unset: such a request is answered 404.",
    ),
    cfg.BoolOpt(
        "default_gateway",
        default=True,
        help="Give a block without a gateway its second address. Turn it off for clients "
        "that expect a null gateway, as Melange gave.",
    ),
    cfg.BoolOpt(
        "reserve_network_address",
        default=True,
        help="Never hand out the first address of an IPv4 block of /30 or larger. Turn it "
        "off for Melange's order, which began at .0. Holds for blocks created afterwards.",
    ),
    cfg.BoolOpt(
        "keep_deallocated_ips",
        default=True,
        help="Keep released addresses in quarantine, where they can be restored. False: "
        "releasing an interface's addresses in a network frees them at once.",
    ),
    cfg.FloatOpt(
        "keep_deallocated_ips_for_days",
        default=2.0,
        min=0,
        max=MAX_DAYS,
        help="Days until an address in quarantine is freed; fractions are allowed.",
    ),
    cfg.BoolOpt(
        "reclaim_when_full",
        default=True,
        help="Let a block that would otherwise be full take back the address that was "
        "released longest ago.",
    ),
    cfg.ListOpt(
        "utilization_thresholds",
        item_type=types.Integer(1, 100),
        default=[80, 90, 95],
        help="Percentages of a block's addresses, held or in quarantine, at whose crossing "
        "upwards an event ip_block.utilization is published. Empty: none is.",
    ),
    cfg.IntOpt(
        "journal_days",
        default=90,
        min=0,
        max=MAX_DAYS,
        help="Days for which events that were sent stay queryable.",
    ),
    cfg.StrOpt(
        "ipv6_generator",
        default="tenant",
        choices=[
            ("tenant", "from the lessee's id and the MAC address"),
            ("rfc2462", "EUI-64 of the MAC address"),
        ],
        help="How the host part of an IPv6 address is made.",
    ),
    cfg.IntOpt(
        "ip_allocation_retries",
        default=10,
        min=1,
        help="How often a transaction is repeated when another writer stands in its way.",
    ),
    cfg.IntOpt(
        "mac_allocation_retries",
        default=10,
        min=1,
        help="Without effect, and known for the sake of configurations written for Melange: "
        "an automatic MAC address is picked from what is free, not tried.",
    ),
    cfg.IntOpt(
        "idempotency_key_hours",
        default=24,
        min=24,
        max=24 * MAX_DAYS,
        help="Hours for which the answer to an idempotency key is kept.",
    ),
]

DATABASE_OPTS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        help="SQLAlchemy URL: postgresql+psycopg://, mysql+pymysql:// or sqlite:///. "
        "Unset: SQLite in state_path.",
    ),
    cfg.IntOpt(
        "pool_size",
        default=16,
        min=1,
        help="Connections that one process opens at most, as it needs them, and keeps open. "
        "More threads than that wait for each other. Raise it with [worker] and [api] threads.",
    ),
    cfg.IntOpt(
        "pool_timeout",
        default=10,
        min=1,
        help="Seconds a request waits for a connection of the pool.",
    ),
    cfg.StrOpt(
        "sqlite_synchronous",
        default="FULL",
        choices=["FULL", "NORMAL"],
        help="FULL: a commit survives a power failure. NORMAL: it survives the death of "
        "the process.",
    ),
    cfg.IntOpt(
        "connect_retry_max_interval",
        default=10,
        min=1,
        help="Longest pause in seconds between two attempts to reach the database at start.",
    ),
]

API_OPTS = [
    cfg.StrOpt("bind_host", default="127.0.0.1", help="Address the facade listens on."),
    cfg.PortOpt("bind_port", default=9898, help="Port the facade listens on."),
    cfg.PortOpt(
        "quantum_bind_port",
        help="Second port with the same APIs, for clients that look for Quantum on a port of "
        "its own: theirs is 9696. Unset: there is none.",
    ),
    cfg.StrOpt(
        "auth_strategy",
        default="noauth",
        choices=["noauth", "http_basic", "keystone"],
        help="How callers of the facade are recognised: not at all, by the password of a "
        "name, or by a token of Keystone's.",
    ),
    cfg.StrOpt(
        "password_file",
        default="/etc/ipamd/htpasswd",
        help="http_basic: names and passwords, as htpasswd -B writes them. Read again when it "
        "changes.",
    ),
    cfg.StrOpt(
        "users_file",
        default="/etc/ipamd/users.yaml",
        help="http_basic: the tenant and the roles of each name. Read again when it changes.",
    ),
    cfg.ListOpt(
        "melange_trusted_proxies",
        default=[],
        item_type=types.IPAddress(),
        help="Addresses of proxies that are believed when they name the caller of a request "
        "to /v0.1 by X-Tenant and X-Role, as Melange had it. Only for proxies that set both "
        "headers themselves, or remove them. Not with noauth.",
    ),
    cfg.BoolOpt(
        "allow_noauth",
        default=False,
        help="Let noauth listen on other addresses than loopback. Only behind something "
        "that authenticates.",
    ),
    cfg.IntOpt("default_limit", default=200, min=1, help="Page size when none is asked for."),
    cfg.IntOpt("max_limit", default=1000, min=1, help="Largest page size."),
    cfg.IntOpt("workers", default=2, min=1, help="Processes of ipamd-api."),
    cfg.IntOpt("threads", default=16, min=1, help="Threads of each process of the facade."),
    cfg.IntOpt(
        "event_streams",
        default=8,
        min=1,
        help="Streams of events that one process of the facade serves at a time; each holds "
        "one of its threads. A further one is answered 503.",
    ),
    cfg.StrOpt(
        "ui_secret_key",
        secret=True,
        help="What signs the forms and the sign-in of the pages below /ui. Unset: made anew "
        "at each start; set the same one on all machines that serve the same pages.",
    ),
    cfg.IntOpt(
        "max_body_size",
        default=1024 * 1024,
        min=1024,
        help="Largest request body in bytes; a larger one is answered 413.",
    ),
    cfg.IntOpt(
        "rpc_timeout",
        default=30,
        min=1,
        help="Seconds the facade waits for a worker before it answers 504.",
    ),
    cfg.ListOpt(
        "metrics_allow",
        default=["127.0.0.0/8", "::1/128"],
        help="Networks from which Prometheus may read /metrics, without saying who it is. "
        "What comes through a proxy comes from none of them.",
    ),
]

WORKER_OPTS = [
    cfg.IntOpt(
        "threads",
        default=8,
        min=1,
        help="Requests one worker process works on at the same time.",
    ),
    cfg.IntOpt(
        "prefetch",
        default=64,
        min=1,
        help="Requests one worker process takes from the broker before it has answered them.",
    ),
    cfg.IntOpt(
        "max_redeliveries",
        default=5,
        min=1,
        help="Redeliveries after which a request goes to the dead-letter queue.",
    ),
    cfg.IntOpt(
        "drain_timeout",
        default=30,
        min=1,
        help="Seconds a stopping worker waits for the requests in hand.",
    ),
    cfg.IntOpt(
        "reap_interval",
        default=60,
        min=1,
        help="Seconds between two rounds of the periodic task that frees addresses whose "
        "quarantine is over and deletes old keys and events.",
    ),
    cfg.StrOpt(
        "metrics_bind",
        help="host:port on which a worker tells its metrics to Prometheus, without asking who "
        "it is. Workers of one host need a port each. Unset: it does not.",
    ),
    cfg.IntOpt(
        "metrics_blocks",
        default=10,
        min=0,
        max=1000,
        help="Of so many blocks, the fullest ones, the metrics tell how full they are.",
    ),
]

RELAY_OPTS = [
    cfg.IntOpt("batch_size", default=200, min=1, help="Events claimed at once."),
    cfg.IntOpt(
        "in_flight",
        default=200,
        min=1,
        help="Events published before the first of them is confirmed. Set it to 1 where a "
        "queue of notifications may refuse messages (a length limit with overflow "
        "reject-publish): one that is refused between two others would come behind them. "
        "With rabbit_quorum_queue it is always 1.",
    ),
    cfg.FloatOpt(
        "sweep_interval",
        default=1.0,
        min=0.05,
        help="Seconds between two looks for events that nobody announced.",
    ),
    cfg.FloatOpt(
        "lease_seconds",
        default=15.0,
        min=1,
        help="Seconds after which another relay takes over from one that has died.",
    ),
]

GROUPS: dict[str, Sequence[cfg.Opt]] = {
    "DEFAULT": DEFAULT_OPTS,
    "ipam": IPAM_OPTS,
    "database": DATABASE_OPTS,
    "api": [*API_OPTS, *API_LIMIT_OPTS],
    "worker": WORKER_OPTS,
    "relay": RELAY_OPTS,
    "quota": QUOTA_OPTS,
    "rpc": RPC_OPTS,
}


def list_opts() -> list[tuple[str, Sequence[cfg.Opt]]]:
    """List the options for oslo-config-generator (entry point ``oslo.config.opts``)."""
    return list(GROUPS.items())


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register ipamd's own options on ``conf``; doing it twice is harmless."""
    for group, opts in GROUPS.items():
        conf.register_opts(opts, group=None if group == "DEFAULT" else group)


def load(
    argv: Sequence[str] | None = None, *, prog: str = "ipamd", cli_opts: Sequence[cfg.Opt] = ()
) -> cfg.ConfigOpts:
    """Parse the command line and the configuration files.

    ``cli_opts`` are further options of the program's command line, sub-commands included.

    Files: ``--config-file``/``--config-dir``, else ``/etc/ipamd/ipamd.conf`` when it
    exists, else none.

    Raises: oslo_config.cfg.Error when a file or a value cannot be used.
    """
    conf = cfg.ConfigOpts()
    register_opts(conf)
    log.register_options(conf)
    conf.register_cli_opts(cli_opts)
    conf(
        list(sys.argv[1:] if argv is None else argv),
        project="ipamd",
        prog=prog,
        version=__version__,
        default_config_files=[name for name in ("/etc/ipamd/ipamd.conf",) if os.path.exists(name)],
    )
    # oslo.config looks at a value when it is read; a wrong one should stop the start.
    for group, opts in GROUPS.items():
        values = conf if group == "DEFAULT" else conf[group]
        for opt in opts:
            values[opt.dest]
    return conf


def database_url(conf: cfg.ConfigOpts) -> str:
    """Return ``[database] connection``, or the SQLite file under ``state_path``."""
    return conf.database.connection or f"sqlite:///{conf.state_path}/ipamd.sqlite"
