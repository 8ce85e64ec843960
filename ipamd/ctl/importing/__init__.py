"""``import``: prefixes and addresses from files of several forms."""

from ipamd.ctl.importing.command import Import

__all__ = ["Import"]
