"""The loop in which a process talks to its broker."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from oslo_config import cfg

from ipamd.rpc.broker import Broker
from ipamd.rpc.link import Link
from ipamd.rpc.publisher import Publisher
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


def test_it_ends_although_something_fails_each_time(conf: cfg.ConfigOpts) -> None:
    done: list[str] = []

    def on_round() -> None:
        if link._closing:
            raise ZeroDivisionError

    link = Link(
        Broker(conf), "test", lambda _connection: None, on_lost=lambda: None, on_round=on_round
    )
    link.start()
    assert link.wait_ready(20)
    link.call_soon(lambda: [][0], lambda: done.append("the last"))
    link.close(20)
    assert not link._thread.is_alive()
    assert done == ["the last"]


def test_who_was_told_of_a_connection_is_told_of_its_loss(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is lost before anything can be published."""
    told: list[str] = []
    attach = Publisher.attach

    def lose_once(self: Publisher, channel: Any) -> None:
        if "lost" not in told:
            raise OSError("lost in between")
        attach(self, channel)

    monkeypatch.setattr(Publisher, "attach", lose_once)
    link = Link(
        Broker(conf),
        "test",
        lambda _connection: told.append("connected"),
        on_lost=lambda: told.append("lost"),
        on_ready=lambda: told.append("ready"),
    )
    link.start()
    assert link.wait_ready(20)
    link.close(20)
    assert told == ["connected", "lost", "connected", "ready", "lost"]
