"""The systemd units: a user of their own each, and a sandbox that systemd itself rates.

They cannot be started here: tests run where systemd is no init. What they name is looked at.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services.packages import install

UNITS = sorted((Path(__file__).parents[2] / "etc/systemd").glob("*.service"))
SYSUSERS = UNITS[0].parent / "ipamd.sysusers"
SETUP = Path(__file__).parents[2] / "setup.cfg"
UNIT = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


@pytest.fixture(scope="module", autouse=True)
def _systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        install(["systemd"], "deselect tests/security/test_systemd_units.py")


def service(unit: Path) -> dict[str, list[str]]:
    """Read the settings of ``[Service]``, each with all its values."""
    section = unit.read_text().partition("[Service]\n")[2].partition("\n[Install]")[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_every_server_has_a_unit() -> None:
    assert [unit.stem for unit in UNITS] == ["ipamd-all", "ipamd-api", "ipamd-worker"]


@UNIT
def test_the_sandbox_is_rated_two_or_better(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= 2.0, done.stdout
    assert done.returncode == 0, done.stdout


@UNIT
def test_systemd_understands_every_line(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # The program is installed elsewhere, if at all; nothing else may be wrong.
    left = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert [line for line in left if unit.name in line] == []


@UNIT
def test_each_runs_its_program_as_a_user_of_its_own(unit: Path) -> None:
    settings = service(unit)
    assert settings["User"] == [unit.stem]
    assert settings["Group"] == ["ipamd"]
    assert f'u {unit.stem} - "' in SYSUSERS.read_text()
    program, option, config = settings["ExecStart"][0].split()
    assert Path(program).name == unit.stem
    assert (option, config) == ("--config-file", "/etc/ipamd/ipamd.conf")
    parser = configparser.ConfigParser()
    parser.read(SETUP)
    assert f"{unit.stem} = " in parser["options.entry_points"]["console_scripts"]


@UNIT
def test_stopping_leaves_time_for_what_is_in_hand(unit: Path) -> None:
    settings = service(unit)
    assert int(settings["TimeoutStopSec"][0]) > 30  # [worker] drain_timeout
    assert ("StateDirectory" in settings) == (unit.stem == "ipamd-all")
