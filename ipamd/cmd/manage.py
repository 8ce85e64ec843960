"""``ipamd-manage``: the administrator's tasks on the store.

Exit status: 0 done and well, 1 ``db check`` found something that is still off or an import
refused something, 2 wrong usage or configuration, 3 a database could not be worked with.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from oslo_config import cfg

from ipamd import config, errors
from ipamd.cmd import status
from ipamd.cmd.effective import effective_configuration
from ipamd.cmd.import_melange import add_import_melange
from ipamd.cmd.logs import set_up_logging
from ipamd.cmd.progress import progress_bar
from ipamd.db import check, schema
from ipamd.db.database import Database
from ipamd.melange.importing import ImpossibleError
from ipamd.melange.source import NotMelangeError
from ipamd.operations.purge import purge
from ipamd.rpc.transport import register_opts

PROG = "ipamd-manage"
OFF, USAGE, FAILED = 1, 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Do one task; return the exit status."""
    tasks = cfg.SubCommandOpt("task", title="tasks", handler=_add_tasks)
    try:
        arguments = options_first(sys.argv[1:] if argv is None else argv)
        conf = config.load(arguments, prog=PROG, cli_opts=[tasks])
        register_opts(conf)
        set_up_logging(conf)
    except cfg.Error as error:
        return _complain(str(error), USAGE)
    task: Callable[[cfg.ConfigOpts], int] = conf.task.run
    try:
        return task(conf)
    except sa.exc.ArgumentError as error:
        return _complain(f"[database] connection: {error}", USAGE)
    except (schema.SchemaError, NotMelangeError, ImpossibleError) as error:
        return _complain(str(error), FAILED)
    except errors.IpamError as error:
        return _complain(error.message, FAILED)
    except sa.exc.DBAPIError as error:
        # PostgreSQL's advice and MariaDB's number stay away.
        reason = error.orig.args[-1] if error.orig and error.orig.args else error
        first_line = str(reason).partition("\n")[0]
        return _complain(f"the database cannot be reached or used: {first_line}", FAILED)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        return _complain(f"the database cannot be used: {error}", FAILED)


def options_first(argv: Sequence[str]) -> list[str]:
    """Move ``--config-file`` and ``--config-dir`` to the front, wherever they stand.

    A sub-command's parser does not know them.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--config-file", "--config-dir"):
        parser.add_argument(name, dest="found", action="append", type=f"{name}={{}}".format)
    known, others = parser.parse_known_args(argv)
    return [*(known.found or []), *others]


def _add_tasks(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    db = tasks.add_parser("db", help="the store's schema and its consistency")
    actions = db.add_subparsers(title="actions", dest="action", required=True)
    upgrade = actions.add_parser("upgrade", help="create the schema, or bring it up to date")
    upgrade.set_defaults(run=_upgrade)
    version = actions.add_parser("version", help="show the schema's revision and the newest one")
    version.set_defaults(run=_version)
    checking = actions.add_parser(
        "check", help="check that free space, addresses and events agree; 1 when they do not"
    )
    checking.add_argument(
        "--repair", action="store_true", help="rebuild free space and counters from the addresses"
    )
    checking.set_defaults(run=_check)
    purging = tasks.add_parser(
        "purge", help="free what is out of quarantine, delete old keys and events"
    )
    purging.set_defaults(run=_purge)
    add_import_melange(tasks)
    asking = tasks.add_parser(
        "status", help="ask broker, database and workers how they are; 1 when not all is well"
    )
    asking.add_argument(
        "-f", "--format", choices=("table", "json"), default="table", help="default: table"
    )
    asking.add_argument(
        "--timeout", type=_seconds, default=status.TIMEOUT, metavar="SECONDS",
        help="how long workers have to answer (default: %(default)s)",
    )  # fmt: skip
    asking.add_argument(
        "--max-age", type=_seconds, default=status.MAX_AGE, metavar="SECONDS",
        help="how long an event may wait to be published (default: %(default)s)",
    )  # fmt: skip
    asking.set_defaults(run=_status)
    showing = tasks.add_parser("config", help="print the configuration that is in effect")
    showing.set_defaults(run=_config)


def _upgrade(conf: cfg.ConfigOpts) -> int:
    db = Database(conf)
    before = schema.current(db)
    schema.upgrade(db)
    after = schema.current(db)
    if before == after:
        print(f"The schema is at revision {after}, the newest.")
    else:
        print(f"The schema went from revision {before or 'none'} to {after}.")
    return 0


def _version(conf: cfg.ConfigOpts) -> int:
    found = schema.current(Database(conf))
    print(f"database {found or 'none'}")
    print(f"newest   {schema.head()}")
    return 0


def _check(conf: cfg.ConfigOpts) -> int:
    db = Database(conf)
    schema.require_current(db)
    findings = _find(db)
    if findings and conf.task.repair:
        for done in check.repair(db, findings):
            print(f"repaired {done}")
        findings = _find(db)
    if findings:
        print(f"{len(findings)} findings.")
        return OFF
    print("Free space, addresses and events agree.")
    return 0


def _find(db: Database) -> list[check.Finding]:
    found = []
    with progress_bar(sys.stderr) as progress:
        for finding in check.find(db, progress.show):
            progress.clear()
            print(finding, flush=True)
            found.append(finding)
    return found


def _purge(conf: cfg.ConfigOpts) -> int:
    db = Database(conf)
    schema.require_current(db)
    for kind, number in purge(db).items():
        print(f"{kind} {number}")
    return 0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return seconds


def _status(conf: cfg.ConfigOpts) -> int:
    found = status.find_status(conf, timeout=conf.task.timeout, max_age=conf.task.max_age)
    print(status.as_json(found) if conf.task.format == "json" else status.as_text(found))
    return OFF if found.problems else 0


def _config(conf: cfg.ConfigOpts) -> int:
    print(effective_configuration(conf), end="")
    return 0


def _complain(problem: str, status: int) -> int:
    sentence = " ".join(problem.split())
    print(f"{PROG}: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
