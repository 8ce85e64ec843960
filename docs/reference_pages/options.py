"""ipamd's own options, group by group."""

from __future__ import annotations

from oslo_config import cfg

from ipamd import config
from ipamd.config_types import CidrType
from reference_pages.markdown import NOTE, one_line, page, table


def options() -> str:
    """List ipamd's own options by group."""
    parts = [
        "# Options",
        NOTE,
        (
            "ipamd's own options.  Those of oslo.log and oslo.messaging stand, with all of these, "
            "in `etc/ipamd/ipamd.conf.sample`."
        ),
    ]
    for group, opts in config.GROUPS.items():
        rows = [
            (f"`{opt.name}`", _kind(opt), _default(opt), one_line(opt.help or "")) for opt in opts
        ]
        parts += [f"## [{group}]", table(("option", "type", "default", "meaning"), rows)]
    return page(parts)


def _kind(opt: cfg.Opt) -> str:
    choices = getattr(opt.type, "choices", None)
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if isinstance(opt.type, CidrType):
        return "CIDR"
    names = {
        cfg.IPOpt: "IP address",
        cfg.BoolOpt: "boolean",
        cfg.FloatOpt: "number",
        cfg.IntOpt: "integer",
        cfg.PortOpt: "port",
        cfg.StrOpt: "text",
        cfg.ListOpt: "list",
        cfg.Opt: "`name:number`, …",  # those with a type of their own
    }
    return names[type(opt)]


def _default(opt: cfg.Opt) -> str:
    if opt.default is None:
        return "unset"
    if opt.default in ("", {}):
        return "empty"
    if isinstance(opt.default, list):
        return f"`{','.join(map(str, opt.default))}`"
    return f"`{str(opt.default).lower() if isinstance(opt.default, bool) else opt.default}`"
