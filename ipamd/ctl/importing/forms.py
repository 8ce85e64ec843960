"""The forms of files: which column means what, and how a file's form is recognised.

Sources: the CSV exports of NetBox ("Current view" with its titles, "All data" with its
field names) and of phpIPAM (Administration, Import / Export; its spreadsheets saved as
CSV).  Titles are compared without regard to case, blanks and underscores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ipamd.ctl.importing.entries import Address, Entry, LeftOut, Prefix, Refused

Columns = Mapping[str, tuple[str, ...]]
Row = Mapping[str, str]

# How NetBox and phpIPAM write that a prefix is in no VRF.
_NO_VRF = {"", "global", "default", "none", "\N{EM DASH}"}


@dataclass(frozen=True)
class Form:
    """A form: its columns by what they mean here, and what is made of a row."""

    name: str
    about: str
    columns: Columns
    read: Callable[[int, Row], Entry]
    # Titles of which a header must have one of each group.
    marks: tuple[frozenset[str], ...]

    def fits(self, titles: set[str]) -> bool:
        """Tell whether a header is one of this form."""
        return all(group & titles for group in self.marks)

    def positions(self, header: Sequence[str]) -> dict[str, int]:
        """Return where the columns are that mean something here."""
        at = {title(text): number for number, text in enumerate(header)}
        found = {}
        for meaning, names in self.columns.items():
            number = next((at[name] for name in names if name in at), None)
            if number is not None:
                found[meaning] = number
        return found


def title(text: str) -> str:
    """Return the title of a column as it is compared."""
    return " ".join(text.replace("_", " ").lower().split())


def _own(line: int, row: Row) -> Entry:
    cidr, address = row.get("cidr"), row.get("address")
    common = {"tenant": row.get("tenant"), "network": row.get("network")}
    if address:
        return Address(
            line, address, cidr, **common, interface=row.get("interface"),
            device=row.get("device"), mac=row.get("mac"),
        )  # fmt: skip
    if cidr:
        names = ("type", "gateway", "dns1", "dns2", "allocation_strategy")
        settings = {name: None if row[name] == "-" else row[name] for name in names if name in row}
        return Prefix(line, cidr, **common, settings=settings)
    return Refused(line, "", "it has neither an address nor a cidr")


def _vrf(row: Row) -> str | None:
    vrf = row.get("network", "")
    return None if vrf.lower() in _NO_VRF else vrf


def _netbox_prefix(line: int, row: Row) -> Entry:
    if not row.get("cidr"):
        return Refused(line, "", "it has no prefix")
    return Prefix(line, row["cidr"], row.get("tenant"), _vrf(row))


def _netbox_address(line: int, row: Row) -> Entry:
    if not row.get("address"):
        return Refused(line, "", "it has no address")
    # "All data" has a column for each of the two, one of them empty.
    device, port = row.get("device") or row.get("machine"), row.get("port")
    # The name of an interface, eth0, is known in its device alone.
    interface = f"{device}:{port}" if device and port else None
    # NetBox writes the length of the network behind the address.
    address = row["address"].partition("/")[0]
    return Address(
        line, address, None, row.get("tenant"), _vrf(row), interface, device, row.get("mac")
    )


def _phpipam_subnet(line: int, row: Row) -> Entry:
    subnet = row.get("cidr", "")
    if subnet.lower().endswith(("(folder)", "[folder]")):
        return LeftOut(line, subnet, "it is a folder")
    if not subnet:
        return Refused(line, "", "it has no subnet")
    mask = row.get("mask")
    cidr = f"{subnet}/{mask.lstrip('/')}" if mask and "/" not in subnet else subnet
    return Prefix(line, cidr, row.get("tenant"), _vrf(row))


def _phpipam_address(line: int, row: Row) -> Entry:
    if not row.get("address"):
        return Refused(line, "", "it has no address")
    return Address(
        line, row["address"], row.get("cidr"), row.get("tenant"), _vrf(row), None,
        row.get("device"), row.get("mac"),
    )  # fmt: skip


def _plain(line: int, row: Row) -> Entry:
    text = row["text"].split("#")[0].strip()
    return Prefix(line, text) if "/" in text else Address(line, text)


CSV = Form(
    "csv",
    "ipamctl's own, as 'export' writes it",
    {
        "cidr": ("cidr",), "address": ("address",), "tenant": ("tenant id",),
        "network": ("network id",), "type": ("type",), "gateway": ("gateway",),
        "dns1": ("dns1",), "dns2": ("dns2",), "allocation_strategy": ("allocation strategy",),
        "interface": ("interface id",), "device": ("used by device",), "mac": ("mac address",),
    },
    _own,
    (
        frozenset({"cidr", "address"}),
        frozenset({"cidr", "tenant id", "network id", "interface id", "used by device"}),
    ),
)  # fmt: skip
NETBOX_PREFIXES = Form(
    "netbox-prefixes",
    "prefixes of NetBox",
    {"cidr": ("prefix",), "tenant": ("tenant",), "network": ("vrf",)},
    _netbox_prefix,
    (frozenset({"prefix"}),),
)
NETBOX_ADDRESSES = Form(
    "netbox-addresses",
    "IP addresses of NetBox",
    {
        "address": ("address", "ip address"), "tenant": ("tenant",), "network": ("vrf",),
        "device": ("device", "parent"), "machine": ("virtual machine",),
        "port": ("interface", "assigned object"), "mac": ("mac address",),
    },
    _netbox_address,
    (
        frozenset({"address", "ip address"}),
        frozenset({"status", "dns name", "assigned", "is primary", "vrf"}),
    ),
)  # fmt: skip
PHPIPAM_ADDRESSES = Form(
    "phpipam-addresses",
    "IP addresses of phpIPAM",
    {
        "address": ("ip address",), "cidr": ("subnet",), "tenant": ("customer",),
        "network": ("vrf",), "device": ("hostname",), "mac": ("mac",),
    },
    _phpipam_address,
    (
        frozenset({"ip address"}),
        frozenset({"section", "subnet", "hostname", "owner", "tag", "note", "ip state"}),
    ),
)  # fmt: skip
PHPIPAM_SUBNETS = Form(
    "phpipam-subnets",
    "subnets of phpIPAM",
    {"cidr": ("subnet",), "mask": ("mask",), "tenant": ("customer",), "network": ("vrf",)},
    _phpipam_subnet,
    (frozenset({"subnet"}),),
)
LIST = Form("list", "one address or CIDR a line, # begins a comment", {}, _plain, ())

# The first that fits is it: what is more special stands first.
FORMS = (CSV, NETBOX_PREFIXES, PHPIPAM_ADDRESSES, PHPIPAM_SUBNETS, NETBOX_ADDRESSES, LIST)
BY_NAME: Mapping[str, Form] = {form.name: form for form in FORMS}


def recognise(header: Sequence[str]) -> Form | None:
    """Return the form of a file by its first line; None for a header that is none of them."""
    titles = {title(text) for text in header}
    found = next((form for form in FORMS if form.marks and form.fits(titles)), None)
    if found is None and len(header) == 1 and _is_plain(header[0]):
        return LIST
    return found


def _is_plain(text: str) -> bool:
    """Tell whether a line looks like one of a list: an address, a CIDR, or a comment."""
    text = text.split("#")[0].strip()
    return not text or text[0] in "0123456789:" or (":" in text and " " not in text)


def names() -> Iterator[str]:
    """Yield the names of the forms with what they are."""
    for form in FORMS:
        yield f"{form.name} ({form.about})"
