"""Logging through oslo.log, one line an entry: what is logged cannot forge another entry.

Requests bring text of any kind into messages.  With ``[DEFAULT] use_json`` it is quoted as
JSON; in plain lines every character that cannot be printed is escaped, as Python does it.
"""

from __future__ import annotations

import logging

from oslo_config import cfg
from oslo_log import formatters, log

from ipamd import masking


def set_up_logging(conf: cfg.ConfigOpts) -> None:
    """Set oslo.log up from ``conf``; doing it again changes levels and formats."""
    log.set_defaults(default_log_levels=[*log.get_default_log_levels(), "alembic=WARNING"])
    log.setup(conf, "ipamd")
    for handler in log.getLogger(None).logger.handlers:
        plain = handler.formatter
        if plain is not None and not isinstance(
            plain, formatters.JSONFormatter | formatters.FluentFormatter
        ):
            handler.setFormatter(OneLine(plain))
    masking.install()


class OneLine(logging.Formatter):
    """Another formatter's text with what cannot be printed escaped.

    A traceback keeps its lines: oslo.log puts time and name in front of each.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry."""
        text = self._inner.format(record)
        if text.isprintable():
            return text
        trace = record.exc_text or ""
        if not trace or not text.endswith(f"\n{trace}"):
            return escaped(text)
        head = text.removesuffix(f"\n{trace}")
        return "\n".join(map(escaped, (head, *trace.split("\n"))))


def escaped(text: str) -> str:
    r"""Return ``text`` with what cannot be printed written as ``\n``, ``\x1b`` or ``\u2028``."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
