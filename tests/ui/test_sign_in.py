"""Signing in as one does for the API: by the browser's dialog, or by Keystone's form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import bcrypt
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.api.small_keystone import SmallKeystone
from tests.integration.programs import Facade, Settings
from tests.ui.cloud import Cloud
from tests.ui.looking import PATIENCE, looking

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=PATIENCE)
PASSWORD = "right"
USERS = """\
root: {tenant: ops, roles: [admin]}
ann: {tenant: netops, roles: [member]}
rob: {tenant: netops, roles: [reader]}
zoe: {tenant: zeta, roles: [member]}
"""


@pytest.fixture(scope="module")
def basic_site(cloud_folder: tuple[Path, Cloud], tmp_path_factory: pytest.TempPathFactory) -> (
    Iterator[str]
):  # fmt: skip
    """URL of a service on the same cloud that asks for names and passwords."""
    folder = tmp_path_factory.mktemp("basic")
    digest = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    lines = [f"{name}:{digest}\n" for name in ("root", "ann", "rob", "zoe")]
    (folder / "htpasswd").write_text("".join(lines))
    (folder / "users.yaml").write_text(USERS)
    settings: Settings = {
        "DEFAULT": {"state_path": cloud_folder[0]},
        "api": {
            "auth_strategy": "http_basic",
            "password_file": folder / "htpasswd",
            "users_file": folder / "users.yaml",
        },
    }
    yield from served(folder, settings)


@pytest.fixture(scope="module")
def keystone_site(cloud_folder: tuple[Path, Cloud], tmp_path_factory: pytest.TempPathFactory) -> (
    Iterator[str]
):  # fmt: skip
    """URL of a service on the same cloud that asks Keystone."""
    cloud = SmallKeystone()
    cloud.issue("token-of-ann", project="acme", roles=["member"], user="ann")
    cloud.people["ann", PASSWORD, "acme"] = "token-of-ann"
    settings: Settings = {
        "DEFAULT": {"state_path": cloud_folder[0]},
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": {
            "www_authenticate_uri": f"{cloud.url}/v3", "auth_url": f"{cloud.url}/v3",
            "auth_type": "password", "username": "ipamd", "password": PASSWORD,
            "project_name": "service", "user_domain_name": "Default",
            "project_domain_name": "Default", "interface": "admin",
        },
    }  # fmt: skip
    try:
        yield from served(tmp_path_factory.mktemp("keystone"), settings)
    finally:
        cloud.close()


def served(folder: Path, settings: Settings) -> Iterator[str]:
    program = Facade("all", folder, settings)
    try:
        program.wait_ready()
        yield program.url
        assert program.stop() == 0
        assert "Traceback" not in program.text()
    finally:
        program.kill()


def as_user(name: str, password: str = PASSWORD) -> dict[str, object]:
    return {"http_credentials": {"username": name, "password": password}}


def test_without_credentials_the_browser_is_asked_for_them(
    browser: Browser, basic_site: str
) -> None:
    with looking(browser, basic_site) as page:
        for path in ("/ui/", "/ui/events", "/ui/search?q=x", "/ui/blocks/x/"):
            answer = page.request.get(path)
            assert answer.status == 401
            assert answer.headers["www-authenticate"].startswith('Basic realm="ipamd"')
            assert "10.20.0.0" not in answer.text()


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", "right")])
def test_a_wrong_password_is_refused(
    browser: Browser, basic_site: str, name: str, password: str
) -> None:
    with looking(browser, basic_site, **as_user(name, password)) as page:
        answer = page.goto("/ui/")
        assert answer is not None
        assert answer.status == 401
        expect(page.get_by_role("heading", level=1)).to_contain_text("credentials")
        expect(page.get_by_text("10.20.0.0/16")).to_have_count(0)


def test_a_tenant_sees_its_own_and_nothing_else(
    browser: Browser, basic_site: str, cloud: Cloud
) -> None:
    block = cloud.blocks["203.0.113.0/24"]
    with looking(browser, basic_site, **as_user("ann")) as page:
        page.goto("/ui/")
        expect(page.get_by_text("ann · netops")).to_be_visible()
        expect(page.get_by_role("link", name="203.0.113.0/24")).to_be_visible()
        page.goto("/ui/networks/")
        expect(page.get_by_text("There are no networks")).to_be_visible()
    with looking(browser, basic_site, **as_user("zoe")) as page:
        page.goto("/ui/")
        expect(page.get_by_text("There are no blocks")).to_be_visible()
        for path in ("", "203.0.113.2", "allocate", "203.0.113.2/release"):
            answer = page.goto(f"/ui/blocks/{block}/{path}")
            assert answer is not None
            assert answer.status == 404
        # It leases these, and may release them, but not see the block around them.
        page.goto("/ui/search?q=vif-ci")
        page.get_by_role("link", name="10.20.1.2", exact=True).click()
        expect(page.get_by_text("leased from another tenant's")).to_be_visible()
        page.get_by_role("link", name="Release").click()
        expect(page.get_by_text("10.20.1.0/24")).to_have_count(0)
        page.get_by_role("button", name="Release 10.20.1.2").click()
        expect(page.get_by_role("status")).to_have_text("10.20.1.2 is released.")
        expect(page.get_by_role("link", name="Restore")).to_have_count(0)
        page.goto("/ui/search?q=acme")
        expect(page.get_by_text("Nothing was found")).to_be_visible()
        page.goto("/ui/events")
        expect(page.get_by_role("row", name="acme")).to_have_count(0)
        expect(page.get_by_role("row", name="zeta")).not_to_have_count(0)
    with looking(browser, basic_site, **as_user("root")) as page:
        page.goto("/ui/networks/")
        expect(page.get_by_role("link", name="web", exact=True)).to_be_visible()


def test_a_reader_is_offered_and_allowed_no_change(
    browser: Browser, basic_site: str, cloud: Cloud
) -> None:
    block = cloud.blocks["203.0.113.0/24"]
    with looking(browser, basic_site, **as_user("rob")) as page:
        page.goto(f"/ui/blocks/{block}/")
        expect(page.get_by_role("link", name="Allocate an address")).to_have_count(0)
        page.goto(f"/ui/blocks/{block}/203.0.113.2")
        expect(page.get_by_role("link", name="Release")).to_have_count(0)
        answer = page.goto(f"/ui/blocks/{block}/203.0.113.2/release")
        assert answer is not None
        assert answer.status == 403
    with looking(browser, basic_site, **as_user("ann")) as page:
        page.goto(f"/ui/blocks/{block}/203.0.113.2")
        expect(page.get_by_role("link", name="Release")).to_be_visible()


def test_keystones_form_signs_in_and_out(browser: Browser, keystone_site: str) -> None:
    with looking(browser, keystone_site) as page:
        page.goto("/ui/search?q=web-1")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        faults = Axe().run(page).response["violations"]
        assert [f["id"] for f in faults if f["impact"] in ("serious", "critical")] == []
        for password in ("wrong", "right"):
            page.get_by_label("User", exact=True).fill("ann")
            page.get_by_label("Password").fill(password)
            page.get_by_label("Project", exact=True).fill("acme")
            page.get_by_role("button", name="Sign in").click()
            if password == "wrong":
                expect(page.get_by_role("alert")).to_contain_text("Keystone knows nobody")
        expect(page.get_by_text("ann · acme")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("web-1")
        (cookie,) = page.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert cookie["path"] == "/ui"
        # The cookie is for the pages: the API knows nothing of it.
        assert page.request.get("/v2/ip-blocks").status == 401
        page.goto("/ui/networks/")
        expect(page.get_by_role("link", name="web", exact=True)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert page.context.cookies() == []


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("/ui/networks/", "/ui/networks/"),
        ("https://elsewhere.example/", "/ui/"),
        ("//elsewhere.example/ui/", "/ui/"),
        ("/ui//elsewhere.example", "/ui/"),
        ("/ui/\\elsewhere.example", "/ui/"),
        ("/v2/ip-blocks", "/ui/"),
    ],
)
def test_the_form_leads_to_pages_alone(
    browser: Browser, keystone_site: str, target: str, leads: str
) -> None:
    with looking(browser, keystone_site) as page:
        form = page.request.get("/ui/sign-in", params={"next": target}).text()
        token = re.search(r'name="token" value="([^"]+)"', form)
        assert token
        sent = {
            "token": token[1], "next": target, "user": "ann", "password": "right",
            "project": "acme", "user_domain": "Default", "project_domain": "Default",
        }  # fmt: skip
        answer = page.request.post("/ui/sign-in", form=sent, max_redirects=0)
        # auth_token makes it absolute.
        where = urlsplit(answer.headers["location"])
        assert (answer.status, where.path) == (303, leads)
        assert f"{where.scheme}://{where.netloc}" in ("://", keystone_site)
        del sent["token"]
        assert page.request.post("/ui/sign-in", form=sent, max_redirects=0).status == 403


def test_a_cookie_of_ones_own_making_signs_nobody_in(browser: Browser, keystone_site: str) -> None:
    with looking(browser, keystone_site) as page:
        for value in ("token-of-ann", "InRva2VuLW9mLWFubiI.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"):
            cookie = {"name": "ipamd_ui", "value": value, "url": f"{keystone_site}/ui/"}
            page.context.add_cookies([cookie])  # type: ignore[list-item]
            page.goto("/ui/")
            expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
