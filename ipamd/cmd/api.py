"""``ipamd-api``: the facade alone; every request becomes an RPC to the workers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from oslo_config import cfg

from ipamd.api.app import create_app
from ipamd.cmd import common
from ipamd.cmd.serving import Part, Server, check_doors, curl_example
from ipamd.metrics.exposition import Exposed
from ipamd.metrics.shared import SharedFolder
from ipamd.rpc import transport
from ipamd.rpc.client import RpcCaller


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the REST API until SIGTERM; return the exit status."""
    conf = common.configure("ipamd-api", argv)
    try:
        check_doors(conf)
    except cfg.Error as error:
        sys.exit(f"ipamd-api: {error}")
    if not transport.is_configured(conf):
        sys.exit("ipamd-api: [DEFAULT] transport_url is not set; ipamd-all needs no broker")
    common.check_broker("ipamd-api", conf)
    folder = SharedFolder()
    try:
        Server(
            conf,
            lambda: make_part(conf, folder),
            processes=conf.api.workers,
            greeting=curl_example(conf),
            on_exit_of=folder.forget,
        ).run()
    finally:
        folder.remove()
    return 0


def make_part(conf: cfg.ConfigOpts, folder: SharedFolder) -> Part:
    """Build the facade of one process, with a broker connection of its own."""
    caller = RpcCaller(conf, patience=conf.api.broker_patience)
    whole = Part(create_app(conf, caller, Exposed.shared(folder.registry)), caller.close)
    common.collect_garbage_less()
    return whole


if __name__ == "__main__":
    sys.exit(main())
