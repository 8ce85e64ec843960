"""The real ``ipamctl`` against a real ``ipamd-all``; tests keep apart by tenants and names."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ipamd.ctl.app import IpamCtl
from tests.integration.programs import Facade

ROOT = Path(__file__).parents[2]


class Ctl:
    """Runs the program with a clean environment; ``tenant`` is the test's own."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.endpoint = endpoint
        self.folder = folder
        self.tenant = f"t-{uuid.uuid4().hex[:12]}"
        self.env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.env |= {"HOME": str(folder), "IPAMD_ENDPOINT": endpoint, "COLUMNS": "200"}

    def command(self, *args: str) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "ipamd.cmd.ctl", *args]

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the environment with further variables."""
        return {**self.env, "PYTHONPATH": str(ROOT), **env}

    def end(self, *args: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end, however it ends."""
        done = subprocess.run(
            self.command(*args), env=self.environment(env), input=text, text=True,
            capture_output=True, timeout=60, check=False, cwd=self.folder,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def __call__(self, *args: str, **env: str) -> str:
        """Run the same in this process, which is faster, and return what it printed."""
        out, errors = io.StringIO(), io.StringIO()
        root = logging.getLogger()
        before = root.handlers[:], root.level
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in self.environment(env).items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            try:
                status = IpamCtl(stdout=out, stderr=errors).run(list(args))
            finally:
                root.handlers[:], root.level = before
        assert status == 0, f"{status}: {errors.getvalue()}{out.getvalue()}"
        return out.getvalue()

    def json(self, *args: str, **env: str) -> Any:
        """Run it, and return the JSON it printed."""
        return json.loads(self(*args, "-f", "json", **env))

    def refused(self, *args: str, status: int, **env: str) -> str:
        """Run what is refused, and return the sentence that says so."""
        done = self.end(*args, **env)
        assert done.returncode == status, f"{done.returncode}: {done.stderr}{done.stdout}"
        assert done.stdout == ""
        (sentence,) = done.stderr.splitlines()
        return sentence


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """An ``ipamd-all`` that serves all tests of this process."""
    folder = tmp_path_factory.mktemp("ipamctl")
    facade = Facade("all", folder, {"DEFAULT": {"state_path": folder}})
    facade.wait_ready()
    yield facade
    assert facade.stop() == 0
    assert "Traceback" not in facade.text()


@pytest.fixture
def ctl(served: Facade, tmp_path: Path) -> Ctl:
    """``ipamctl`` for this test."""
    return Ctl(served.url, tmp_path)
