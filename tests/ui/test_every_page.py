"""Every page, light and dark, wide and narrow: pictures of it, and what axe-core says.

The pictures go to a folder of the test run; ``make screenshots`` sends them to
``docs/images``, from where the documentation shows them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.ui.cloud import Cloud
from tests.ui.looking import DESKTOP, PHONE, looking, pages_of

pytestmark = pytest.mark.timeout(180)
VARIABLE = "IPAMD_SCREENSHOTS"
GRAVE = ("serious", "critical")
# A thousand cells and a hundred rows are made alike; axe looks at the first ones, in which
# every state occurs, and so takes a fifth of the time.
REPEATED = (".heat > :nth-child(n+65)", ".map-row:nth-child(n+4)", "tbody tr:nth-child(n+13)")
LOOKED_AT = {"exclude": [[selector] for selector in REPEATED]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_its_screen(
    browser: Browser,
    site: str,
    cloud: Cloud,
    tmp_path: Path,
    scheme: Literal["light", "dark"],
) -> None:
    folder = Path(os.environ.get(VARIABLE) or tmp_path)
    faults = []
    with looking(browser, site, color_scheme=scheme, reduced_motion="reduce") as page:
        for name, path in pages_of(cloud).items():
            page.goto(path)
            if name == "events":
                expect(page.get_by_role("status")).to_have_text("live")
            found = Axe().run(page, context=LOOKED_AT).response["violations"]
            faults += [
                f"{name}: {fault['id']} {node['html'][:200]} {node['failureSummary']}"
                for fault in found
                if fault["impact"] in GRAVE
                for node in fault["nodes"][:3]
            ]
            for screen, size in (("desktop", DESKTOP), ("phone", PHONE)):
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.screenshot(path=folder / f"{name}-{scheme}-{screen}.png")
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= size["width"], f"{name} is wider than a {screen}"
            page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    assert faults == []
    assert len(list(folder.glob(f"*-{scheme}-*.png"))) == 2 * len(pages_of(cloud))


def test_axe_would_find_a_fault(browser: Browser, site: str) -> None:
    with looking(browser, site) as page:
        page.goto("/ui/")
        for name in ("aria-label", "placeholder"):
            page.locator("input").evaluate(f"input => input.removeAttribute('{name}')")
        found = Axe().run(page).response["violations"]
    assert "label" in {fault["id"] for fault in found if fault["impact"] in GRAVE}
