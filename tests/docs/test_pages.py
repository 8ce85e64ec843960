"""Links lead somewhere, and what pages tell a reader to type exists."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from tests.docs.fences import blocks
from tests.docs.pages import DOCS, ROOT, all_pages, name

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as Markdown renderers make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in _HEADING.findall(page.read_text())
    }


@pytest.mark.parametrize("page", all_pages(), ids=name)
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    broken = []
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_names_every_page() -> None:
    named = {(DOCS / link).resolve() for link in _LINK.findall((DOCS / "index.md").read_text())}
    pages = {page for page in all_pages() if DOCS in page.parents} - {DOCS / "index.md"}
    assert pages - named == set()


def commands() -> set[str]:
    """Return the first two words of each line in the ``sh`` blocks of all pages."""
    return {
        " ".join(line.split("#")[0].split()[:2])
        for page in all_pages()
        for block in blocks(page)
        if block.language in ("sh", "shell")
        for line in block.text.splitlines()
    }


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {command.split()[1] for command in commands() if command.startswith("make ")}
    assert shown
    assert shown - targets == set()


def test_every_program_that_is_shown_exists() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = setup["options.entry_points"]["console_scripts"]
    programs = set(re.findall(r"^([\w-]+) =", scripts, re.MULTILINE))
    assert programs
    text = "\n".join(page.read_text() for page in all_pages())
    shown = set(re.findall(r"`(ipamd-[a-z]+|ipamctl)\b", text))
    assert shown
    assert shown - programs == set()


def test_the_examples_of_a_page_begin_with_a_dollar_or_are_no_examples() -> None:
    languages = {block.language for page in all_pages() for block in blocks(page)}
    assert languages <= {"console", "sh", "shell", "python", "text", "ini", "yaml"}


def test_commands_that_are_not_run_are_listed_with_the_reason() -> None:
    index = (DOCS / "how_to" / "index.md").read_text()
    listed = set(re.findall(r"^\| \[[^\]]+\]\(([\w./-]+)\) \| .+ \|$", index, re.MULTILINE))
    shown = {page for page in all_pages() for block in blocks(page) if block.language == "shell"}
    assert {(DOCS / "how_to" / link).resolve() for link in listed} == shown
