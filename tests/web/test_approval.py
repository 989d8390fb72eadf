"""The second person in the portal."""

from __future__ import annotations

import re

import pytest

from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.wiring import House
from m365_simulator.world import World
from support import Wire
from web.conftest import Browser
from web.test_portal import to_settings, work


async def be(browser: Browser, house: House, name: str, role: str = "operator") -> None:
    """Somebody else sits down."""
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(Person(name, Role(role), via="portal")))


async def delete_ada(browser: Browser, world: World) -> str:
    """The administrator switches the rule on and asks for a deletion; the run's address."""
    await browser.open("/settings/approval")
    await browser.post(permanent="on", privileged="on")
    assert "Saved" in browser.html
    await to_settings(browser, world)
    await browser.post(task=["delete_user"], when="now", do="next")
    digest = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert digest is not None
    await browser.post(digest=digest[1], do="confirm")
    return browser.path


async def test_a_second_person_approves_what_the_first_asked_for(
    browser: Browser, house: House, world: World, wire: Wire
) -> None:
    run = await delete_ada(browser, world)
    assert "Waits for the approval" in browser.html
    assert "Somebody else must decide" in browser.html
    await browser.post(f"{run}/approve")
    assert "cannot decide it" in browser.html or browser.page.status_code == 403
    await work(house)
    assert wire.writes == []

    await be(browser, house, "pat")
    assert "To approve" in await browser.open("/")
    assert "Ada Example" in await browser.open("/?status=approval")
    await browser.open(run)
    await browser.post(f"{run}/approve", note="Checked with HR")
    await work(house)

    await browser.open(run)
    assert "Approved by pat" in browser.html
    assert "Checked with HR" in browser.html
    assert "ada" not in world.users
    assert "Approved by pat" in await browser.open(f"{run}/report")


async def test_a_refusal_needs_a_reason_and_ends_it(browser: Browser, house: House, world: World, wire: Wire) -> None:
    run = await delete_ada(browser, world)
    await be(browser, house, "pat")
    await browser.open(run)

    await browser.post(f"{run}/refuse", note="")
    empty = browser.html
    await browser.post(f"{run}/refuse", note="She stays")

    assert "Say why" in empty
    assert "Refused by pat" in browser.html
    assert "Canceled" in browser.html
    assert wire.writes == []


@pytest.mark.parametrize("role", ["viewer", "auditor"])
async def test_who_may_not_approve_is_not_offered_it_and_refused(
    browser: Browser, house: House, world: World, role: str
) -> None:
    run = await delete_ada(browser, world)
    await be(browser, house, "val", role)

    await browser.open(run)
    shown = browser.html
    await browser.open("/")
    await browser.post(f"{run}/approve")

    assert "/approve" not in shown
    assert browser.page.status_code == 403
    assert (await house.offboardings.awaiting()) == 1


async def test_the_rule_is_for_administrators(browser: Browser, house: House, world: World) -> None:
    await be(browser, house, "pat")

    await browser.open("/settings/approval")

    assert browser.page.status_code == 403


async def test_whoever_decides_sees_the_plan_of_what_a_program_asked_for_without_one(
    browser: Browser, house: House, world: World, wire: Wire
) -> None:
    from leaver.domain.actor import Actor
    from leaver.domain.offboarding import Offboarding
    from leaver.offboarding.approval import ApprovalRule, save_rule
    from leaver.offboarding.desk import Desk, Request

    await save_rule(house.papers, house.audit, ApprovalRule(permanent=True), Actor("boss"))
    request = Request(world.id, ["ada@contoso.example"], {"delete_user": True, "disable_sign_in": True})
    (record,) = await Desk(house).queue(request, Actor("robot", "api"))
    assert isinstance(record, Offboarding)

    await browser.open(f"/offboardings/{record.id}")
    shown = browser.html
    await be(browser, house, "val", "viewer")
    await browser.open(f"/offboardings/{record.id}")

    assert "the plan of this moment" in shown
    assert "Disable sign-in" in shown
    assert "Disable sign-in" not in browser.html
    assert wire.writes == []
    assert (await house.offboardings.get(record.id)).tasks == []


async def test_the_review_says_that_a_second_person_must_approve(browser: Browser, house: House, world: World) -> None:
    await browser.open("/settings/approval")
    await browser.post(permanent="on")
    await to_settings(browser, world)

    await browser.post(task=["delete_user"], when="now", do="next")

    assert "A second person must approve this before anything changes" in browser.html
    assert await house.offboardings.awaiting() == 0
