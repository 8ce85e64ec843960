"""``request`` and ``version``: what became of a request, and which versions there are."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.lister import Lister
from cliff.show import ShowOne

from ipamd.ctl.base import Talking
from ipamd.ctl.service import Resource, path
from ipamd.ctl.showing import fields, shown

_PAUSE = 0.2


class RequestShow(Talking, ShowOne):
    """Show what became of a request that was handed over to be done later."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the request."""
        parser = super().get_parser(prog_name)
        parser.add_argument("request", metavar="REQUEST", help="The id that it was given.")
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", default=0.0, help="Wait for its end so long."
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """Ask until it is done, at most as long as is wished."""
        end = time.monotonic() + parsed_args.wait
        while True:
            found: Resource = self.service.get(path("requests", parsed_args.request))["request"]
            if found["status"] != "queued" or time.monotonic() >= end:
                return fields(found)
            time.sleep(_PAUSE)


class VersionList(Talking, Lister):
    """List the versions of the service's API."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """List them."""
        names = ("id", "status", "min_version", "max_version")
        versions = self.service.get("")["versions"]
        return names, [tuple(shown(each[name]) for name in names) for each in versions]
