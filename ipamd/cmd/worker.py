"""``ipamd-worker``: takes requests from AMQP, works on the store, relays events."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from oslo_config import cfg

from ipamd.cmd import common
from ipamd.db import schema
from ipamd.metrics.worker import WorkerTelemetry
from ipamd.periodic import Reaper
from ipamd.rpc import transport

LOG = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a worker until SIGTERM; return the exit status."""
    conf = common.configure("ipamd-worker", argv)
    if not transport.is_configured(conf):
        sys.exit("ipamd-worker: [DEFAULT] transport_url is not set; ipamd-all needs no broker")
    common.check_broker("ipamd-worker", conf)
    stop = common.Stop()
    stop.on_signals()
    common.reread_log_levels_on_sighup("ipamd-worker", argv)
    db = common.open_database("ipamd-worker", conf)
    try:
        if not common.wait_for_database(db, stop, upgrade=False):
            return 0
    except schema.SchemaError as error:
        sys.exit(f"ipamd-worker: {error}")
    try:
        telemetry = WorkerTelemetry(db)
    except cfg.Error as error:
        sys.exit(f"ipamd-worker: {error}")
    relay, reaper = telemetry.relay(conf), Reaper(db)
    intake = telemetry.intake(conf, telemetry.manager())
    telemetry.start(intake)
    relay.start()
    reaper.start()
    intake.start()
    common.collect_garbage_less()
    while not stop and not intake.wait_ready(0.2):
        continue
    if not stop:
        LOG.info("ipamd-worker takes requests")
    stop.wait()
    intake.stop()
    reaper.stop()
    relay.stop()
    telemetry.stop()
    db.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
