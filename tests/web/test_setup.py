"""From the first sign-in to a connected tenant."""

from __future__ import annotations

import dataclasses
import uuid

import httpx
import pytest

from leaver.access.accounts import Accounts
from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.app import create
from leaver.config import Config
from leaver.wiring import House
from m365_simulator.world import Cloud, World
from support import Wire
from web.conftest import PASSWORD, Browser


@pytest.fixture
async def empty(house: House, world: World) -> House:
    """A house that knows no tenant."""
    await house.tenants.remove(world.id)
    return house


async def test_the_first_sign_in_leads_to_a_connected_tenant(empty: House, world: World, wire: Wire) -> None:
    first = await Accounts(empty.papers, empty.audit).first()
    assert first is not None
    app = create(house=empty, works=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://leaver.test") as client:
        browser = Browser(client)
        await browser.sign_in(password=first)
        await browser.post(old=first, new=PASSWORD)
        assert browser.path == "/setup"
        assert "leaver demo --serve" in browser.html

        await browser.post(tenant=world.id, domain="contoso.example")

        assert "What works in Contoso" in browser.html
        assert "would work" in browser.html
        assert "leaver demo --serve" not in browser.html
        assert [each.id for each in await empty.tenants.all()] == [world.id]
        assert "Connect your first tenant" not in await browser.open("/")
    assert wire.writes == []
    entries = [entry async for entry in empty.audit.entries() if entry["what"] == "tenant.connected"]
    assert [(entry["actor"], entry["tenant_id"]) for entry in entries] == [("admin", world.id)]


@pytest.mark.parametrize(
    ("tenant", "domain", "why"),
    [
        ("contoso", "", "is no tenant id"),
        (str(uuid.UUID(int=7)), "", ""),
        ("ID", "fabrikam.example", "is no domain of Contoso"),
    ],
)
async def test_a_tenant_that_does_not_fit_is_explained(
    browser: Browser, empty: House, world: World, tenant: str, domain: str, why: str
) -> None:
    await browser.open("/setup")

    await browser.post(tenant=tenant.replace("ID", world.id), domain=domain)

    assert why in browser.html
    assert 'class="note bad"' in browser.html
    assert await empty.tenants.all() == []


async def test_home_and_tenants_lead_to_the_set_up(browser: Browser, empty: House) -> None:
    assert 'href="/setup"' in await browser.open("/")
    assert 'href="/setup"' in await browser.open("/tenants")


async def test_what_the_application_lacks_is_said_and_no_secret_is_shown(
    config: Config, house: House, world: World
) -> None:
    await Accounts(house.papers, house.audit).first()
    bare = dataclasses.replace(
        config, client_id="", client_certificate="", client_secret="", federated_token_file=None, managed_identity=""
    )
    secret = dataclasses.replace(config, client_certificate="", client_secret="s3cret-of-the-tests")
    pages = []
    for each in (bare, secret):
        other = dataclasses.replace(house, config=each)
        app = create(house=other, works=False)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://leaver.test") as client:
            client.cookies.set("leaver", await Sessions(house.papers).open(Person("sam", Role.ADMINISTRATOR)))
            pages.append((await client.get("/setup")).text)

    assert "Set LEAVER_CLIENT_ID" in pages[0]
    assert "Set LEAVER_CLIENT_CERTIFICATE" in pages[0]
    assert "adminconsent" not in pages[0]
    assert "need a certificate" in pages[1]
    assert "adminconsent" in pages[1]
    assert "s3cret-of-the-tests" not in pages[1]


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
async def test_the_set_up_is_for_administrators(browser: Browser, house: House, world: World, role: str) -> None:
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(Person("sam", Role(role), via="portal")))

    await browser.open("/setup")
    opened = browser.page.status_code
    tenants = await browser.open("/tenants")

    assert opened == 403
    assert "/setup" not in tenants


async def test_all_customers_of_a_partner_are_connected(
    browser: Browser, empty: House, world: World, cloud: Cloud
) -> None:
    await browser.open("/setup")

    await browser.post(do="customers")

    assert "LEAVER_PARTNER_TENANT is not set" in browser.html
