"""Webhooks and notifications in the portal, without a script."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leaver.config import Config
from leaver.domain import news
from leaver.domain.actor import Actor
from leaver.wiring import House
from m365_simulator.world import World
from support import Desk
from web.conftest import Browser

WEBHOOKS, NOTIFICATIONS = "/settings/webhooks", "/settings/notifications"
URL = "http://127.0.0.1:9/hook?token=not-for-eyes"
ADMIN = Actor("Tess", "portal")


@pytest.fixture
def config(config: Config) -> Config:
    """Webhooks may go to this machine, where nobody listens."""
    return replace(config, webhook_http=True, webhook_networks=("127.0.0.0/8",))


async def add(browser: Browser, **more: str) -> str:
    """Add a webhook in the portal; its secret."""
    await browser.open(WEBHOOKS)
    fields = {"name": "Tickets", "url": URL, "event": news.ACCEPTED} | more
    await browser.post(WEBHOOKS, **fields)
    found = re.search(r"whsec_[^<]+", browser.html)
    assert found is not None, browser.html
    return found[0]


async def test_a_webhook_is_added_and_its_secret_shown_once(browser: Browser, house: House, world: World) -> None:
    secret = await add(browser, tenant=world.id)
    (hook,) = await house.book.webhooks()
    await browser.open(f"{WEBHOOKS}/{hook.id}")
    again = browser.html
    listed = await browser.open(WEBHOOKS)

    assert (hook.tenants, hook.events, hook.created_by) == ([world.id], [news.ACCEPTED], "admin")
    assert await house.vault.get(f"target.{hook.id}.secret") == secret
    for html in (again, listed):
        assert "Tickets" in html
        assert "whsec_" not in html
        assert "not-for-eyes" not in html


async def test_a_bad_address_is_said_and_what_was_typed_stays(browser: Browser, house: House) -> None:
    await browser.open(WEBHOOKS)
    await browser.post(WEBHOOKS, name="Tickets", url="https://10.0.0.1/", event=news.FAILED)

    assert browser.page.status_code == 400
    assert "The target is an internal address." in browser.html
    assert 'value="Tickets"' in browser.html
    assert await house.book.webhooks() == []


async def test_a_test_says_why_it_did_not_arrive(browser: Browser, house: House) -> None:
    await add(browser)
    (hook,) = await house.book.webhooks()

    html = await browser.post(f"{WEBHOOKS}/{hook.id}", do="test")

    assert "The test did not arrive" in html
    assert "No connection" in html


async def test_a_delivery_is_shown_and_sent_again(browser: Browser, house: House, desk: Desk, world: World) -> None:
    await add(browser)
    (hook,) = await house.book.webhooks()
    await desk.offboard("ada@contoso.example", settings={"disable_sign_in": True})
    (delivery,) = await house.outbox.take(5)
    await house.outbox.failed(delivery, await house.courier.attempt(delivery), None)

    html = await browser.open(f"{WEBHOOKS}/{hook.id}")
    assert "An offboarding was accepted" in html
    assert "Ada Example" in html
    async with house.database.begin() as connection:
        from sqlalchemy import text

        await connection.execute(text("UPDATE deliveries SET state = 'failed', ended_at = created_at"))
    await browser.open(f"{WEBHOOKS}/{hook.id}")
    html = await browser.post(f"{WEBHOOKS}/{hook.id}", do=f"replay:{delivery.id}")

    assert "It is sent again in a moment" in html
    assert len((await house.book.deliveries(hook))[0]) == 2


async def test_a_webhook_is_changed_given_a_new_secret_and_removed(browser: Browser, house: House) -> None:
    old = await add(browser)
    (hook,) = await house.book.webhooks()
    where = f"{WEBHOOKS}/{hook.id}"
    await browser.open(where)
    rotated = await browser.post(where, do="rotate")
    await browser.open(where)
    saved = await browser.post(where, do="save", name="Halo", event=news.FAILED)
    (changed,) = await house.book.webhooks()
    gone = await browser.post(where, do="remove")

    assert old not in rotated
    assert "whsec_" in rotated
    assert "Saved" in saved
    assert (changed.name, changed.events, changed.enabled, changed.address) == (
        "Halo",
        [news.FAILED],
        False,
        hook.address,
    )
    assert "The webhook is removed" in gone
    assert await house.book.webhooks() == []


@pytest.mark.parametrize("path", [WEBHOOKS, NOTIFICATIONS, NOTIFICATIONS + "/mine"])
async def test_a_forged_form_changes_nothing(browser: Browser, house: House, path: str) -> None:
    answer = await browser.client.post(path, data={"do": "add", "name": "x", "url": URL, "address": "a@b.example"})

    assert answer.status_code == 403
    assert await house.book.webhooks() == []


async def test_one_says_where_ones_own_mail_goes(browser: Browser, house: House) -> None:
    await browser.open(NOTIFICATIONS)
    html = await browser.post(NOTIFICATIONS + "/mine", address="me@msp.example", wanted="on")
    bad = await browser.post(NOTIFICATIONS + "/mine", address="me", wanted="on")

    assert "Saved" in html
    assert 'value="me@msp.example"' in html
    assert "No mail server is configured" in html
    assert "It is not a mail address." in bad
    assert await house.book.mail_of("admin") == ("me@msp.example", True)


async def test_a_channel_is_added_masked_changed_and_removed(browser: Browser, house: House) -> None:
    address = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"
    await browser.open(NOTIFICATIONS)
    bad = await browser.post(NOTIFICATIONS, do="add", kind="service", address="json://127.0.0.1", event=news.FAILED)
    added = await browser.post(NOTIFICATIONS, do="add", kind="service", address=address, event=news.FAILED)
    (target,) = await house.book.others()
    await browser.post(NOTIFICATIONS, do="save", id=target.id, name="Desk", enabled="on", event=news.FINISHED)
    (changed,) = await house.book.others()
    await browser.post(NOTIFICATIONS, do="remove", id=target.id)

    assert "names no service" in bad
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in added
    assert (changed.name, changed.events, changed.enabled) == ("Desk", [news.FINISHED], True)
    assert await house.book.others() == []
