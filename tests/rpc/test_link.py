"""The loop in which a process talks to its broker."""

from __future__ import annotations

import threading

from oslo_config import cfg

from ipamd.rpc.broker import Broker
from ipamd.rpc.link import Link
from tests.services.waiting import wait_until


def test_what_was_to_be_done_before_a_close_is_done(conf: cfg.ConfigOpts) -> None:
    """Also when both come while the loop has just done all that there was."""
    done: list[str] = []
    closing: list[threading.Thread] = []

    def act_and_close() -> None:
        link.call_soon(lambda: done.append("the last"))
        link.close(20)

    def on_round() -> None:
        if not closing and link.ready:
            closing.append(threading.Thread(target=act_and_close))
            closing[0].start()
            wait_until(lambda: link._closing)

    link = Link(
        Broker(conf), "test", lambda _connection: None, on_lost=lambda: None, on_round=on_round
    )
    link.start()
    wait_until(lambda: closing)
    closing[0].join()
    assert done == ["the last"]
