"""The rights index and the full look, in the portal."""

from __future__ import annotations

import re

import pytest

from leaver.offboarding.survey import build_index
from leaver.wiring import House
from m365_simulator.world import World
from web.conftest import Browser
from web.test_portal import to_settings, work

LOOK = "Look through every mailbox"


def digest(browser: Browser) -> str:
    found = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert found is not None
    return found[1]


async def to_review(browser: Browser, world: World) -> None:
    await to_settings(browser, world)
    await browser.post(task=["remove_mailbox_permissions"], when="now", do="next")


async def test_without_an_index_there_is_nothing_to_choose(browser: Browser, world: World) -> None:
    await to_review(browser, world)

    assert LOOK not in browser.html


async def test_the_review_offers_to_look_through_everything(browser: Browser, house: House, world: World) -> None:
    await build_index(house, world.id, "worker")
    world.give_full_access("bob", "ada")
    await to_review(browser, world)
    assert LOOK in browser.html
    assert "Bob Example" not in browser.html

    await browser.post(scan="shown", full_scan="on", do="refresh")

    assert "Bob Example" in browser.html
    await browser.post(scan="shown", full_scan="on", digest=digest(browser), do="confirm")
    await work(house)
    assert world.mailboxes["bob"].full_access == []


@pytest.mark.parametrize("ticked", [True, False])
async def test_a_choice_that_was_changed_while_confirming_shows_the_new_plan_first(
    browser: Browser, house: House, world: World, ticked: bool
) -> None:
    await build_index(house, world.id, "worker")
    await to_review(browser, world)
    if not ticked:
        await browser.post(scan="shown", full_scan="on", do="refresh")

    choice = {"full_scan": "on"} if ticked else {}
    await browser.post(scan="shown", digest=digest(browser), do="confirm", **choice)

    assert "the plan was made anew" in browser.html
    assert browser.path.endswith("/review")
    assert await house.offboardings.counts() == {}


async def test_the_tenant_s_page_shows_its_age_and_asks_for_a_new_one(
    browser: Browser, house: House, world: World
) -> None:
    await browser.open(f"/tenants/{world.id}")
    assert "There is none" in browser.html

    await browser.post(f"/tenants/{world.id}/rights-index")

    assert await house.rights.due(None) == [world.id]
    assert "Asked for" in browser.html
    await build_index(house, world.id, "worker")
    await browser.open(f"/tenants/{world.id}")
    assert "just now" in browser.html
    assert "Rights index: just now" in await browser.open("/tenants")
