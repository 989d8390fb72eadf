"""The tenants in the portal: problems first, causes with what helps, and only what a role may do."""

from __future__ import annotations

import pytest

from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.offboarding.health import look, summaries
from leaver.store.tenants import KnownTenant
from leaver.wiring import House
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import Cloud, World
from web.conftest import Browser


@pytest.fixture
async def fabrikam(cloud: Cloud, house: House) -> World:
    """A second tenant."""
    other = cloud.add_world("fabrikam.example", "Fabrikam")
    other.add_user("bob", "Bob Example")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    return other


async def as_somebody(browser: Browser, house: House, role: Role, *tenants: str) -> Browser:
    """A browser of somebody else."""
    person = Person("sam", role, frozenset(tenants) or None, "portal")
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(person))
    return browser


async def test_problems_come_first_with_their_cause_and_what_helps(
    browser: Browser, world: World, fabrikam: World, behaviour: Behaviour
) -> None:
    behaviour.faults.append(Fault("Get-Mailbox", 403, times=None, tenant=fabrikam.id))
    await browser.open("/tenants")
    assert browser.html.count("Not checked") >= 2

    await browser.post("/tenants")

    assert browser.html.index("Fabrikam") < browser.html.index("Contoso")
    assert "Exchange Online: cannot read a mailbox" in browser.html
    assert f'href="https://entra.microsoft.com/{fabrikam.id}" rel="noreferrer"' in browser.html
    assert "Exchange: missing" in browser.html
    await browser.open("/tenants?h=healthy")
    assert "Contoso" in browser.html
    assert "Fabrikam" not in browser.html.partition('id="rows"')[2]


async def test_a_tenant_shows_its_permissions_and_is_checked_again(browser: Browser, world: World) -> None:
    await browser.open(f"/tenants/{world.id}")
    first = browser.html
    world.synced, world.synced_at = True, "2026-01-01T00:00:00Z"

    await browser.post("/tenants", tenant=world.id, back="tenant")

    assert "Every task would work." in first
    assert "<dt>Directory sync</dt><dd>Off</dd>" in first
    assert "which is long ago" in browser.html
    assert browser.path == f"/tenants/{world.id}"
    assert "Checked" in browser.html
    assert "Exchange.ManageAsApp" in browser.html


async def test_a_viewer_sees_the_last_look_and_starts_none(browser: Browser, house: House, world: World) -> None:
    viewer = await as_somebody(browser, house, Role.VIEWER)
    await viewer.open("/tenants")
    assert "Check all now" not in viewer.html
    assert "Check Contoso" not in viewer.html
    await viewer.open(f"/tenants/{world.id}")
    assert "Not checked yet" in viewer.html
    assert "Remove" not in viewer.html
    await viewer.open("/settings/appearance")
    await viewer.post("/tenants")
    assert viewer.page.status_code == 403
    await viewer.open("/settings/appearance")
    await viewer.post(f"/tenants/{world.id}/remove")
    assert viewer.page.status_code == 403
    assert await summaries(house.papers) == {}
    await look(house, (await house.tenants.find(world.id)).named)

    await viewer.open("/tenants")

    assert "Healthy" in viewer.html


async def test_an_operator_of_one_tenant_knows_of_no_other(
    browser: Browser, house: House, world: World, fabrikam: World
) -> None:
    operator = await as_somebody(browser, house, Role.OPERATOR, world.id)
    await operator.open("/tenants")
    assert "Fabrikam" not in operator.html

    await operator.post("/tenants", tenant=fabrikam.id)
    assert operator.page.status_code == 404
    await operator.open("/tenants")
    await operator.post("/tenants")

    assert set(await summaries(house.papers)) == {world.id}


async def test_removing_a_tenant_asks_first_and_changes_nothing_in_it(
    browser: Browser, house: House, world: World
) -> None:
    await browser.open(f"/tenants/{world.id}")
    assert "Remove Contoso from Leaver?" in browser.html

    await browser.post(f"/tenants/{world.id}/remove")

    assert "Connect your first tenant" in browser.html
    assert await house.tenants.all() == []
