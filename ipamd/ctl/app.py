"""The program around the commands: options of all, the connection, and how it ends."""

from __future__ import annotations

import argparse
import logging
from typing import Any

from cliff.app import App
from cliff.command import Command
from cliff.commandmanager import CommandManager

from ipamd import __version__
from ipamd.ctl import connection
from ipamd.ctl.commands import COMMANDS
from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.service import Service


class IpamCtl(App):
    """``ipamctl NOUN VERB``."""

    NAME = "ipamctl"

    def __init__(self, **streams: Any) -> None:
        manager = CommandManager()
        for name, command in COMMANDS.items():
            manager.add_command(name, command)
        super().__init__(
            "The command-line client of ipamd.  Without a command it reads commands.",
            __version__,
            manager,
            # "block create --help" is about that command.
            deferred_help=True,
            **streams,
        )
        self._service: Service | None = None
        self._failures: list[ExitStatus] = []

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: Any = None
    ) -> argparse.ArgumentParser:
        """Add the options of the connection to those of every program of cliff."""
        # An option of a command must not be taken for the beginning of one of these.
        kwargs = {**(argparse_kwargs or {}), "allow_abbrev": False}
        parser = super().build_option_parser(description, version, kwargs)
        parser.prog = self.NAME
        for action in parser._actions:
            if "--version" in action.option_strings:
                action.version = f"{self.NAME} {version}"  # type: ignore[attr-defined]
            elif "--debug" in action.option_strings:
                action.help = "Show requests and answers, and tracebacks of errors."
        connection.add_options(parser)
        return parser

    def configure_logging(self) -> None:
        """Log to the standard error; with --debug also what goes over the wire."""
        if self.options.debug:
            self.options.verbose_level = 2
        super().configure_logging()
        for noisy in ("stevedore", "openstack", "urllib3"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if not self.options.debug:
            # What is sent again in vain ends in a sentence of ours.
            logging.getLogger("keystoneauth").setLevel(logging.ERROR)

    @property
    def service(self) -> Service:
        """The service, connected with the first use.

        Raises: Failure
        """
        if self._service is None:
            self._service = Service(connection.connect(self.options))
        return self._service

    def run_subcommand(self, argv: list[str]) -> int:
        """Run a command; what it failed with decides the exit status."""
        self._failures.clear()
        result = super().run_subcommand(argv)
        return int(self._failures[-1]) if self._failures else result

    def clean_up(self, cmd: Command, result: int, err: BaseException | None) -> None:
        """Remember how a command failed."""
        if isinstance(err, Failure):
            self._failures.append(err.status)
