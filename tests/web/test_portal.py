"""The portal without JavaScript, from sign-in to undo."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from leaver.access.accounts import Accounts
from leaver.offboarding.drive import drive
from leaver.wiring import House
from m365_simulator.world import Cloud, World
from support import Wire, give_ada_everything
from web.conftest import PASSWORD, Browser

ADA = "ada@contoso.example"


async def work(house: House) -> None:
    """Do everything that was accepted."""
    for item in await house.leases.due():
        await drive(house, item.id, owner="test", look_again=(0.01, 0.02, 0.05))


async def to_settings(browser: Browser, world: World, *aliases: str) -> None:
    """Through the first two steps."""
    await browser.open("/offboardings/new")
    await browser.post(tenant=world.id)
    await browser.post(user=[world.users[alias].id for alias in aliases or ("ada",)], do="next")


async def test_the_wizard_from_the_first_step_to_the_undo(
    browser: Browser, house: House, world: World, wire: Wire
) -> None:
    give_ada_everything(world)
    await browser.open("/offboardings/new")
    assert "Contoso" in browser.html
    await browser.post(tenant=world.id)
    assert "Ada Example" in browser.html
    await browser.post(user=[world.users["ada"].id], do="next")
    assert "Disable sign-in" in browser.html
    await browser.post(
        task=["disable_sign_in", "remove_groups", "forward_mail", "grant_mailbox_access"],
        **{"forward_mail.to": "manager", "forward_mail.keep_copy": "on"},
        **{"grant_mailbox_access.automapping.no": "grace@contoso.example"},
        when="now",
        reference="INC-1",
        do="next",
    )
    assert browser.path.endswith("/review"), re.sub("<[^>]+>", " ", browser.html)[:3000]
    assert "sales" in browser.html.lower()
    assert wire.writes == []
    digest = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert digest is not None
    await browser.post(digest=digest[1], do="confirm")
    run = browser.path
    assert "You can close this page" in browser.html
    await work(house)
    await browser.open(run)
    assert "Completed" in browser.html or "Follow-up" in browser.html
    ada = world.users["ada"]
    assert ada.enabled is False
    assert "Grace" in await browser.open(f"{run}/report")
    await browser.open(f"{run}/undo")
    await browser.post(task=["disable_sign_in"])
    await work(house)
    assert "Completed" in await browser.open(browser.path)
    assert world.users["ada"].enabled
    assert "1 of 1 put back" in await browser.open(run)


async def test_a_follow_up_is_told_at_the_head_of_its_run(browser: Browser, house: House, world: World) -> None:
    world.add_group("from AD", "ada", synced=True)
    await to_settings(browser, world)
    await browser.post(task=["remove_groups"], when="now", do="next")
    digest = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert digest is not None
    await browser.post(digest=digest[1], do="confirm")
    await work(house)

    told = await browser.open(browser.path)

    assert "1 task leaves something for a person to do." in told
    assert "To do:" in told


async def test_the_theme_is_switched_where_one_is(browser: Browser, world: World) -> None:
    await browser.open("/tenants?q=con")

    await browser.post("/theme", back="/tenants?q=con")

    assert browser.path == "/tenants"
    assert 'data-theme="dark"' in browser.html


async def test_a_permanent_change_asks_for_the_name(browser: Browser, house: House, world: World) -> None:
    world.add_meeting("ada", "Weekly", "bob@contoso.example")
    await to_settings(browser, world)
    await browser.post(task=["cancel_meetings"], when="now", do="next")
    digest = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert digest is not None
    assert "cannot be undone by anyone" in browser.html

    await browser.post(digest=digest[1], do="confirm")
    refused = browser.html
    await browser.post(digest=digest[1], do="confirm", **{f"confirm:{world.users['ada'].id}": "ada example"})

    assert "Type the name exactly: Ada Example" in refused
    assert len(await house.leases.due()) == 1


async def test_enter_in_the_field_of_the_name_confirms_and_anywhere_else_it_does_not(
    browser: Browser, house: House, world: World
) -> None:
    world.add_meeting("ada", "Weekly", "bob@contoso.example")
    await to_settings(browser, world)
    await browser.post(task=["cancel_meetings"], when="now", do="next")
    digest = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert digest is not None

    await browser.post(digest=digest[1], do="enter")
    elsewhere = await house.leases.due()
    await browser.post(digest=digest[1], do="enter", **{f"confirm:{world.users['ada'].id}": "Ada Example"})

    assert elsewhere == []
    assert len(await house.leases.due()) == 1


async def test_what_goes_with_the_account_needs_no_fields(browser: Browser, world: World) -> None:
    await to_settings(browser, world)

    await browser.post(task=["delete_user", "forward_mail"], when="now", do="next", **{"forward_mail.to": ""})

    assert browser.path.endswith("/review"), re.sub("<[^>]+>", " ", browser.html)[:2000]


async def test_a_blocker_is_decided_on_its_row(browser: Browser, house: House, world: World) -> None:
    world.mailboxes["ada"].size = 60 * 1024**3
    await to_settings(browser, world)
    await browser.post(task=["convert_to_shared", "remove_licenses"], when="now", do="next")
    assert "Resolve the blocker" in browser.html
    found = re.search(r'name="(decide[^"]+)" value="([^"]+)"', browser.html)
    assert found is not None

    await browser.post(do="decide", **{found[1]: found[2]})

    assert "Resolve the blocker" not in browser.html


async def test_a_message_is_shown_as_each_user_s_senders_read_it(browser: Browser, world: World) -> None:
    await to_settings(browser, world)
    text = "{first_name} left. {manager_mail} helps. {nick}"

    await browser.post(task=["set_out_of_office"], **{"set_out_of_office.internal": text}, when="now", do="next")
    review = browser.html
    await browser.open(browser.path.replace("/review", "/settings"))

    assert "Ada left. grace@contoso.example helps. {nick}" in review
    assert "Senders read {nick} as it stands" in review
    assert "Senders read {nick} as it stands: there is no such placeholder." in browser.html


async def test_wrong_settings_are_kept_and_explained(browser: Browser, world: World, wire: Wire) -> None:
    await to_settings(browser, world)

    await browser.post(task=["set_out_of_office"], when="now", do="next")
    empty = browser.html
    await browser.post(
        task=["disable_forwarding", "forward_mail"], **{"forward_mail.to": "bob@contoso.example"}, do="next"
    )

    assert "Fix 1 field to continue" in empty
    assert '<a href="#set_out_of_office.internal">Out of office message, message: ' in empty
    assert "Forward new mail and Disable forwarding undo each other" in browser.html
    assert "bob@contoso.example" in browser.html
    assert wire.writes == []


async def test_a_scheduled_one_is_planned_for_later(browser: Browser, house: House, world: World) -> None:
    at = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT17:30")
    await to_settings(browser, world)
    await browser.post(task=["disable_sign_in"], when="later", at=at, tz="Europe/Amsterdam", do="next")
    digest = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert digest is not None

    await browser.post(digest=digest[1], do="confirm")

    assert "Scheduled" in browser.html
    assert "Europe/Amsterdam" in browser.html
    assert await house.leases.due() == []
    await browser.open(browser.path)
    await browser.post(f"{browser.path}/cancel")
    await work(house)
    assert "Canceled" in await browser.open(browser.path)


async def test_defaults_prefill_the_settings(browser: Browser, house: House, world: World) -> None:
    await browser.open("/defaults/organization")
    await browser.post(**{"is:disable_sign_in": "on", "is:remove_groups": "on"})
    await to_settings(browser, world)

    checked = re.findall(r'name="task" value="(\w+)"[^>]* checked', browser.html)

    assert set(checked) == {"disable_sign_in", "remove_groups"}


async def test_a_pasted_list_says_who_was_not_found(browser: Browser, world: World) -> None:
    await browser.open("/offboardings/new")
    await browser.post(tenant=world.id)

    await browser.post(upns=f"{ADA}\nnobody@contoso.example", do="paste")
    listed = browser.html
    await browser.post(do="take")

    assert "Not found: nobody@contoso.example" in listed
    assert "0 selected" in listed
    assert "1 selected" in browser.html


@pytest.mark.parametrize(
    "path", ["/", "/tenants", "/defaults/organization", "/audit", "/settings", "/offboardings/new"]
)
async def test_every_page_opens_with_a_strict_policy_and_needs_sign_in(
    stranger: Browser, house: House, world: World, path: str
) -> None:
    await stranger.open(path)
    outside = stranger.path
    await stranger.sign_in()
    await stranger.open(path)

    assert outside == "/signin"
    assert stranger.page.status_code == 200
    assert "unsafe" not in stranger.page.headers["content-security-policy"]
    assert "style=" not in stranger.html
    assert "onclick" not in stranger.html


async def test_the_health_of_a_tenant(browser: Browser, world: World) -> None:
    assert "Disable sign-in" in await browser.open(f"/tenants/{world.id}")


async def test_deletion_cannot_be_preset(browser: Browser, house: House, world: World) -> None:
    """H12: the form says why, and keeps nothing."""
    await browser.open("/defaults/organization")

    await browser.post(**{"is:disable_sign_in": "on", "is:delete_user": "on"})

    assert "cannot be a default" in browser.html
    assert await house.defaults.get("organization") == {}


async def test_a_form_of_another_site_changes_nothing(browser: Browser, world: World) -> None:
    answer = await browser.client.post("/defaults/organization", data={"task": "delete_user"})

    assert answer.status_code == 403


async def test_wrong_passwords_lock_the_account_and_tell_nothing(stranger: Browser, house: House) -> None:
    for _ in range(5):
        await stranger.sign_in(password="wrong")
        assert stranger.page.status_code == 401
    await stranger.sign_in()

    assert "locked" in stranger.html
    assert [entry["what"] async for entry in house.audit.entries()].count("sign_in.refused") == 6


async def test_the_first_password_must_be_changed(house: House) -> None:
    import httpx

    from leaver.app import create

    first = await Accounts(house.papers, house.audit).first()
    assert first is not None
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create(house=house, works=False)), base_url="http://leaver.test"
    ) as client:
        browser = Browser(client)
        await browser.sign_in(password=first)
        assert browser.path == "/password"
        await browser.open("/")
        assert browser.path == "/password"
        await browser.post(old=first, new="short")
        assert "shorter" in browser.html
        await browser.post(old=first, new=PASSWORD)
        assert "Offboardings" in browser.html


async def test_signing_in_leads_back_and_never_elsewhere(stranger: Browser, world: World) -> None:
    await stranger.open("/signin?next=//evil.example/")

    assert "evil.example" not in stranger.html


async def test_a_token_made_in_the_portal_is_shown_once(browser: Browser, world: World) -> None:
    await browser.open("/settings")
    await browser.post(name="Halo", role="viewer", days="30")
    secret = re.search(r"lvr_[\w-]+", browser.html)

    assert secret is not None
    assert secret[0] not in await browser.open("/settings")
    assert secret[0] not in await browser.open("/audit")


async def test_another_technicians_draft_is_closed(browser: Browser, house: House, world: World) -> None:
    await house.papers.put("draft", "d1", {"id": "d1", "owner": "somebody", "tenant_id": world.id, "users": {}})

    await browser.open("/offboardings/new/d1/users")

    assert browser.page.status_code == 404


async def test_two_technicians_cannot_offboard_one_user_at_once(
    browser: Browser, house: House, world: World, cloud: Cloud
) -> None:
    plans = []
    for _ in range(2):
        await to_settings(browser, world)
        await browser.post(task=["disable_sign_in"], when="now", do="next")
        digest = re.search(r'name="digest" value="([^"]+)"', browser.html)
        assert digest is not None
        plans.append((browser.path, digest[1]))
    for path, shown in plans:
        await browser.post(path, digest=shown, do="confirm")
    told = browser.html
    await browser.open("/offboardings/new")
    await browser.post(tenant=world.id)

    assert len(await house.leases.due()) == 1
    assert "under way" in told
    assert "admin started offboarding this user" in browser.html
