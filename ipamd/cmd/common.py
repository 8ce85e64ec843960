"""What the programs share: configuration, logging, signals, waiting for the database."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

import sqlalchemy as sa
import tenacity
from oslo_config import cfg
from oslo_log import log

from ipamd import config
from ipamd.db import schema
from ipamd.db.database import Database

LOG = logging.getLogger(__name__)


def configure(prog: str, argv: Sequence[str] | None = None) -> cfg.ConfigOpts:
    """Read the configuration and set logging up; exit with a sentence when that fails."""
    try:
        conf = config.load(argv, prog=prog)
        set_up_logging(conf)
    except cfg.Error as error:
        sys.exit(f"{prog}: {error}")
    return conf


def set_up_logging(conf: cfg.ConfigOpts) -> None:
    """Set oslo.log up from ``conf``; doing it again changes levels and formats."""
    log.set_defaults(default_log_levels=[*log.get_default_log_levels(), "alembic=WARNING"])
    log.setup(conf, "ipamd")


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
    """The wish to stop, as SIGTERM and SIGINT express it."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def on_signals(self) -> None:
        """Take SIGTERM and SIGINT as the wish to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _: FrameType | None) -> None:
        LOG.info("stopping on %s", signal.Signals(number).name)
        self._asked.set()

    def __bool__(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until stopping is asked for, at most ``seconds``; tell whether it is."""
        return self._asked.wait(seconds)


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
