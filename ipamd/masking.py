"""Secrets out of texts that people see: logs, configuration dumps, errors at start.

``oslo_utils.strutils`` knows the names that secrets go by; what it does not know are
passwords inside URLs, of databases and of brokers with several hosts.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from oslo_utils import strutils

MASK: Final = "***"
# In "rabbit://user:password@host:port,user:password@host:port/vhost".
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]*@[^\s'\"<>]*", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"((?://|,)[^:@/,]*:)[^,]*@")
_HEADER: Final = re.compile(
    r"((?:x-(?:auth|service|subject)-token|authorization)['\"]?\s*[:=]\s*['\"]?(?:\w+ )?)"
    r"[^\s'\",]+",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Return ``text`` with its secrets replaced by ``***``."""
    if "://" in text and "@" in text:
        text = _URL.sub(lambda url: _PASSWORD.sub(rf"\1{MASK}@", url[0]), text)
    lower = text.lower()
    # The search takes ten times as long as a look whether there is anything to find.
    if "-token" in lower or "authorization" in lower:
        text = _HEADER.sub(rf"\1{MASK}", text)
    return str(strutils.mask_password(text, secret=MASK))


class Masking(logging.Formatter):
    """Another formatter's text, tracebacks included, without secrets."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Format and mask."""
        return masked(self._inner.format(record))


def install() -> None:
    """Let every handler of the root logger write masked lines; again is harmless."""
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, Masking):
            handler.setFormatter(Masking(handler.formatter or logging.Formatter()))
