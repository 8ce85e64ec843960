"""``ipamctl``: the command-line client."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ipamd.ctl.app import IpamCtl
from ipamd.ctl.exit_status import ExitStatus


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    status = IpamCtl().run(list(sys.argv[1:] if argv is None else argv))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = ExitStatus.PIPE_CLOSED
    if status == ExitStatus.PIPE_CLOSED:
        # What is left in the buffer cannot be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
