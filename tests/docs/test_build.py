"""The pages as HTML: they build without a warning, and need nothing from the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS, ROOT

# What a browser fetches by itself: styles, scripts, images, fonts.
_FETCHED = re.compile(
    r'<(?:link|script|img|iframe)\b[^>]*?(?:href|src)="((?:https?:)?//[^"]*)"'
    r'|@import\s+"((?:https?:)?//[^"]*)"|url\(["\']?((?:https?:)?//[^)]*)\)'
)


def test_the_pages_build_without_warnings_and_need_no_network(tmp_path: Path) -> None:
    html = tmp_path / "html"
    build = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"),
            *("-d", tmp_path / "doctrees", DOCS, html),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    assert build.returncode == 0, build.stdout
    built = {path.relative_to(html) for path in html.rglob("*.html")}
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert {page for page in pages if not page.is_relative_to("_build")} <= built
    fetched = {
        found[0]
        for file in (*html.rglob("*.html"), *html.rglob("*.css"))
        for found in _FETCHED.finditer(file.read_text())
    }
    assert fetched == set()
