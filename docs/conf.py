"""How Sphinx builds these pages: ``make docs``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sphinx.application import Sphinx

import ipamd

project = "ipamd"
release = version = ipamd.__version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
# Links to headings, as GitHub makes their anchors.
myst_heading_anchors = 4
nitpicky = True
# Pygments knows no commands of several lines.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"ipamd {release}"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_ITEM = re.compile(r"^\* \[[^\]]+\]\(([\w/.-]+)\.md\)", re.MULTILINE)


def setup(app: Sphinx) -> None:
    """Make the index's lists the tree of contents: one list, on GitHub and in HTML."""
    app.connect("source-read", _add_trees)


def _add_trees(_app: Sphinx, name: str, source: list[str]) -> None:
    if name == "index":
        source[0] += "".join(_trees(source[0]))


def _trees(text: str) -> Iterator[str]:
    _, *parts = _SECTION.split(text)
    for caption, section in zip(parts[::2], parts[1::2], strict=True):
        pages = "\n".join(_ITEM.findall(section))
        if pages:
            yield f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"
