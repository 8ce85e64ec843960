"""``watch``: events as they happen, from the service's stream of them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import requests
from cliff.command import Command

from ipamd.ctl.base import Talking
from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.showing import count

# The server gives a sign of life every 15 seconds.
_SILENCE = 60.0
_PAUSE = 1.0
_STREAM = {"Accept": "text/event-stream"}
# What people know a resource by, most telling first.
_NAMES = ("address", "cidr", "name", "id")


class Watch(Talking, Command):
    """Print events as they happen, until it is interrupted."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add which events, and from when on."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--type", action="append", metavar="TYPE", dest="types",
            help="Only events of this type, such as ip_address.create or ip_block.*; may be "
            "repeated.",
        )  # fmt: skip
        parser.add_argument("--tenant", metavar="ID", help="Only events of this tenant.")
        parser.add_argument(
            "--since", metavar="TIME", help="First those since then (ISO 8601), from the journal."
        )
        parser.add_argument(
            "--after",
            metavar="MARKER",
            help="First those behind this marker, as -f json tells it.",
        )
        parser.add_argument("--count", type=count, metavar="N", help="End after so many events.")
        parser.add_argument(
            "-f", "--format", choices=["line", "json"], default="line", dest="formatter",
            help="A line for people, or one JSON object a line; default line.",
        )  # fmt: skip
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print them; reconnect where it was when the stream ends."""
        left = parsed_args.count
        marker = parsed_args.after
        since = parsed_args.since
        while left is None or left > 0:
            for event in self._stream(parsed_args, marker, since):
                marker, since = event["marker"], None
                if "event_type" not in event:
                    continue
                self._print(event, parsed_args.formatter)
                left = None if left is None else left - 1
                if left == 0:
                    return
            time.sleep(_PAUSE)

    def _stream(
        self, parsed_args: argparse.Namespace, marker: str | None, since: str | None
    ) -> Iterator[dict[str, Any]]:
        query = {
            "event_type": parsed_args.types,
            "tenant_id": parsed_args.tenant,
            "since": None if marker else since,
        }
        headers = {**_STREAM, "Last-Event-ID": marker} if marker else _STREAM
        try:
            # Not logged: the log would read the answer to its end.
            answer = self.service.send(
                "GET", "/events", query=query, headers=headers, stream=True, log=False,
                timeout=_SILENCE,
            )  # fmt: skip
        except Failure as failure:
            # It was there before: it comes back.
            if marker is None or failure.status is not ExitStatus.UNAVAILABLE:
                raise
            self.app.LOG.warning("%s; trying again", failure)
            return
        with answer:
            try:
                yield from read_events(answer.iter_lines(decode_unicode=True))
            except (requests.RequestException, OSError) as error:
                self.app.LOG.debug("the stream broke: %s", error)

    def _print(self, event: dict[str, Any], form: str) -> None:
        out = self.app.stdout
        out.write((json.dumps(event) if form == "json" else line(event)) + "\n")
        # Whoever reads it through a pipe wants it now.
        out.flush()
        sys.stdout.flush()


def read_events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a stream; one without data has its ``marker`` alone.

    Source: WHATWG HTML, "Server-sent events", interpretation of an event stream.
    """
    fields: dict[str, str] = {}
    for text in lines:
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "id" in fields:
            body = json.loads(fields["data"]) if "data" in fields else {}
            yield {"marker": fields["id"], **body}
        fields = {}


def line(event: dict[str, Any]) -> str:
    """Return an event as people read it: when, what happened, to what, whose."""
    what = next((str(event[name]) for name in _NAMES if event.get(name)), "-")
    parts = [event["occurred_at"], f"{event['event_type']:<22}", what, event["tenant_id"] or "-"]
    if event.get("interface_id"):
        parts.append(str(event["interface_id"]))
    if event.get("message"):
        parts.append(str(event["message"]))
    return " ".join(parts)
