"""API tokens in the portal: shown once, limited, known again, revoked after a question."""

from __future__ import annotations

import re

from leaver.access.tokens import Tokens
from leaver.wiring import House
from m365_simulator.world import World
from web.conftest import Browser


async def test_a_token_is_shown_once_and_limited_as_asked(browser: Browser, house: House, world: World) -> None:
    await browser.open("/settings")
    await browser.post(name="HaloPSA <b>", role="operator", days="30", tenant=world.id)
    found = re.search(r'id="secret">(lvr_[^<]+)<', browser.html)
    assert found is not None
    assert "Token “HaloPSA &lt;b&gt;” created" in browser.html
    await browser.open("/settings")
    assert found[1] not in browser.html
    assert found[1][:8] in browser.html
    assert "Contoso" in browser.html
    assert "Never" in browser.html
    (token,) = await Tokens(house.papers, house.audit).all()
    assert (token.role.value, token.tenants) == ("operator", (world.id,))

    person = await Tokens(house.papers, house.audit).check(found[1])
    await browser.open("/settings")

    assert person is not None
    assert "Never" not in browser.html


async def test_revoking_asks_first_and_counts_at_once(browser: Browser, house: House) -> None:
    tokens = Tokens(house.papers, house.audit)
    await browser.open("/settings")
    await browser.post(name="Old", role="viewer", days="90")
    (token,) = await tokens.all()
    assert f'popovertarget="revoke-{token.id}"' in browser.html

    await browser.post("/settings", revoke=token.id)

    assert await tokens.all() == []
    assert "No tokens." in browser.html


async def test_what_is_not_offered_is_refused(browser: Browser, house: House) -> None:
    await browser.open("/settings")
    for fields in ({"role": "owner", "days": "90"}, {"role": "viewer", "days": "99999"}, {"role": "viewer"}):
        await browser.post("/settings", name="Odd", **fields)
        assert browser.page.status_code == 400
    await browser.post("/settings", name=" ", role="viewer", days="90")
    assert browser.page.status_code == 400

    assert await Tokens(house.papers, house.audit).all() == []
