"""Run one program and leave none of its descendants behind, whatever becomes of the caller.

Started by ``tests.services.process`` as a script of its own, with nothing but the standard
library: ``supervisor.py PARENT_PID STATUS_FD FOLDER USER COMMAND...``. It becomes the
reaper of everything the program starts, daemons that detach themselves included. When the
program ends, when the caller ends (even by SIGKILL) or on SIGTERM, all of them are killed.
If the caller is gone, FOLDER ("-" for none) is removed as well.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def children_by_parent() -> dict[int, list[int]]:
    """Map each process to its children, as /proc tells them; zombies are left out."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                # The second field is the name in parentheses and may hold anything.
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended in the meantime
        if state != "Z":
            found.setdefault(int(parent), []).append(int(name))
    return found


def descendants(pid: int) -> list[int]:
    """List the living processes below ``pid``, parents before their children."""
    tree = children_by_parent()
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = tree.get(waiting.pop(0), [])
        found += below
        waiting += below
    return found


def living() -> set[int]:
    """Name all processes of the machine that have not ended."""
    return {pid for below in children_by_parent().values() for pid in below}


def kill_descendants() -> None:
    """Kill what is below this process until nothing is."""
    while pids := descendants(os.getpid()):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        reap()
        time.sleep(0.01)


def reap() -> None:
    """Collect the orphans that ended; the program itself is left to its Popen object."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid == program_pid:
            return
        os.waitpid(found.si_pid, 0)


def wait_for_all() -> None:
    """Collect every process there still is, so that none is left to the system's init."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def start(command: list[str], user: str) -> subprocess.Popen[bytes]:
    """Start ``command``, as ``user`` unless that is "-"."""
    if user == "-":
        return subprocess.Popen(command)
    account = pwd.getpwnam(user)
    return subprocess.Popen(command, user=account.pw_uid, group=account.pw_gid, extra_groups=[])


program_pid = -1


def main() -> int:
    """Supervise; the exit code is the program's, 128 + n when signal n ended it."""
    global program_pid
    parent, status_fd, folder, user, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    parent_fd = os.pidfd_open(os.getppid())
    if os.getppid() != int(parent):
        return 1  # the caller ended before we could watch it
    wakeup, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGCHLD, lambda *_: None)

    program = start(command, user)
    program_pid = program.pid
    with os.fdopen(int(status_fd), "w") as status:
        status.write(f"{program.pid}\n")
    orphaned = False
    while not (stopping or orphaned) and program.poll() is None:
        reap()
        ready, _, _ = select.select([parent_fd, wakeup], [], [])
        orphaned = parent_fd in ready
        if wakeup in ready:
            os.read(wakeup, 4096)
    kill_descendants()
    code = program.wait()
    wait_for_all()
    if orphaned and folder != "-":
        shutil.rmtree(folder, ignore_errors=True)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    # At once: an interpreter that ends in order gives up its handlers first, and the SIGTERM
    # of a caller who does not know yet that all is over would then become the exit code.
    os._exit(main())
