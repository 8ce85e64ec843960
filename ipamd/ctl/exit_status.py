"""The exit statuses of ``ipamctl``: one table, from which the reference is made."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class ExitStatus(IntEnum):
    """How a command ended, as scripts can tell it."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    NOT_ALLOWED = 5
    UNAVAILABLE = 6
    PARTLY = 7
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS: Mapping[ExitStatus, str] = {
    ExitStatus.DONE: "Done.",
    ExitStatus.REFUSED: "Refused for another reason, a value that is not valid for one.",
    ExitStatus.USAGE: "The command line or the settings cannot be used; nothing was sent.",
    ExitStatus.NOT_FOUND: "What the command names does not exist.",
    ExitStatus.CONFLICT: "It does not go with what there is: an address that is taken, a full "
    "block, a port that is in use.",
    ExitStatus.NOT_ALLOWED: "The credentials are missing, wrong, or do not suffice.",
    ExitStatus.UNAVAILABLE: "The service cannot be reached, is not ready or is asked too often: "
    "try again.",
    ExitStatus.PARTLY: "Some lines of an import were refused; the others were done.",
    ExitStatus.INTERRUPTED: "Interrupted from the keyboard.",
    ExitStatus.PIPE_CLOSED: "Whoever read the output has stopped reading.",
}


class Failure(Exception):
    """A command that cannot go on: one sentence for its user, and the exit status.

    ``code``: the service's own, where it refused.
    """

    def __init__(
        self,
        sentence: str,
        status: ExitStatus = ExitStatus.REFUSED,
        *,
        code: str | None = None,
    ) -> None:
        self.status = status
        self.code = code
        super().__init__(sentence)
