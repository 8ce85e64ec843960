"""The configuration in effect, as a configuration file, without its secrets."""

from __future__ import annotations

import logging

import sqlalchemy as sa
from oslo_config import cfg

from ipamd.config import database_url
from ipamd.masking import masked

_NONE = "<none>"


class _Collector:
    """Takes what oslo.config would log: one call for each option, secrets masked by it."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, str]] = {"DEFAULT": {}}

    def log(self, level: int, msg: object, *args: object) -> None:
        """Keep what is an option's name and value."""
        del level
        if len(args) != 2 or "=" not in str(msg):
            return
        group, _, name = str(args[0]).rpartition(".")
        self.groups.setdefault(group or "DEFAULT", {})[name] = _text(args[1])


def effective_configuration(conf: cfg.ConfigOpts) -> str:
    """Return every option with its value; what is unset stands in a comment.

    Secrets are ``****``; of URLs only the password is.
    """
    collector = _Collector()
    conf.log_opt_values(collector, logging.INFO)
    url = sa.make_url(database_url(conf))
    connection = masked(url.render_as_string(hide_password=True))
    collector.groups["database"]["connection"] = connection
    defaults = collector.groups["DEFAULT"]
    defaults["transport_url"] = masked(conf.transport_url or _NONE)
    del defaults["task"]  # the sub-command, no option
    lines = []
    for group, options in collector.groups.items():
        lines.append(f"[{group}]")
        for name, value in sorted(options.items()):
            lines.append(f"#{name} =" if value == _NONE else f"{name} = {value}")
        lines.append("")
    return "\n".join(lines)


def _text(value: object) -> str:
    if value is None:
        return _NONE
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value)
