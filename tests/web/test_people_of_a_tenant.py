"""What the wizard says of people: when they signed in, how large their mailbox is, which colleagues there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from m365_simulator.world import GB, World
from support import Wire
from web.conftest import Browser
from web.test_portal import to_settings


async def users_page(browser: Browser, world: World) -> str:
    """The second step with Ada chosen, and what came later."""
    await to_settings(browser, world)
    step = browser.path.replace("/settings", "/users")
    await browser.open(step)
    late = await browser.open(f"{step}/late?id={world.users['ada'].id}")
    await browser.open(step)
    return late


async def test_the_list_says_when_somebody_signed_in_and_how_large_the_mailbox_is(
    browser: Browser, world: World
) -> None:
    world.users["ada"].last_sign_in = datetime.now(UTC) - timedelta(minutes=1)
    world.mailboxes["ada"].size = int(62.4 * GB)

    late = await users_page(browser, world)

    assert "Today" in late or "Yesterday" in late
    assert "62.4 GB mailbox" in late
    assert "62.4 GB mailbox" in browser.html
    assert f'id="in-{world.users["ada"].id}">' in browser.html


async def test_what_may_not_be_read_is_unknown_and_asked_for_once(browser: Browser, world: World, wire: Wire) -> None:
    world.premium = False

    late = await users_page(browser, world)
    asked = [call for call in wire.calls if "signInActivity" in str(call)]
    await users_page(browser, world)

    assert "Unknown" in late
    assert " data-late>" not in browser.html
    assert len([call for call in wire.calls if "signInActivity" in str(call)]) == len(asked)


async def test_colleagues_are_offered_by_the_beginning_of_their_name(browser: Browser, world: World) -> None:
    await to_settings(browser, world)

    offered = await browser.open(f"{browser.path.replace('/settings', '/people')}?q=grac")

    assert f'<option value="{world.users["grace"].upn}">' in offered
    assert '<option value="manager">' in offered


async def test_a_colleague_is_added_and_taken_away_without_a_script(browser: Browser, world: World) -> None:
    await to_settings(browser, world)
    step, field = browser.path, "grant_onedrive_access.people"
    await browser.post(
        task=["grant_onedrive_access"], **{field: ["manager", "grace@contoso.example, manager"]}, do="draft"
    )
    both = await browser.open(step)

    people = ["manager", "grace@contoso.example", ""]
    await browser.post(task=["grant_onedrive_access"], **{field: people}, drop=f"{field}|manager")

    assert both.count('aria-label="Remove manager"') == 1
    assert browser.path == step
    assert 'aria-label="Remove manager"' not in browser.html
    assert 'aria-label="Remove grace@contoso.example"' in browser.html
