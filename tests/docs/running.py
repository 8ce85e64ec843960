"""Runs the examples of one page in one bash, as a reader would type them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs.fences import Example

HOST_IN_PAGES = "127.0.0.1:9898"
_MARK = "==end of example=="
_END = re.compile(rf"\n{_MARK} (\d+)\n")


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit status."""

    text: str
    status: int


def run(examples: Sequence[Example], *, host: str, folder: Path) -> list[Outcome]:
    """Run the examples one after the other; ``host`` is asked where pages name port 9898.

    A variable that is not set ends the script: its outcome is then the last one.
    """
    script = folder / "examples.sh"
    commands = "".join(f"{each.command}\nprintf '\\n{_MARK} %d\\n' $?\n" for each in examples)
    script.write_text(commands.replace(HOST_IN_PAGES, host))
    done = subprocess.run(
        ["bash", "-u", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        # The programs of the same environment, ipamctl among them.
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        timeout=90,
        check=False,
    )
    *ended, rest = _END.split(done.stdout.replace(host, HOST_IN_PAGES))
    outcomes = [
        Outcome(text, int(status)) for text, status in zip(ended[::2], ended[1::2], strict=True)
    ]
    if len(outcomes) < len(examples):
        outcomes.append(Outcome(rest, done.returncode or 1))
    return outcomes
