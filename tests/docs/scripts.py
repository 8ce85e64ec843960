"""Runs the commands of a how-to on servers of the test's own, in one bash.

``sh`` blocks are typed in their order; an ``ini`` block is added to the configuration file
where it stands.  ipamd's programs are those of this checkout.  Servers such as
``ipamd-worker`` go to the background, as a service manager has them, and the next command
waits until they are ready.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.docs.comparing import differences
from tests.docs.fences import Block, blocks
from tests.docs.pages import ROOT, name
from tests.services.process import Process
from tests.services.waiting import wait_until

_MARK = "==end of block=="
# What a program says when it is ready.
_SERVERS = {
    "ipamd-all": "listens on",
    "ipamd-worker": "takes requests",
    "ipamd-api": "Listening at",
}
_TASKS = ("ipamd-manage",)


class Script:
    """The commands of one page, with what this machine has in place of what it names.

    ``texts`` replaces text of the page, the longest first; ``env`` is added to the
    environment.
    """

    def __init__(
        self, page: Path, folder: Path, texts: Mapping[str, str], env: Mapping[str, str]
    ) -> None:
        self.page = page
        self.folder = folder
        self.config = folder / "ipamd.conf"
        self.config.touch()
        self._texts = texts
        self._programs = folder / "bin"
        self._programs.mkdir()
        for task in _TASKS:
            self.add_program(task, f'exec {self._command(task)} "$@"\n')
        for server, ready in _SERVERS.items():
            self.add_program(server, self._in_background(server, ready))
        self._env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            **env,
            "PATH": f"{self._programs}:{os.environ['PATH']}",
        }

    def add_program(self, program: str, text: str) -> None:
        """Have the page find a shell script where it names ``program``."""
        path = self._programs / program
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, then: Callable[[], None] | None = None) -> list[str]:
        """Run the page; return what is not as it shows, a sentence each.

        ``then`` is called at its end, while the servers that it has started still run.
        """
        todo = list(blocks(self.page))
        script = self.folder / "page.sh"
        ended, leave = self.folder / "ended", self.folder / "leave"
        lines = ["set -euo pipefail\n", *self._lines(todo)]
        if then is not None:
            lines.append(f"touch {ended}\nuntil [ -e {leave} ]; do sleep 0.1; done\n")
        script.write_text("".join(lines))
        output = self.folder / "output"
        process = Process(["bash", script], output=output, env=self._env, cwd=self.folder)
        try:
            if then is not None:
                wait_until(lambda: ended.exists() or process.returncode is not None, timeout=90)
                if process.returncode is None:
                    then()
                    leave.touch()
            status = process.wait(90)
        finally:
            # What the page has started ends with it.
            process.kill()
        printed = output.read_text(errors="replace").split(f"{_MARK}\n")
        problems = [
            f"{name(self.page)}:{block.line}: {problem}"
            for (block, expected), text in zip(_with_output(todo), printed, strict=False)
            if expected
            for problem in differences(expected, text)
        ]
        if status:
            problems.append(f"{name(self.page)}: exit status {status}: {printed[-1]}")
        return problems

    def _lines(self, todo: Sequence[Block]) -> Iterator[str]:
        for block in todo:
            text = self.replace(block.text)
            if block.language == "ini":
                yield f"cat >> {self.config} <<'END_OF_INI'\n{text}END_OF_INI\n"
            elif block.language == "sh":
                yield f"{text}echo {_MARK}\n"

    def replace(self, text: str) -> str:
        """Put what this machine has in place of what the page names."""
        for shown in sorted(self._texts, key=len, reverse=True):
            text = text.replace(shown, self._texts[shown])
        return text

    def _command(self, program: str) -> str:
        module = program.removeprefix("ipamd-")
        return shlex.join(
            [sys.executable, "-m", f"ipamd.cmd.{module}", "--config-file", str(self.config)]
        )

    def _in_background(self, program: str, ready: str) -> str:
        log = f"{self.folder}/{program}.$$.log"
        return (
            f'{self._command(program)} "$@" > {log} 2>&1 &\n'
            # Not yet there is no fault: the program may begin after this.
            f"until grep -qs '{ready}' {log}; do\n"
            f"    kill -0 $! || {{ cat {log}; exit 1; }}\n"
            "    sleep 0.1\n"
            "done\n"
        )


def _with_output(todo: Sequence[Block]) -> Iterator[tuple[Block, str]]:
    """Yield the ``sh`` blocks, each with the ``text`` block right behind it, if any."""
    for block, following in zip(todo, [*todo[1:], None], strict=True):
        if block.language == "sh":
            shown = following is not None and following.language == "text"
            yield block, following.text if shown and following else ""
