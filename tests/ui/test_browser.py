"""The pages in a real browser: looked through, searched, acted on; live; without JavaScript."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.ui.cloud import Cloud
from tests.ui.looking import PATIENCE, looking

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=PATIENCE)


def path_of(cloud: Cloud, cidr: str) -> str:
    return f"/ui/blocks/{cloud.blocks[cidr]}/"


def test_the_tree_is_opened_level_by_level(browser: Browser, site: str) -> None:
    with looking(browser, site) as page:
        page.goto("/")
        page.goto("/ui")
        expect(page).to_have_title("Blocks – ipamd")
        expect(page.get_by_role("link", name="10.20.1.0/24", exact=True)).to_have_count(0)
        page.get_by_label("Open 10.20.0.0/16").click()
        page.get_by_label("Open 10.20.16.0/20").click()
        row = page.get_by_role("row", name="10.20.16.0/24")
        expect(row).to_contain_text("83")
        expect(row.get_by_role("img")).to_have_accessible_name(re.compile("210 allocated"))
        page.get_by_label("Close 10.20.16.0/20").click()
        expect(page.get_by_role("link", name="10.20.16.0/24", exact=True)).to_have_count(0)
        page.get_by_role("link", name="10.20.1.0/24", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("10.20.1.0/24")
        page.get_by_label("Where this is").get_by_role("link", name="10.20.0.0/16").click()
        expect(page.get_by_role("heading", name="Subnets")).to_be_visible()


def test_the_map_tells_who_at_the_pointer_and_at_the_keys(
    browser: Browser, site: str, cloud: Cloud
) -> None:
    with looking(browser, site) as page:
        page.goto(path_of(cloud, "203.0.113.0/24"))
        detail = page.locator("#map-detail")
        cells = page.locator("#map .map a")
        expect(cells).to_have_count(256)
        cells.nth(2).hover()
        expect(detail).to_have_text(
            "203.0.113.2 allocated · tenant acme · instance vm-acme-0 · interface edge-0"
        )
        cells.nth(0).focus()
        page.keyboard.press("ArrowRight")
        expect(detail).to_have_text("203.0.113.1 reserved")
        for _ in range(6):
            page.keyboard.press("ArrowDown")
        expect(detail).to_have_text("203.0.113.193 excluded by policy")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("203.0.113.193")
        expect(page.get_by_text("excluded by policy")).to_be_visible()
        page.go_back()
        looks = cells.evaluate_all("all => all.map(cell => cell.className.split(' ')[1])")
        assert looks[0] == looks[1] == looks[255] == "reserved"
        assert looks[9] == looks[10] == "excluded"
        assert looks.count("allocated") + looks.count("quarantined") == 70
        assert looks[100] == "free"


def test_a_heat_map_leads_to_single_addresses(browser: Browser, site: str, cloud: Cloud) -> None:
    with looking(browser, site) as page:
        page.goto(path_of(cloud, "10.64.0.0/16"))
        cells = page.locator("#map .heat > *")
        expect(cells).to_have_count(1024)
        expect(cells.first).to_have_accessible_name(re.compile(r"10\.64\.0\.0/26 100"))
        cells.first.click()
        expect(page.get_by_role("heading", name="Map of 10.64.0.0/22")).to_be_visible()
        expect(page.locator("#map .addresses a")).to_have_count(1024)
        page.get_by_label("Wider maps").get_by_role("link", name="10.64.0.0/16").click()
        expect(page.get_by_role("heading", name="Map of 10.64.0.0/16")).to_be_visible()
        page.goto(path_of(cloud, "2001:db8:42::/64"))
        part = page.locator("#map .strip a")
        expect(part).to_have_count(1)
        part.click()
        expect(page.get_by_role("heading", name=re.compile("Map of 2001:.*74$"))).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("allocated"))).to_have_count(12)


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("203.0.113.2", "vm-acme-0"),
        ("2001:db8:42::1", "2001:db8:42::/64"),
        ("10.20.16.0/22", "10.20.16.0/24"),
        ("02-00-00-00-00-03", "vif-web-3"),
        ("edge-0", "203.0.113.2"),
        ("web-4", "10.20.0.5"),
        ("zeta", "backup"),
        ("web", "Networks"),
    ],
)
def test_the_search_finds(browser: Browser, site: str, text: str, finds: str) -> None:
    with looking(browser, site) as page:
        page.goto("/ui/")
        page.get_by_role("searchbox").fill(text)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(text)
        expect(page.get_by_role("main").get_by_text(finds).first).to_be_visible()


def test_a_network_shows_what_is_plugged_in(browser: Browser, site: str) -> None:
    with looking(browser, site) as page:
        page.goto("/ui/networks/")
        page.get_by_role("link", name="web", exact=True).click()
        expect(page.get_by_role("region", name="Ports").get_by_role("row")).to_have_count(9)
        row = page.get_by_role("row", name=re.compile("vif-web-2 "))
        row.get_by_role("link", name="10.20.0.3").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("10.20.0.3")
        expect(page.get_by_role("definition").filter(has_text="web-2")).to_have_count(2)


def allocate(page: Page, address: str) -> None:
    page.get_by_role("link", name="Allocate an address").click()
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_label("Instance", exact=True).fill("vm-<b>new</b>")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("vm-<b>new</b>")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["JavaScript", "no JavaScript"])
def test_an_address_is_allocated_released_and_restored(
    browser: Browser, site: str, cloud: Cloud, javascript: bool
) -> None:
    address = f"203.0.113.{100 if javascript else 101}"
    with looking(browser, site, java_script_enabled=javascript) as page:
        page.goto(path_of(cloud, "203.0.113.0/24"))
        allocate(page, address)
        page.get_by_role("button", name=f"Allocate {address}").click()
        expect(page.get_by_role("status")).to_have_text(f"{address} is allocated.")
        expect(page.get_by_role("listitem").filter(has_text="– now")).to_contain_text("new")
        for verb, done, state in (
            ("Release", "released", "in quarantine"),
            ("Restore", "restored", "allocated"),
        ):
            page.get_by_role("link", name=verb).click()
            page.get_by_role("button", name=f"{verb} {address}").click()
            expect(page.get_by_role("status")).to_have_text(f"{address} is {done}.")
            expect(page.locator(".head .badge")).to_have_text(state)
        expect(page.locator("ol.line > li")).to_have_count(2)


def test_a_double_click_allocates_once(browser: Browser, site: str, cloud: Cloud) -> None:
    with looking(browser, site) as page:
        page.goto(path_of(cloud, "10.20.2.0/24"))
        allocate(page, "")
        before = page.url
        page.get_by_role("button", name="Allocate the next address").dblclick()
        expect(page.get_by_role("status")).to_have_text(re.compile("is allocated"))
        page.goto(before)  # the same question, asked anew, is another request
        page.goto(path_of(cloud, "10.20.2.0/24"))
        expect(page.locator(".allocated[href]")).to_have_count(1)


def test_what_cannot_be_done_is_said_in_the_page(
    browser: Browser, site: str, cloud: Cloud
) -> None:
    with looking(browser, site) as page:
        page.goto(path_of(cloud, "203.0.113.0/24"))
        allocate(page, "203.0.113.193")
        page.get_by_role("button", name="Allocate 203.0.113.193").click()
        expect(page.get_by_role("alert")).to_have_text("Block policy does not allow this address.")
        expect(page.get_by_label("Address", exact=True)).to_have_value("203.0.113.193")


def test_events_come_into_the_page_as_they_happen(
    browser: Browser, site: str, cloud: Cloud
) -> None:
    with looking(browser, site) as page:
        page.goto("/ui/events")
        expect(page.get_by_role("status")).to_have_text("live")
        expect(page.get_by_text("ip_address.create").first).to_be_visible()
        held = {"ip_block_id": cloud.blocks["10.20.17.0/24"], "interface_id": "vif-<i>live"}
        made = requests.post(f"{site}/v2/ip-addresses", json={"ip_address": held}, timeout=30)
        assert made.status_code == 201
        row = page.get_by_role("row", name="vif-<i>live").first
        expect(row).to_contain_text("ip_address.create")
        row.get_by_role("link", name=made.json()["ip_address"]["address"]).click()
        expect(page.get_by_text("interface vif-<i>live")).to_be_visible()
