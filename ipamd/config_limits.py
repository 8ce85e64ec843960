"""The options that bound what a caller can ask for; part of the table in ``config.py``."""

from __future__ import annotations

from oslo_config import cfg, types

_COUNT = types.Integer(min=-1)


def _quota(kind: str, what: str) -> list[cfg.Opt]:
    return [
        cfg.IntOpt(
            kind,
            default=-1,
            min=-1,
            help=f"Most {what} of one tenant; one more is refused with 403 and the code "
            "quota_exceeded. -1: no limit, and nothing is counted.",
        ),
        cfg.Opt(
            f"tenant_{kind}",
            type=types.Dict(value_type=_COUNT),
            default={},
            help=f"Tenants with another limit of {what}: tenant:number, separated by commas.",
        ),
    ]


QUOTA_OPTS = [
    *_quota("ip_blocks", "blocks, subnets included,"),
    *_quota("ip_addresses", "addresses, of whosever blocks, that interfaces hold,"),
    *_quota("interfaces", "interfaces"),
]

RPC_OPTS = [
    cfg.BoolOpt(
        "enforce_context",
        default=False,
        help="Keep a request from the bus to what the tenant of its context owns or leases, "
        "unless the context is an admin's. Turn it on where services with an account on the bus "
        "should not reach other tenants by mistake; whoever sets the context is believed.",
    ),
]

API_LIMIT_OPTS = [
    cfg.IntOpt(
        "max_headers",
        default=100,
        min=10,
        help="Most headers of a request; one with more is answered 400, or 431 where the "
        "server knows that status.",
    ),
    cfg.IntOpt(
        "max_header_size",
        default=8190,
        min=512,
        help="Longest header of a request in bytes.",
    ),
    cfg.IntOpt(
        "client_timeout",
        default=10,
        min=1,
        help="Seconds a client has to send a request, and to take each part of an answer. Then "
        "its connection is closed, so that slow clients do not hold the facade's threads.",
    ),
    cfg.FloatOpt(
        "broker_patience",
        default=3.0,
        min=0.1,
        help="Seconds ipamd-api waits for a broker, or for a worker's queue, that is away; then "
        "it answers 503 at once until it is back. Raise it where brokers take longer to fail "
        "over, and clients do not try again.",
    ),
    cfg.StrOpt(
        "rate_limit",
        default="",
        help="How many requests one caller may send, as Flask-Limiter writes it: 100/minute, or "
        "20/second;5000/hour. More are answered 429 with Retry-After. A caller is who "
        "authenticated; with noauth, the address the connection comes from. Empty: no limit.",
    ),
    cfg.StrOpt(
        "rate_limit_storage",
        default="memory://",
        secret=True,
        help="Where requests are counted, a storage URL of the library limits. In memory each "
        "process of the facade counts for itself.",
    ),
]
