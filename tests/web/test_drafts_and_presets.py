"""Drafts that are saved, continued and thrown away; presets that many start from."""

from __future__ import annotations

import re

from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.domain.actor import Actor
from leaver.offboarding.presets import Presets
from leaver.wiring import House
from m365_simulator.world import World
from support import Wire
from web.conftest import Browser
from web.test_portal import to_settings

BOSS = Actor("boss")


async def be(browser: Browser, house: House, name: str, role: str = "operator") -> None:
    """Somebody else sits down."""
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(Person(name, Role(role), via="portal")))


async def test_a_draft_is_saved_continued_and_thrown_away(
    browser: Browser, house: House, world: World, wire: Wire
) -> None:
    await to_settings(browser, world)
    wizard = browser.path
    await browser.post(task=["disable_sign_in", "remove_groups"], reference="INC-7", when="now", do="draft")
    assert browser.path == "/drafts"
    assert "Draft saved" in browser.html
    assert "Ada Example" in browser.html
    assert "2 tasks, INC-7" in browser.html
    assert 'Drafts <span class="n">1</span>' in await browser.open("/")

    await browser.open("/drafts")
    found = re.search(r'href="(/offboardings/new/\w+)"', browser.html)
    assert found is not None
    await browser.open(found[1])
    assert browser.path.endswith("/review")
    await browser.open(wizard)
    assert 'value="remove_groups" aria-describedby="d-remove_groups" checked' in browser.html
    await browser.open("/drafts")
    await browser.post(f"{found[1]}/delete")

    assert "No drafts" in browser.html
    await browser.open(wizard)
    assert browser.page.status_code == 404
    assert wire.writes == []


async def test_settings_that_are_not_right_yet_are_saved_too(browser: Browser, world: World) -> None:
    await to_settings(browser, world)
    wizard = browser.path

    await browser.post(task=["set_out_of_office"], **{"set_out_of_office.internal": ""}, when="now", do="draft")

    assert "Draft saved" in browser.html
    await browser.open(wizard)
    assert 'value="set_out_of_office" aria-describedby="d-set_out_of_office" checked' in browser.html


async def test_a_draft_goes_on_where_it_was_left(browser: Browser, world: World) -> None:
    await browser.open("/offboardings/new")
    start = browser.path.removesuffix("/tenant")
    await browser.open("/drafts")
    assert "No drafts" in browser.html  # nothing is chosen in it
    await browser.open(f"{start}/tenant")
    await browser.post(tenant=world.id)
    await browser.open(start)
    users = browser.path
    await browser.post(user=[world.users["ada"].id], do="draft")

    await browser.open(start)

    assert users.endswith("/users")
    assert browser.path.endswith("/settings")


async def test_drafts_are_ones_own(browser: Browser, house: House, world: World) -> None:
    await to_settings(browser, world)
    wizard = browser.path.removesuffix("/settings")
    await browser.post(task=["disable_sign_in"], when="now", do="draft")
    await be(browser, house, "pat")

    mine = await browser.open("/drafts")
    await browser.open("/")
    await browser.post(f"{wizard}/delete")
    refused = browser.page.status_code
    await be(browser, house, "val", "viewer")
    await browser.open("/drafts")

    assert "Ada Example" not in mine
    assert refused == 404
    assert browser.page.status_code == 403
    assert len(await house.papers.all("draft")) == 1


async def test_a_preset_is_saved_and_applied_by_others(browser: Browser, house: House, world: World) -> None:
    await to_settings(browser, world)
    await browser.post(
        task=["disable_sign_in", "forward_mail"],
        **{"forward_mail.to": "manager"},
        when="now",
        preset_name="Immediate termination",
        do="save_preset",
    )
    assert "Preset saved" in browser.html
    assert "Immediate termination" in await browser.open("/settings/presets")
    (preset, fixed) = await Presets(house.papers, house.audit).all()
    await be(browser, house, "pat")

    await to_settings(browser, world)
    assert "Save as preset" not in browser.html
    await browser.post(task=["hide_from_gal"], when="now", preset=preset.id, do="preset")
    applied = browser.html
    await browser.post(preset=fixed.id, do="preset")

    assert 'value="forward_mail" aria-describedby="d-forward_mail" checked' in applied
    assert 'value="hide_from_gal" aria-describedby="d-hide_from_gal" checked' not in applied
    assert 'value="revoke_sessions" aria-describedby="d-revoke_sessions" checked' in browser.html
    assert 'value="forward_mail" aria-describedby="d-forward_mail" checked' not in browser.html


async def test_a_preset_does_not_open_what_is_locked(browser: Browser, house: House, world: World) -> None:
    await house.defaults.save("organization", {"remove_groups": {"value": True, "locked": True}}, BOSS)
    preset = await Presets(house.papers, house.audit).save("Gentle", {"disable_sign_in": True}, BOSS)
    await to_settings(browser, world)

    await browser.post(preset=preset.id, do="preset")

    (draft,) = await house.papers.all("draft")
    assert draft["settings"] == {"disable_sign_in": True, "remove_groups": True}


async def test_an_operator_cannot_save_a_preset(browser: Browser, house: House, world: World) -> None:
    await be(browser, house, "pat")
    await to_settings(browser, world)

    await browser.post(task=["disable_sign_in"], when="now", preset_name="Mine", do="save_preset")

    assert browser.page.status_code == 403
    assert len(await Presets(house.papers, house.audit).all()) == 1


async def test_a_preset_goes_away_and_the_fixed_one_stays(browser: Browser, house: House, world: World) -> None:
    kept = Presets(house.papers, house.audit)
    preset = await kept.save("Gentle", {"disable_sign_in": True}, BOSS)
    await kept.save("gentle", {"remove_groups": True}, BOSS)
    await browser.open("/settings/presets")
    assert "Remove from all groups" in browser.html or "roups" in browser.html

    await browser.post(remove=preset.id)
    await browser.post(remove="lock_out")

    assert "always there" in browser.html
    assert [each.name for each in await kept.all()] == ["Lock out only"]
