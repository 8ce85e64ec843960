"""The options, how they are loaded, and the sample configuration made of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from oslo_config import cfg, generator

from ipamd import config

SAMPLE = Path(__file__).parents[2] / "etc/ipamd/ipamd.conf.sample"


def load(tmp_path: Path, text: str = "") -> cfg.ConfigOpts:
    file = tmp_path / "ipamd.conf"
    file.write_text(text)
    return config.load(["--config-file", str(file)])


def own_sections(sample: str) -> dict[str, str]:
    """Extract what the sample says of ipamd's own options, by group.

    What it says of oslo's options changes with their versions.
    """
    found: dict[str, str] = {}
    for group, text in re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", sample, re.M | re.S):
        own = re.search(r"^#\n# From ipamd\n#\n(.*?)(?=^#\n# From |\Z)", text, re.M | re.S)
        if own:
            found[group] = own[1].strip()
    return found


def test_the_sample_agrees_with_the_options(tmp_path: Path) -> None:
    fresh = tmp_path / "sample"
    generator.main(["--namespace", "ipamd", "--wrap-width", "78", "--output-file", str(fresh)])

    expected = own_sections(fresh.read_text())

    assert set(expected) == set(config.GROUPS)
    assert own_sections(SAMPLE.read_text()) == expected, "run make config"


def test_the_sample_sets_nothing_by_itself() -> None:
    assert [
        line for line in SAMPLE.read_text().splitlines() if line[:1] not in ("", "#", "[")
    ] == []


def test_a_sample_with_every_default_uncommented_can_be_loaded(tmp_path: Path) -> None:
    text = "\n".join(
        f"[{group}]\n" + re.sub(r"^#(\w+ = (?!<None>))", r"\1", section, flags=re.M)
        for group, section in own_sections(SAMPLE.read_text()).items()
    )

    conf = load(tmp_path, text)

    for group, options in config.GROUPS.items():
        values = conf if group == "DEFAULT" else conf[group]
        assert {o.name: values[o.dest] for o in options} == {o.name: o.default for o in options}


def test_the_database_is_sqlite_under_the_state_path_by_default(tmp_path: Path) -> None:
    assert config.database_url(load(tmp_path)) == "sqlite:////var/lib/ipamd/ipamd.sqlite"
    conf = load(tmp_path, f"[DEFAULT]\nstate_path = {tmp_path}\n")
    assert config.database_url(conf) == f"sqlite:///{tmp_path}/ipamd.sqlite"


def test_the_configured_database_is_used(tmp_path: Path) -> None:
    url = "postgresql+psycopg://ipamd:secret@db.example.com/ipamd"

    conf = load(tmp_path, f"[database]\nconnection = {url}\n")

    assert config.database_url(conf) == url


def test_the_facade_listens_on_loopback_by_default(tmp_path: Path) -> None:
    api = load(tmp_path).api

    assert (api.bind_host, api.bind_port, api.auth_strategy) == ("127.0.0.1", 9898, "noauth")


@pytest.mark.parametrize(
    ("option", "default"),
    [
        ("dns1", None),
        ("dns2", None),
        ("default_cidr", None),
        ("default_gateway", True),
        ("reserve_network_address", True),
        ("keep_deallocated_ips", True),
        ("keep_deallocated_ips_for_days", 2),
        ("reclaim_when_full", True),
        ("journal_days", 90),
        ("ipv6_generator", "tenant"),
        ("ip_allocation_retries", 10),
        ("mac_allocation_retries", 10),
    ],
)
def test_the_defaults_that_operators_rely_on(tmp_path: Path, option: str, default: object) -> None:
    assert load(tmp_path).ipam[option] == default


def test_fractions_of_days_are_allowed(tmp_path: Path) -> None:
    conf = load(tmp_path, "[ipam]\nkeep_deallocated_ips_for_days = 0.5\n")

    assert conf.ipam.keep_deallocated_ips_for_days == 0.5


@pytest.mark.parametrize(
    "line",
    [
        "[ipam]\nkeep_deallocated_ips_for_days = -1",
        "[ipam]\nkeep_deallocated_ips_for_days = 1e9",
        "[ipam]\njournal_days = 1000000",
        "[ipam]\nidempotency_key_hours = 23",
        "[ipam]\nidempotency_key_hours = 1000000000",
        "[ipam]\ndns1 = resolver.example.org",
        "[ipam]\ndns2 = 8.8.8",
        "[ipam]\ndefault_cidr = 10.0.0.0",
        "[ipam]\ndefault_cidr = 10.0.0.0/33",
        "[ipam]\nipv6_generator = rfc9999",
        "[ipam]\nip_allocation_retries = 0",
        "[api]\nbind_port = 65536",
        "[api]\nauth_strategy = trust",
        "[api]\nmax_limit = many",
        "[database]\nsqlite_synchronous = OFF",
    ],
)
def test_a_value_that_cannot_be_used_is_refused(tmp_path: Path, line: str) -> None:
    (option,) = re.findall(r"\n(\w+)", line)

    with pytest.raises(cfg.ConfigFileValueError, match=option):
        load(tmp_path, line + "\n")


def test_a_configuration_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(cfg.ConfigFilesNotFoundError, match=r"nowhere\.conf"):
        config.load(["--config-file", str(tmp_path / "nowhere.conf")])


def test_every_load_has_its_own_options(tmp_path: Path) -> None:
    first = load(tmp_path, "[api]\nbind_port = 1\n")
    second = load(tmp_path, "[api]\nbind_port = 2\n")

    assert (first.api.bind_port, second.api.bind_port) == (1, 2)
