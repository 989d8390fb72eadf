"""Defaults in the portal: the organization's, each tenant's on top, and what is locked."""

from __future__ import annotations

import re
from typing import Any

from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.domain.actor import Actor
from leaver.wiring import House
from m365_simulator.world import Cloud, World
from web.conftest import Browser
from web.test_portal import to_settings

ORGANIZATION = "/defaults/organization"
BOSS = Actor("boss")


def row(browser: Browser, task: str) -> str:
    """A task's row."""
    return browser.html.partition(f'id="dn-{task}"')[2].partition('<div class="def"')[0]


def checked(browser: Browser, task: str) -> str:
    """What a task is set to."""
    found = re.search(rf'name="is:{task}" value="(\w+)" checked', browser.html)
    return found[1] if found else ""


async def test_a_value_is_inherited_overruled_and_inherited_again(browser: Browser, house: House, world: World) -> None:
    await browser.open(ORGANIZATION)
    await browser.post(**{"is:remove_groups": "on", "is:hide_from_gal": "off", "is:remove_rules": "inherit"})
    assert "Saved" in browser.html
    await browser.open(f"/defaults/{world.id}")
    assert [checked(browser, task) for task in ("remove_groups", "hide_from_gal")] == ["inherit", "inherit"]
    assert "Organization" in row(browser, "remove_groups")
    assert "Not set" in row(browser, "remove_rules")

    await browser.post(**{"is:remove_groups": "off", "is:remove_rules": "on"})
    assert checked(browser, "remove_groups") == "off"
    assert "Contoso" in row(browser, "remove_groups")
    assert await house.defaults.get(world.id) == {
        "remove_groups": {"value": False, "locked": False},
        "remove_rules": {"value": True, "locked": False},
    }
    await browser.post(do="reset")

    assert checked(browser, "remove_groups") == "inherit"
    assert await house.defaults.get(world.id) == {}


async def test_what_is_locked_is_shown_so_and_stays(browser: Browser, house: House, world: World) -> None:
    await house.defaults.save(world.id, {"remove_groups": {"value": False}}, BOSS)
    await browser.open(ORGANIZATION)
    await browser.post(**{"is:remove_groups": "on", "is:revoke_sessions": "on"}, locked=["remove_groups"])
    assert 'value="remove_groups" checked' in browser.html
    await browser.open(f"/defaults/{world.id}")
    assert "Required by your organization" in row(browser, "remove_groups")
    assert row(browser, "remove_groups").count("disabled") == 3

    await browser.post(**{"is:remove_groups": "off", "is:revoke_sessions": "off"}, locked=["revoke_sessions"])

    kept = await house.defaults.get(world.id)
    assert kept["remove_groups"] == {"value": False, "locked": False}  # its own word, for when the lock goes
    assert kept["revoke_sessions"] == {"value": False, "locked": False}
    await to_settings(browser, world)
    assert "Organization, locked" in browser.html


async def test_a_technician_cannot_plan_around_a_lock(browser: Browser, house: House, world: World) -> None:
    locked = {"disable_sign_in": {"value": True, "locked": True}, "delete_user": {"value": False, "locked": True}}
    await house.defaults.save("organization", locked, BOSS)
    await to_settings(browser, world)

    await browser.post(task=["delete_user", "remove_groups"], when="now", do="next")

    (draft,) = await house.papers.all("draft")
    assert set(draft["settings"]) == {"disable_sign_in", "remove_groups"}
    assert browser.path.endswith("/review")
    assert "What will change" in browser.html


async def test_values_are_kept_and_wrong_ones_are_explained(browser: Browser, house: House, world: World) -> None:
    await browser.open(ORGANIZATION)
    await browser.post(**{"is:forward_mail": "on", "forward_mail.to": "", "is:remove_groups": "on"})
    assert browser.page.status_code == 400
    assert "Not saved" in browser.html
    assert checked(browser, "remove_groups") == "on"
    assert await house.defaults.get("organization") == {}

    await browser.post(**{"is:forward_mail": "on", "forward_mail.to": "manager"})

    kept: dict[str, Any] = dict(await house.defaults.get("organization"))
    assert kept["forward_mail"]["value"]["to"] == "manager"
    assert 'value="manager"' in row(browser, "forward_mail")


async def test_an_administrator_of_one_tenant_sets_its_defaults_only(
    browser: Browser, house: House, world: World, cloud: Cloud
) -> None:
    from leaver.store.tenants import KnownTenant

    other = cloud.add_world("fabrikam.example", "Fabrikam")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    person = Person("sam", Role.ADMINISTRATOR, frozenset({world.id}), "portal")
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(person))

    await browser.open("/defaults")
    own = browser.path
    shown = browser.html
    await browser.open(ORGANIZATION)
    refused = browser.page.status_code
    await browser.open(f"/defaults/{other.id}")

    assert own == f"/defaults/{world.id}"
    assert "Fabrikam" not in shown
    assert refused == 403
    assert browser.page.status_code == 404


async def test_a_lock_needs_a_value(browser: Browser, house: House, world: World) -> None:
    await browser.open(ORGANIZATION)

    await browser.post(**{"is:remove_groups": "on", "is:remove_rules": "inherit"}, locked=["remove_rules"])

    assert "cannot be locked without a value" in browser.html
    assert await house.defaults.get("organization") == {}


async def test_two_administrators_at_once_do_not_undo_each_other(browser: Browser, house: House) -> None:
    await browser.open(ORGANIZATION)
    await house.defaults.save("organization", {"remove_rules": {"value": True}}, BOSS)

    await browser.post(**{"is:remove_groups": "on", "seen": ""})
    assert browser.page.status_code == 400
    assert "boss has changed these defaults since you opened them." in browser.html
    assert set(await house.defaults.get("organization")) == {"remove_rules"}
    assert checked(browser, "remove_groups") == "on"
    found = re.search(r'name="seen" value="([^"]+)"', browser.html)
    assert found is not None
    await browser.post(**{"is:remove_groups": "on", "is:remove_rules": "on", "seen": found[1]})

    assert set(await house.defaults.get("organization")) == {"remove_rules", "remove_groups"}
