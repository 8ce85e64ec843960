"""``import``: what is asked for on the command line, and what is told of it."""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import IO, Any, TextIO

from cliff.show import ShowOne
from tqdm import tqdm

from ipamd.ctl.base import Talking
from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.importing.entries import LeftOut, Prefix, Refused
from ipamd.ctl.importing.forms import BY_NAME, names
from ipamd.ctl.importing.loading import Defaults, Loader
from ipamd.ctl.importing.reading import entries, form_of
from ipamd.ctl.showing import count
from ipamd.ipam.addresses import Cidr, parse_cidr


class Import(Talking, ShowOne):
    """Create blocks and allocate addresses as a file says.

    What is there already, just as the file says, is left as it is: an import that was
    interrupted is gone on with by starting it again.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the file, its form, and what to take where it does not say."""
        parser = super().get_parser(prog_name)
        parser.add_argument("file", metavar="FILE", help="The file; - for the standard input.")
        parser.add_argument(
            "--from", dest="form", choices=list(BY_NAME), metavar="FORM",
            help="The file's form; default: as its first line tells. One of "
            f"{'; '.join(names())}.",
        )  # fmt: skip
        parser.add_argument(
            "--tenant", metavar="ID", help="Owner of blocks and lessee of addresses where the "
            "file names none; for addresses default: the block's owner.",
        )  # fmt: skip
        parser.add_argument("--network", metavar="ID", help="Network where the file names none.")
        parser.add_argument(
            "--block", type=_cidr, metavar="CIDR", help="Block of addresses where the file names "
            "none; default: the smallest one around each.",
        )  # fmt: skip
        parser.add_argument(
            "--type", choices=["private", "public"], default="private",
            help="Type of blocks where the file names none; default private.",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true",
            help="Tell what would be done and refused, and change nothing.",
        )  # fmt: skip
        parser.add_argument(
            "--refused", metavar="FILE", help="Write the lines that were refused there, as CSV "
            "with number, text and reason, instead of to the standard error.",
        )  # fmt: skip
        parser.add_argument(
            "--parallel", type=count, default=2, metavar="N", help="Batches sent at a time; "
            "default 2.",
        )  # fmt: skip
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Import; the exit status tells whether all was done."""
        self._was_refused = False
        result = super().run(parsed_args)
        return int(ExitStatus.PARTLY) if self._was_refused else result

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """Load the blocks, then the addresses."""
        started = time.monotonic()
        with ExitStack() as stack:
            stream = stack.enter_context(opened(parsed_args.file))
            form, separator = form_of(stream, parsed_args.form)
            prefixes, total = _survey(entries(stream, form, separator))
            bar = stack.enter_context(
                # Only on a terminal.
                tqdm(total=total, unit=" lines", file=self.app.stderr, disable=None)
            )
            loader = Loader(
                self.service,
                Defaults(parsed_args.tenant, parsed_args.network, parsed_args.block,
                         parsed_args.type),
                dry_run=parsed_args.dry_run,
                refuse=stack.enter_context(_telling(parsed_args, self.app.stderr)),
                advance=bar.update,
            )  # fmt: skip
            try:
                loader.load_prefixes(prefixes)
                stream.seek(0)
                loader.load_addresses(entries(stream, form, separator), parsed_args.parallel)
            except (Failure, KeyboardInterrupt):
                bar.close()
                self.app.LOG.error(
                    "stopped: what was done stays; the same command goes on where it was"
                )
                raise
        self._was_refused = loader.tally.refused > 0
        found = {
            "form": form.name,
            "lines": total,
            **asdict(loader.tally),
            "seconds": round(time.monotonic() - started, 1),
            "dry_run": parsed_args.dry_run,
        }
        return tuple(found), tuple(found.values())


@contextmanager
def opened(name: str) -> Iterator[TextIO]:
    """Open a file to be read twice; the standard input is kept aside meanwhile.

    Raises: Failure
    """
    try:
        if name != "-":
            with open(name, encoding="utf-8-sig", newline="") as stream:
                yield stream
            return
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as kept:
            shutil.copyfileobj(sys.stdin, kept)
            kept.seek(0)
            yield kept
    except UnicodeDecodeError as error:
        raise Failure(f"{name} is not text in UTF-8: {error}", ExitStatus.USAGE) from error
    except OSError as error:
        raise Failure(f"{name} cannot be read: {error.strerror}", ExitStatus.USAGE) from error


def _survey(found: Iterator[Any]) -> tuple[list[Prefix], int]:
    """Return the prefixes, which are few, and how many entries there are."""
    prefixes, total = [], 0
    for entry in found:
        total += 1
        if isinstance(entry, Prefix):
            prefixes.append(entry)
    return prefixes, total


@contextmanager
def _telling(parsed_args: argparse.Namespace, stderr: IO[str]) -> Iterator[Any]:
    """Give what tells of a line that was not done: on the standard error, or into a file."""

    def tell(entry: Refused | LeftOut) -> None:
        word = "left out" if isinstance(entry, LeftOut) else "refused"
        # A file may hold anything, a terminal must not be told all of it.
        said = entry.text if entry.text.isprintable() else ascii(entry.text)
        text = f"{parsed_args.file}:{entry.line}: {word}: {said}: {entry.reason}"
        tqdm.write(text, file=stderr)

    if parsed_args.refused is None:
        yield tell
        return
    try:
        with open(parsed_args.refused, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("line", "text", "reason"))

            def write(entry: Refused | LeftOut) -> None:
                if isinstance(entry, LeftOut):
                    tell(entry)
                else:
                    writer.writerow((entry.line, entry.text, entry.reason))

            yield write
    except OSError as error:
        text = f"{parsed_args.refused} cannot be written: {error.strerror}"
        raise Failure(text, ExitStatus.USAGE) from error


def _cidr(text: str) -> Cidr:
    try:
        return parse_cidr(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
