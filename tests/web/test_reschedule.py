"""Moving what is scheduled, in the portal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leaver.domain.actor import Actor
from leaver.offboarding.desk import Desk, Request
from leaver.wiring import House
from m365_simulator.world import World
from web.conftest import Browser

LATER = datetime(2099, 6, 12, 15, 30, tzinfo=UTC)


@pytest.fixture
async def scheduled(house: House, world: World) -> str:
    """Ada, in 2099."""
    asked = Request(world.id, ["ada@contoso.example"], {"disable_sign_in": True}, at=LATER, time_zone="Europe/Berlin")
    (record,) = await Desk(house).submit(asked, Actor("boss"))
    return record.id


async def test_it_is_moved_and_shown_in_its_own_zone(browser: Browser, house: House, scheduled: str) -> None:
    await browser.open(f"/offboardings/{scheduled}")
    assert f'href="/offboardings/{scheduled}/reschedule"' in browser.html
    await browser.open(f"/offboardings/{scheduled}/reschedule")
    assert 'value="2099-06-12T17:30"' in browser.html
    assert "<option selected>Europe/Berlin</option>" in browser.html

    await browser.post(at="2099-07-01T09:00", tz="Asia/Tokyo")

    record = await house.offboardings.get(scheduled)
    assert (record.at, record.time_zone) == (datetime(2099, 7, 1, tzinfo=UTC), "Asia/Tokyo")
    assert browser.path == f"/offboardings/{scheduled}"


async def test_a_moment_that_is_none_or_has_passed_is_shown_again(
    browser: Browser, house: House, scheduled: str
) -> None:
    none = (("soon", "UTC"), ("2099-07-01T09:00", "Mars/Olympus"), ("9999-12-31T23:59", "Pacific/Niue"))
    clocks = (("2099-03-29T02:30", "Europe/Berlin"), ("2099-10-25T02:30", "Europe/Berlin"))
    for at, tz in (("2001-01-01T09:00", "UTC"), *none, *clocks):
        await browser.open(f"/offboardings/{scheduled}/reschedule")
        await browser.post(at=at, tz=tz)
        assert browser.page.status_code == 400

    assert (await house.offboardings.get(scheduled)).at == LATER
