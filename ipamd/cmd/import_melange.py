"""``ipamd-manage import-melange URL``: what it prints, and its exit status."""

from __future__ import annotations

import argparse
import sys

from oslo_config import cfg

from ipamd.cmd.progress import progress_bar
from ipamd.db import check, schema
from ipamd.db.database import Database
from ipamd.melange.importing import import_melange
from ipamd.melange.report import FREE, READ, REFUSED, TAKEN, THERE, Report

_COLUMNS = (READ, FREE, REFUSED, TAKEN, THERE)


def add_import_melange(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the task to those of ``ipamd-manage``."""
    task = tasks.add_parser(
        "import-melange",
        help="move the database of an OpenStack Melange into the store",
        description="Moves policies, blocks, addresses, interfaces, MAC addresses, routes, NAT "
        "and allowed IPs of Melange into the store, with their ids.  Interrupted, it is run "
        "again: what is there already stays as it is.",
    )
    task.add_argument(
        "url",
        metavar="URL",
        help="SQLAlchemy URL of Melange's database; '-' reads it from standard input, so that "
        "its password is in no list of processes",
    )
    task.add_argument(
        "--dry-run", action="store_true", help="say what would not be taken, write nothing"
    )
    task.add_argument(
        "--skip-refused", action="store_true", help="import the others although rows are refused"
    )
    task.set_defaults(run=_import)


def _import(conf: cfg.ConfigOpts) -> int:
    db = Database(conf)
    # With a broker configured, workers publish the events; without, nobody would.
    db.journal_only = not conf.transport_url
    schema.require_current(db)
    options = conf.task
    url = sys.stdin.readline().strip() if options.url == "-" else options.url
    with progress_bar(sys.stderr) as progress:

        def say(sentence: str) -> None:
            progress.clear()
            print(sentence, flush=True)

        report = Report(say, progress.show)
        done = import_melange(
            db, url, report, dry_run=options.dry_run, skip_refused=options.skip_refused
        )
        findings = list(check.find(db, progress.show)) if done else []
    _print_counts(report)
    for finding in findings:
        print(finding)
    if done and not findings:
        print("Free space, addresses and events agree.")
    elif not done and not options.dry_run:
        print("Nothing was written.")
    return 1 if report.refused or findings else 0


def _print_counts(report: Report) -> None:
    print("".join(["table".ljust(20), *(name.rjust(15) for name in _COLUMNS)]))
    for table, counts in report.counts.items():
        numbers = (str(counts[name]).rjust(15) for name in _COLUMNS)
        print("".join([table.ljust(20), *numbers]))
