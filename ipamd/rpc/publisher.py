"""Publish with confirms, without waiting for each: what a link's thread does.

A publication is settled exactly once: the broker has confirmed it, or returned it
because no queue takes it, or refused it for now and it does not ``repeats``.  What a lost
connection left open is published again.
"""

from __future__ import annotations

import enum
import functools
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import amqp

from ipamd.rpc import envelope, frames
from ipamd.rpc.frames import PERSISTENT

LOG = logging.getLogger(__name__)

_USUAL: Mapping[str, Any] = {
    "content_type": envelope.CONTENT_TYPE,
    "content_encoding": envelope.CONTENT_ENCODING,
}
# The largest message that RabbitMQ 4 takes by default; what is larger goes compressed.
MAX_BODY = 16 * 1024 * 1024
# Seconds before a message that the broker refused (a queue at its limit) is tried again.
REFUSED_PAUSE = 1.0
# Refusals in a row after which a channel is no longer believed. A channel of RabbitMQ 3.10
# that knew a quorum queue's leader may refuse for as long as that one stays dead, while a
# new channel is served at once.
MAX_REFUSALS = 3
# A message that was under way each time so many connections broke may be why they did:
# it is given back to its sender as one that cannot be delivered.
MAX_ATTEMPTS = 5
# AMQP's longest time to live, in milliseconds.
_LONGEST = 2**32 - 1


class Refusing(amqp.AMQPError):  # type: ignore[misc]  # amqp has no types
    """The broker takes nothing any more on this channel; another may be better off."""


class Fate(enum.Enum):
    """How a publication ended."""

    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"
    REFUSED = "refused"


def nothing(_fate: Fate) -> None:
    """Take note of a fate that makes no difference."""


def always() -> bool:
    """Tell that a message is to be sent whenever that can be."""
    return True


def for_ever() -> None:
    """Tell that a message does not lose its worth with time."""


@dataclass(slots=True, eq=False)
class Publication:
    """A message, where it goes, and whom to tell its fate.

    ``repeats``: it is published again when the broker refuses it, a queue being full.
    ``is_due`` and ``milliseconds_left``, its time to live, are asked when it is written:
    by then it may have waited for a broker that takes nothing.  What is not due is dropped,
    and nobody is told.
    """

    routing_key: str
    body: bytes
    exchange: str = ""
    on_settled: Callable[[Fate], None] = nothing
    headers: Mapping[str, Any] | None = None
    milliseconds_left: Callable[[], int | None] = for_ever
    is_due: Callable[[], bool] = always
    attempts: int = 0
    repeats: bool = True
    properties: Mapping[str, Any] = field(default_factory=lambda: _USUAL)

    @property
    def expiration(self) -> str | None:
        """The time to live as AMQP has it."""
        left = self.milliseconds_left()
        return None if left is None else str(min(max(0, left), _LONGEST))

    def to_frames(self, channel: Any, number: int) -> bytes | None:
        """Build the message as frames; None when it is not one of the usual ones."""
        if self.headers or self.properties is not _USUAL:
            return None
        return frames.publication(
            channel.channel_id,
            channel.connection.frame_max,
            self.exchange,
            self.routing_key,
            self.body,
            str(number),
            self.expiration,
        )

    def to_message(self, number: int) -> amqp.Message:
        """Build the AMQP message; ``number`` comes back with it if it is returned."""
        properties = dict(self.properties)
        properties.update(delivery_mode=PERSISTENT, priority=0, message_id=str(number))
        if self.headers:
            properties["application_headers"] = dict(self.headers)
        expiration = self.expiration
        if expiration is not None:
            properties["expiration"] = expiration
        return amqp.Message(self.body, **properties)


class Publisher:
    """Publishes on a channel in confirm mode.  Used by one thread only.

    With ``impatient``, ``Refusing`` is raised to whoever reads the channel after
    ``MAX_REFUSALS`` in a row.
    """

    def __init__(
        self,
        call_later: Callable[[float, Callable[[], None]], None],
        *,
        impatient: bool = False,
    ) -> None:
        self._call_later = call_later
        self._impatient = impatient
        self._refusals = 0
        self._channel: Any = None
        self._number = 0
        self._waiting: deque[Publication] = deque()
        self._unconfirmed: dict[int, Publication] = {}
        self._returned: set[int] = set()
        self._refused = 0
        self._blocked = False

    @property
    def idle(self) -> bool:
        """Whether all that was published is settled."""
        return not (self._waiting or self._unconfirmed or self._refused)

    def attach(self, channel: Any) -> None:
        """Publish on ``channel`` from now on, first what is not settled yet."""
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._channel, self._number, self._blocked = channel, 0, False
        self._refusals = 0
        open_ones = list(self._unconfirmed.values())
        self._unconfirmed.clear()
        self._returned.clear()
        suspects = [each for each in open_ones if each.attempts >= MAX_ATTEMPTS]
        self._waiting.extendleft(each for each in reversed(open_ones) if each not in suspects)
        self._flush()
        for suspect in suspects:
            LOG.error("message to %s: not confirmed, given up", suspect.routing_key)
            suspect.on_settled(Fate.UNROUTABLE)

    def detach(self) -> None:
        """Keep what is not settled until there is a channel again."""
        self._channel = None

    def forget(self) -> None:
        """Drop what is not settled; nobody is told."""
        self._waiting.clear()
        self._unconfirmed.clear()

    def publish(self, publication: Publication) -> None:
        """Publish now, or as soon as the broker takes messages."""
        self._waiting.append(publication)
        self._flush()

    def set_blocked(self, blocked: bool) -> None:
        """Hold messages back while the broker is short of memory or disk."""
        LOG.log(
            logging.WARNING if blocked else logging.INFO,
            "the broker %s",
            "takes no messages: low resources" if blocked else "goes on",
        )
        self._blocked = blocked
        self._flush()

    def _flush(self) -> None:
        while self._waiting and self._channel is not None and not self._blocked:
            publication = self._waiting.popleft()
            if not publication.is_due():
                continue
            self._number += 1
            publication.attempts += 1
            self._unconfirmed[self._number] = publication
            usual = publication.to_frames(self._channel, self._number)
            if usual is not None:
                frames.write(self._channel, usual)
                continue
            self._channel.basic_publish(
                publication.to_message(self._number),
                exchange=publication.exchange,
                routing_key=publication.routing_key,
                mandatory=True,
            )

    def _on_return(self, _error: Exception, _exchange: str, _key: str, message: Any) -> None:
        self._returned.add(int(message.properties["message_id"]))

    def _on_ack(self, number: int, multiple: bool) -> None:
        self._refusals = 0
        for each in self._up_to(number, multiple):
            publication = self._unconfirmed.pop(each)
            fate = Fate.UNROUTABLE if each in self._returned else Fate.CONFIRMED
            self._returned.discard(each)
            publication.on_settled(fate)

    def _on_nack(self, number: int, multiple: bool) -> None:
        for each in self._up_to(number, multiple):
            publication = self._unconfirmed.pop(each)
            LOG.warning("the broker refused a message to %s", publication.routing_key)
            if not publication.repeats:
                publication.on_settled(Fate.REFUSED)
                continue
            self._refused += 1
            self._call_later(REFUSED_PAUSE, functools.partial(self._publish_refused, publication))
        self._refusals += 1
        if self._impatient and self._refusals >= MAX_REFUSALS:
            raise Refusing("it refused message after message")

    def _publish_refused(self, publication: Publication) -> None:
        self._refused -= 1
        self.publish(publication)

    def _up_to(self, number: int, multiple: bool) -> list[int]:
        if not multiple:
            return [number] if number in self._unconfirmed else []
        return [each for each in self._unconfirmed if each <= number]
