"""What the programs share: configuration, logging, signals, waiting for the database."""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import sqlalchemy as sa
import tenacity
from oslo_config import cfg

from ipamd import config, masking
from ipamd.cmd.logs import set_up_logging
from ipamd.db import schema
from ipamd.db.database import Database
from ipamd.rpc import transport

LOG = logging.getLogger(__name__)


def configure(prog: str, argv: Sequence[str] | None = None) -> cfg.ConfigOpts:
    """Read the configuration and set logging up; exit with a sentence when that fails."""
    try:
        conf = config.load(argv, prog=prog)
        set_up_logging(conf)
    except cfg.Error as error:
        sys.exit(f"{prog}: {masking.masked(str(error))}")
    return conf


def check_broker(prog: str, conf: cfg.ConfigOpts) -> None:
    """Exit with a sentence when ``[DEFAULT] transport_url`` cannot be used, if it is set."""
    try:
        if transport.is_configured(conf):
            transport.read_url(conf)
    except cfg.Error as error:
        sys.exit(f"{prog}: {error}")


def open_database(prog: str, conf: cfg.ConfigOpts) -> Database:
    """Prepare the store, unconnected; exit with a sentence when its URL cannot be used."""
    try:
        return Database(conf)
    except sa.exc.ArgumentError as error:
        sys.exit(f"{prog}: [database] connection: {error}")
    except OSError as error:
        sys.exit(f"{prog}: the database cannot be used: {error}")


def collect_garbage_less() -> None:
    """Look for reference cycles every 20,000 objects, and never among those that are there.

    An allocation leaves none, a refusal some hundred objects, with its traceback.  Looking
    after every 700 objects, as Python does by itself, took a sixteenth of a busy worker's
    CPU time.  To be called when all is started.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def reread_log_levels_on_sighup(prog: str, argv: Sequence[str] | None = None) -> None:
    """On SIGHUP, read the configuration files again and take the log levels from them."""

    def reread(_number: int, _frame: FrameType | None) -> None:
        try:
            set_up_logging(config.load(argv, prog=prog))
        except cfg.Error as error:
            LOG.error("the configuration cannot be read again: %s", error)
        else:
            LOG.info("log levels were read again")

    signal.signal(signal.SIGHUP, reread)


class Stop:
    """The wish to stop, as SIGTERM and SIGINT express it.

    A pipe wakes whoever waits: the handler of a signal interrupts the thread that waits, and
    would wait itself for the lock that an ``Event`` has, should that thread just hold it.
    """

    def __init__(self) -> None:
        self._asked = False
        self._wake, self._told = os.pipe()

    def on_signals(self) -> None:
        """Take SIGTERM and SIGINT as the wish to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            os.write(self._told, b".")
        LOG.info("stopping on %s", signal.Signals(number).name)

    def __bool__(self) -> bool:
        return self._asked

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until stopping is asked for, at most ``seconds``; tell whether it is."""
        select.select([self._wake], [], [], seconds)
        return self._asked


def wait_for_database(db: Database, stop: Stop, *, upgrade: bool) -> bool:
    """Wait until the database answers with a current schema; False when told to stop.

    With ``upgrade`` an older schema is upgraded; without, it is an error.

    Raises: schema.SchemaError
    """

    def log_attempt(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        LOG.warning("the database cannot be reached (attempt %d): %s",
                    state.attempt_number, " ".join(str(error).split())[:300])  # fmt: skip

    def pause(seconds: float) -> None:
        stop.wait(seconds)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((sa.exc.OperationalError, sa.exc.InterfaceError)),
        wait=tenacity.wait_exponential(
            multiplier=0.5, max=db.conf.database.connect_retry_max_interval
        ),
        stop=lambda _: bool(stop),
        sleep=pause,
        before=lambda state: LOG.debug("asking the database, attempt %d", state.attempt_number),
        before_sleep=log_attempt,
        reraise=True,
    )
    try:
        retrying(schema.upgrade if upgrade else schema.require_current, db)
    except (sa.exc.OperationalError, sa.exc.InterfaceError):
        if stop:
            return False
        raise
    return True
