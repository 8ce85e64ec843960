"""Types of options that oslo.config does not have."""

from __future__ import annotations

from oslo_config import types

from ipamd.ipam.addresses import parse_cidr


class CidrType(types.String):
    """A network as blocks have it: ``10.0.0.0/24``, ``fd00::/64``."""

    def __init__(self) -> None:
        super().__init__(type_name="CIDR value")

    def __call__(self, value: object) -> str:
        """Return the text as it is.

        Raises: ValueError
        """
        text = str(super().__call__(value))
        parse_cidr(text)
        return text
