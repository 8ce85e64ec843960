"""Looking at pages: every page by name, and what must never happen while one looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from tests.ui.cloud import Cloud

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# Cold disks and busy machines; what is there is found at once.
PATIENCE = 30_000


def pages_of(cloud: Cloud) -> dict[str, str]:
    """Return the path of every page by the name of its picture."""
    block, web = cloud.blocks, cloud.networks["web"]
    opened = f"{block['10.20.0.0/16']},{block['10.20.16.0/20']}"
    public = f"/ui/blocks/{block['203.0.113.0/24']}"
    return {
        "blocks": f"/ui/?open={opened}",
        "block": f"{public}/",
        "heat-map": f"/ui/blocks/{block['10.64.0.0/16']}/",
        "subnets": f"/ui/blocks/{block['10.20.0.0/16']}/",
        "ipv6": f"/ui/blocks/{block['2001:db8:42::/64']}/",
        "address": f"{public}/203.0.113.2",
        "allocate": f"{public}/allocate",
        "confirm": f"{public}/allocate?confirm=yes&address=203.0.113.240&tenant_id=acme",
        "release": f"{public}/203.0.113.2/release",
        "search": "/ui/search?q=web-1",
        "networks": "/ui/networks/",
        "network": f"/ui/networks/{web}",
        "events": "/ui/events",
        "error": "/ui/blocks/gone/",
    }


@contextmanager
def looking(browser: Browser, site: str, **options: Any) -> Iterator[Page]:
    """Open a page whose console has to stay empty: no error, nothing that CSP refused."""
    options.setdefault("viewport", DESKTOP)
    with browser.new_context(base_url=site, **options) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text))
        yield page
        # A status of 4xx that a test asks for is told there as well.
        assert [text for text in said if "responded with a status of 4" not in text] == []
