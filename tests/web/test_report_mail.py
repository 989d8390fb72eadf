"""Mailing a report from its page, and naming beforehand who gets it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaver.access.roles import Role
from leaver.config import Config
from leaver.wiring import House
from m365_simulator.world import World
from web.conftest import Browser
from web.test_portal import to_settings, work
from web.test_tenants import as_somebody


async def ended(browser: Browser, house: House, world: World, **more: str) -> str:
    """An offboarding that has come to its end; the address of its report."""
    await to_settings(browser, world)
    await browser.post(task=["disable_sign_in"], when="now", do="next", **more)
    await browser.post(do="confirm", digest=browser.html.partition('name="digest" value="')[2].partition('"')[0])
    await work(house)
    (record,), _ = await house.offboardings.page()
    return f"/offboardings/{record.id}/report"


class TestWithAMailServer:
    @pytest.fixture
    def config(self, config: Config) -> Config:
        return replace(config, smtp_url="smtp+plain://127.0.0.1:9", mail_from="leaver@msp.example")

    async def test_it_goes_to_those_who_are_named_and_the_page_says_so(
        self, browser: Browser, house: House, world: World
    ) -> None:
        path = await ended(browser, house, world)
        await browser.open(path)

        await browser.post(f"{path}/email", to="hr@example.com, boss@example.com")

        assert "Sent by e-mail" in browser.html
        assert "hr@example.com" in browser.html
        assert "On its way" in browser.html
        (record,), _ = await house.offboardings.page()
        assert {each.recipient for each in await house.book.reports(record)} == {"hr@example.com", "boss@example.com"}

    async def test_what_is_no_address_is_said_and_kept_in_the_field(
        self, browser: Browser, house: House, world: World
    ) -> None:
        path = await ended(browser, house, world)
        await browser.open(path)

        await browser.post(f"{path}/email", to="hr@example.com, <b>")

        assert "&#39;&lt;b&gt;&#39; is no mail address." in browser.html
        assert 'value="hr@example.com, &lt;b&gt;"' in browser.html
        assert "Sent by e-mail" not in browser.html

    async def test_a_form_of_another_page_sends_nothing(self, browser: Browser, house: House, world: World) -> None:
        path = await ended(browser, house, world)

        answer = await browser.client.post(f"{path}/email", data={"csrf": "forged", "to": "hr@example.com"})

        assert answer.status_code == 403
        (record,), _ = await house.offboardings.page()
        assert await house.book.reports(record) == []

    async def test_who_only_looks_is_not_offered_it_and_refused(
        self, browser: Browser, house: House, world: World
    ) -> None:
        path = await ended(browser, house, world)
        viewer = await as_somebody(browser, house, Role.VIEWER)
        await viewer.open(path)
        shown = viewer.html
        await viewer.open("/settings/appearance")

        await viewer.post(f"{path}/email", to="hr@example.com")

        assert "E-mail this report" not in shown
        assert viewer.page.status_code == 403

    async def test_who_is_named_in_the_settings_gets_it_at_the_end(
        self, browser: Browser, house: House, world: World
    ) -> None:
        await to_settings(browser, world)
        await browser.post(task=["disable_sign_in"], when="now", report_to="nonsense", do="next")
        wrong = browser.html

        path = await ended(browser, house, world, report_to="hr@example.com")
        await browser.open(path)

        assert "E-mail the report to: &#39;nonsense&#39; is no mail address." in wrong
        assert "hr@example.com" in browser.html
        assert "On its way" in browser.html


async def test_without_a_mail_server_it_says_how_to_have_one(browser: Browser, house: House, world: World) -> None:
    path = await ended(browser, house, world)

    await browser.open(path)

    assert "No mail server is configured" in browser.html
    assert "LEAVER_SMTP_URL" in browser.html
    assert 'name="to"' not in browser.html
