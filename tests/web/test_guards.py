"""What no page may do: offer what is refused, take a form from elsewhere, or show a name as markup."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from leaver.access.people import People
from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.offboarding.desk import Desk, Request
from leaver.offboarding.health import look
from leaver.store.tenants import KnownTenant
from leaver.web import pages
from leaver.wiring import House
from m365_simulator.world import Cloud, World
from web.conftest import Browser
from web.test_reschedule import LATER

BOSS = Actor("boss", "portal", "203.0.113.24")
MARKUP = '<img src=x onerror="alert(1)">'
WHO = [(role, limited) for role in Role for limited in (False, True)]


def routes(method: str) -> list[str]:
    """The addresses of the portal that take this method."""
    found: list[Any] = [each for subject in pages.SUBJECTS for each in subject.router.routes]
    return [each.path for each in found if method in each.methods]


def links(page: str) -> set[str]:
    """Where a page leads to within the portal."""
    every = {html.unescape(each) for each in re.findall(r'href="(/[^"]*)"', page)}
    return {each.partition("#")[0] for each in every if not each.startswith(("/static", "/api"))}


@pytest.fixture
async def world_at_work(house: House, world: World, cloud: Cloud) -> World:
    """Two tenants, both looked at; somebody scheduled in each."""
    other = cloud.add_world("fabrikam.example", "Fabrikam")
    other.add_user("bob", "Bob Example")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    for tenant in await house.tenants.all():
        await look(house, tenant.named)
    for tenant_id, user in ((world.id, "ada@contoso.example"), (other.id, "bob@fabrikam.example")):
        asked = Request(tenant_id, [user], {"disable_sign_in": True}, at=LATER, time_zone="UTC")
        await Desk(house).submit(asked, BOSS)
    return world


@pytest.mark.parametrize(("role", "limited"), WHO, ids=[f"{role}{'-limited' * limited}" for role, limited in WHO])
async def test_nothing_is_offered_that_is_refused(
    browser: Browser, house: House, world_at_work: World, role: Role, limited: bool
) -> None:
    person = Person("sam", role, frozenset({world_at_work.id}) if limited else None, "portal")
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(person))
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        kind = re.sub(r"(after|before|saved|status)=[^&]*", "", path)
        if kind in seen or path == "/offboardings/new":
            continue
        seen.add(kind)
        answer = await browser.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        if "text/html" in answer.headers["content-type"]:
            assert not limited or "Fabrikam" not in answer.text, path
            waiting += links(answer.text)

    assert len(seen) > 6


@pytest.mark.parametrize("path", routes("POST"))
async def test_a_form_from_elsewhere_does_nothing(browser: Browser, house: House, path: str) -> None:
    headers = {"sec-fetch-site": "cross-site"} if path == "/signin" else {}
    before = await house.audit.count()

    answer = await browser.client.post(re.sub(r"\{\w+\}", "1", path), data={"csrf": "guessed"}, headers=headers)

    assert answer.status_code == 403
    assert await house.audit.count() == before


async def test_names_are_text_wherever_they_are_shown(browser: Browser, house: House, world: World) -> None:
    known = await house.tenants.find(world.id)
    known.name, known.protected = MARKUP, {"1": MARKUP}
    await house.tenants.save(known)
    people, actor = People(house.papers, house.audit), Actor(MARKUP, "portal", MARKUP)
    await people.add(MARKUP, Role.OPERATOR, [world.id], actor)
    await house.defaults.save(world.id, {"remove_groups": {"value": True}}, actor)
    await house.audit.add(actor, "preset.saved", tenant_id=world.id, after={"name": MARKUP})
    shown = 0
    for path in (
        "/tenants",
        f"/tenants/{world.id}",
        f"/defaults/{world.id}",
        "/audit",
        "/audit?q=%3Cimg",
        "/settings",
        "/settings/people",
        "/settings/protected",
        "/settings/webhooks",
        "/setup",
    ):
        text = await browser.open(path)
        assert browser.page.status_code == 200
        assert "<img" not in text, path
        shown += html.escape(MARKUP) in text or "&lt;img src=x" in text

    assert shown >= 8


async def test_two_administrators_who_remove_each_other_at_once_leave_one(house: House) -> None:
    import asyncio

    people = People(house.papers, house.audit)
    for name in ("ann", "ben"):
        await people.add(name, Role.ADMINISTRATOR, [], BOSS)

    results = await asyncio.gather(
        people.remove("ann", Actor("ben")), people.change("ben", Role.VIEWER, [], Actor("ann")), return_exceptions=True
    )

    assert [each.code for each in results if isinstance(each, Unusable)] != []
    assert any(member.runs_all for member in await people.all())


async def test_what_is_no_text_is_refused_in_forms_and_addresses(browser: Browser, world: World) -> None:
    """PostgreSQL keeps no such character, and a search for it would fail there."""
    for address in ("/?q=a%00b", "/offboardings/a%00b", "/audit?q=%00"):
        await browser.open(address)
        assert browser.page.status_code == 400, address

    await browser.open("/settings/people")
    await browser.post(do="add", name="x\0y", role="viewer")

    assert browser.page.status_code == 400
    assert "no text" in browser.html
