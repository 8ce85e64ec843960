"""Answers on their way back, and the signs of life that go before them.

A caller whose reply queue is gone, and stays gone, costs a few attempts and no worker:
the request is acknowledged as soon as the broker says that nobody takes the answer.
Lives on the link's thread.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping

from ipamd.rpc import envelope
from ipamd.rpc.envelope import ReplyTo
from ipamd.rpc.jobs import Job
from ipamd.rpc.link import Action, Link
from ipamd.rpc.publisher import Fate, Publication

LOG = logging.getLogger(__name__)

Message = Callable[..., Publication]
"""Makes the message of an answer, anew for each attempt; takes ``on_settled``."""

# A caller that reconnects declares its queue again within moments.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
_MAX_PARKED = 1000
# Seconds for which no answer is tried on a queue that was found gone.
_GONE_SECONDS = 60.0
_MAX_GONE = 200


class Replies:
    """Sends answers; ``missing_timeout``: seconds to wait for a reply queue to come back."""

    def __init__(self, link: Link, missing_timeout: float) -> None:
        self._link = link
        self._missing_timeout = missing_timeout
        self._gone: dict[str, float] = {}
        self.parked = 0

    def send(
        self,
        to: ReplyTo,
        body: bytes,
        done: Action,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send an answer; ``done()`` once it is the broker's, or known to be unwanted."""
        message = functools.partial(Publication, to.queue, body, headers=headers)
        if self._is_gone(to.queue):
            LOG.debug("reply queue %s is gone, answer %s dropped", to.queue, to.msg_id)
            done()
            return

        def settled(fate: Fate) -> None:
            done()
            if fate is Fate.UNROUTABLE:
                self._park(to, message)

        self._link.publisher.publish(message(on_settled=settled))

    def monitor(self, job: Job) -> None:
        """Tell the caller every half of its monitor timeout that ``job`` is in hand."""
        interval = job.request.monitor_timeout / 2
        to = job.request.reply_to
        if to is None or interval < 1:
            return

        def settled(fate: Fate) -> None:
            if fate is Fate.UNROUTABLE:
                job.monitored = False

        def beat() -> None:
            if not job.monitored:
                return
            if self._link.ready:
                body = envelope.still_working(to)
                self._link.publisher.publish(Publication(to.queue, body, on_settled=settled))
            self._link.call_later(interval, beat)

        job.monitored = True
        self._link.call_later(interval, beat)

    def _is_gone(self, queue: str) -> bool:
        until = self._gone.get(queue)
        if until is None:
            return False
        if until > time.monotonic():
            return True
        del self._gone[queue]
        return False

    def _park(self, to: ReplyTo, message: Message) -> None:
        if self.parked >= _MAX_PARKED:
            self._give_up(to)
            return
        self.parked += 1
        self._try_later(to, message, time.monotonic() + self._missing_timeout, _FIRST_PAUSE)

    def _try_later(self, to: ReplyTo, message: Message, give_up_at: float, pause: float) -> None:
        def settled(fate: Fate) -> None:
            if fate is Fate.CONFIRMED:
                self.parked -= 1
            elif time.monotonic() < give_up_at:
                self._try_later(to, message, give_up_at, min(pause * 2, _LONGEST_PAUSE))
            else:
                self.parked -= 1
                self._give_up(to)

        def again() -> None:
            if self._is_gone(to.queue):
                self.parked -= 1
            else:
                self._link.publisher.publish(message(on_settled=settled))

        self._link.call_later(pause, again)

    def _give_up(self, to: ReplyTo) -> None:
        if len(self._gone) >= _MAX_GONE:
            now = time.monotonic()
            self._gone = {queue: until for queue, until in self._gone.items() if until > now}
        if to.queue not in self._gone:
            LOG.warning("reply queue %s is gone, the answer to %s is dropped", to.queue, to.msg_id)
        self._gone[to.queue] = time.monotonic() + _GONE_SECONDS
