"""Who may import whom: the facade knows nothing of the store, the rules do no I/O."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ipamd

ROOT = Path(str(ipamd.__file__)).parent
# Modules of the standard library that read or write, or ask what time it is.
IO = {
    "asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "select", "shutil",
    "socketserver", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
}  # fmt: skip


def modules(folder: str) -> list[Path]:
    """Return the modules of a package."""
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def imported(path: Path) -> Iterator[str]:
    """Yield the full names that a module imports, wherever in it that is written."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path: Path) -> str:
    """Return a module's path as the ids of tests show it."""
    return str(path.relative_to(ROOT))


def test_imports_are_found_in_all_their_forms(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import a.b\nfrom c import d\ndef f():\n    from e.f import g as h\n")
    assert list(imported(module)) == ["a.b", "c.d", "e.f.g"]


@pytest.mark.parametrize("path", modules("api"), ids=name)
def test_the_facade_knows_nothing_of_the_store(path: Path) -> None:
    forbidden = ("ipamd.db", "ipamd.operations")
    assert [found for found in imported(path) if found.startswith(forbidden)] == []


@pytest.mark.parametrize("path", modules("ipam"), ids=name)
def test_the_rules_do_no_io(path: Path) -> None:
    foreign = []
    for found in imported(path):
        top = found.partition(".")[0]
        own = found.startswith("ipamd.ipam.") or found == "ipamd.ipam"
        if not own and (top not in {*sys.stdlib_module_names, "netaddr"} or top in IO):
            foreign.append(found)
    assert foreign == []


@pytest.mark.parametrize("path", modules("operations"), ids=name)
def test_operations_know_nothing_of_how_they_are_called(path: Path) -> None:
    forbidden = ("ipamd.api", "ipamd.rpc", "ipamd.cmd")
    assert [found for found in imported(path) if found.startswith(forbidden)] == []


@pytest.mark.parametrize("path", modules("db"), ids=name)
def test_the_store_knows_nothing_of_what_is_kept_in_it(path: Path) -> None:
    forbidden = ("ipamd.api", "ipamd.rpc", "ipamd.cmd", "flask", "oslo_messaging", "kombu")
    assert [found for found in imported(path) if found.startswith(forbidden)] == []


@pytest.mark.parametrize("path", modules("ctl"), ids=name)
def test_the_client_knows_nothing_of_the_service_but_its_api(path: Path) -> None:
    allowed = ("ipamd.ctl", "ipamd.ipam.", "ipamd.__version__")
    own = [found for found in imported(path) if found.startswith("ipamd.")]
    assert [found for found in own if not found.startswith(allowed)] == []
