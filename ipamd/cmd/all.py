"""``ipamd-all``: facade, manager, relay and periodic tasks in one process."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import sqlalchemy as sa
from gunicorn.arbiter import Arbiter
from oslo_config import cfg

from ipamd.api.app import create_app
from ipamd.cmd import common
from ipamd.cmd.serving import Part, Server, check_doors, curl_example
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.metrics.exposition import Exposed
from ipamd.metrics.worker import WorkerTelemetry
from ipamd.periodic import Reaper
from ipamd.rpc.client import DirectCaller
from ipamd.rpc.intake import Intake
from ipamd.rpc.relay import Relay


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything until SIGTERM; return the exit status."""
    conf = common.configure("ipamd-all", argv)
    try:
        check_doors(conf)
    except cfg.Error as error:
        sys.exit(f"ipamd-all: {error}")
    common.check_broker("ipamd-all", conf)
    stop = common.Stop()
    stop.on_signals()
    db = common.open_database("ipamd-all", conf)
    try:
        if not common.wait_for_database(db, stop, upgrade=True):
            return 0
    except (schema.SchemaError, OSError, sa.exc.SQLAlchemyError) as error:
        sys.exit(f"ipamd-all: {error}")
    finally:
        db.close()

    def end_if_told() -> None:
        # gunicorn has the signals by now, and has not heard of one that came before.
        if stop:
            sys.exit(0)

    server = Server(
        conf,
        lambda: make_part(conf),
        processes=1,
        greeting=curl_example(conf),
        when_ready=end_if_told,
    )
    server.run()
    return 0


def make_part(conf: cfg.ConfigOpts) -> Part:
    """Start what the serving process consists of.

    With a ``transport_url`` it takes requests from AMQP too.
    """
    db = Database(conf)
    try:
        telemetry = WorkerTelemetry(db)
    except cfg.Error as error:
        print(f"ipamd-all: {error}", file=sys.stderr, flush=True)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)  # or gunicorn would try again and again
    manager = telemetry.manager()
    running: list[Relay | Reaper | Intake] = [telemetry.relay(conf), Reaper(db)]
    intake = telemetry.intake(conf, manager) if conf.transport_url else None
    if intake is not None:
        running.append(intake)
    telemetry.start(intake)
    for part in running:
        part.start()

    def close() -> None:
        for part in reversed(running):
            part.stop()
        telemetry.stop()
        db.close()

    # The facade's own line tells of each request.
    caller = DirectCaller(telemetry.observed(manager, logs=False))
    whole = Part(create_app(conf, caller, Exposed.of(telemetry.registry)), close)
    common.collect_garbage_less()
    return whole


if __name__ == "__main__":
    sys.exit(main())
