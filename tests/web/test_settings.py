"""Settings in the portal: protected accounts, people and their roles, appearance."""

from __future__ import annotations

import re

import pytest

from leaver.access.people import People
from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.wiring import House
from m365_simulator.world import Cloud, World
from web.conftest import PASSWORD, Browser
from web.test_portal import to_settings

SECTIONS = ("/settings", "/settings/approval", "/settings/people", "/settings/protected", "/settings/appearance")
GRACE = "grace@contoso.example"


async def be(browser: Browser, house: House, name: str, role: str, tenants: tuple[str, ...] = ()) -> None:
    """Somebody else sits down."""
    person = Person(name, Role(role), frozenset(tenants) if tenants else None, "portal")
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(person))


@pytest.mark.parametrize("path", SECTIONS)
@pytest.mark.parametrize("role", ["viewer", "operator", "auditor", "administrator"])
async def test_each_section_is_for_who_may(browser: Browser, house: House, world: World, role: str, path: str) -> None:
    await be(browser, house, "sam", role)

    await browser.open(path)

    allowed = role == "administrator" or path.endswith("/appearance")
    assert browser.page.status_code == (200 if allowed else 403)
    assert "style=" not in browser.html
    offered = re.findall(r'<a href="(/settings[^"]*)"', browser.html.partition("Settings sections")[2])
    if allowed:
        assert set(offered) >= (set(SECTIONS) if role == "administrator" else {"/settings/appearance"})
        assert role == "administrator" or "/settings/people" not in offered


async def test_a_protected_account_cannot_be_chosen_and_can_be_released(
    browser: Browser, house: House, world: World
) -> None:
    await browser.open("/settings/protected")
    await browser.post(tenant=world.id, user="nobody@contoso.example")
    assert "There is no user" in browser.html
    await browser.post("/settings/protected", tenant=world.id, user=GRACE)
    assert GRACE in browser.html
    await browser.open("/offboardings/new")
    await browser.post(tenant=world.id)
    assert "Protected by your administrators" in browser.html

    await browser.open("/settings/protected")
    await browser.post(tenant=world.id, remove=world.users["grace"].id)

    assert "Nobody is protected here" in browser.html
    whats = [entry["what"] async for entry in house.audit.entries()]
    assert whats[-2:] == ["user.protected", "user.unprotected"]


async def test_an_administrator_of_one_tenant_protects_there_only(
    browser: Browser, house: House, world: World, cloud: Cloud
) -> None:
    from leaver.store.tenants import KnownTenant

    other = cloud.add_world("fabrikam.example", "Fabrikam")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    await be(browser, house, "sam", "administrator", (world.id,))

    await browser.open("/settings/protected")
    shown = browser.html
    await browser.post(tenant=other.id, user="x@fabrikam.example")

    assert "Contoso" in shown
    assert "Fabrikam" not in shown
    assert browser.page.status_code == 404


async def test_a_new_person_signs_in_with_what_they_may(browser: Browser, house: House, world: World) -> None:
    await browser.open("/settings/people")
    await browser.post(do="add", name="Pat", role="operator", tenant=[world.id])
    first = re.search(r'id="secret">([^<]+)<', browser.html)
    assert first is not None
    assert first[1] not in await browser.open("/settings/people")
    assert first[1] not in await browser.open("/audit")

    browser.client.cookies.clear()
    await browser.sign_in("pat", first[1])
    await browser.post("/password", old=first[1], new=PASSWORD + "2")
    await to_settings(browser, world)

    assert "Disable sign-in" in browser.html
    assert "Role: Operator" in browser.html
    await browser.open("/settings/people")
    assert browser.page.status_code == 403


async def test_a_tenant_that_is_gone_does_not_open_all_of_them(browser: Browser, house: House, world: World) -> None:
    """Whoever is limited to no tenant sees every one."""
    await browser.open("/settings/people")

    await browser.post(name="op", role="operator", tenant=["592e7d4b-896c-53cd-998c-8870f0819d81"], do="add")

    assert browser.page.status_code == 400
    assert "is not there any more" in browser.html
    assert "op" not in {person.name for person in await People(house.papers, house.audit).all()}


async def test_another_role_ends_the_sessions(browser: Browser, house: House, world: World) -> None:
    await browser.open("/settings/people")
    await browser.post(do="add", name="Pat", role="administrator")
    pat = await Sessions(house.papers).open(Person("Pat", Role.ADMINISTRATOR, via="portal"), account="Pat")

    await browser.post(do="change", name="Pat", role="viewer")

    assert await Sessions(house.papers).of(pat) is None
    assert "Viewer, all tenants" in browser.html


async def test_nobody_changes_their_own_account_or_takes_away_the_last_administrator(
    browser: Browser, house: House, world: World
) -> None:
    await browser.open("/settings/people")
    await browser.post(do="remove", name="admin")
    own = browser.html
    await browser.post(do="add", name="Kim", role="administrator")
    await be(browser, house, "robot", "administrator")
    await browser.open("/settings/people")
    await browser.post(do="remove", name="Kim")
    await browser.post(do="change", name="admin", role="viewer")

    assert "your own account" in own
    assert "the only administrator" in browser.html
    assert browser.page.status_code == 400


async def test_a_lost_password_is_replaced(browser: Browser, house: House, world: World) -> None:
    await browser.open("/settings/people")
    await browser.post(do="add", name="Pat", role="viewer")
    old = re.search(r'id="secret">([^<]+)<', browser.html)
    await browser.post(do="reset", name="Pat")
    new = re.search(r'id="secret">([^<]+)<', browser.html)
    assert old is not None
    assert new is not None

    browser.client.cookies.clear()
    await browser.sign_in("Pat", old[1])
    assert browser.page.status_code == 401
    await browser.sign_in("Pat", new[1])

    assert browser.path == "/password"


@pytest.mark.parametrize(("theme", "shown"), [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')])
async def test_a_theme_is_kept(browser: Browser, world: World, theme: str, shown: str) -> None:
    await browser.open("/settings/appearance")
    assert "data-theme=" not in browser.html.partition(">")[0] + browser.html[:200]

    await browser.post(theme=theme)
    assert shown in await browser.open("/")
    assert 'data-shortcuts="off"' in browser.html
    await browser.open("/settings/appearance")
    await browser.post(theme="system", shortcuts="on")

    assert "data-theme=" not in browser.html[:200]
    assert 'data-shortcuts="on"' in browser.html
