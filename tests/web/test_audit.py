"""The audit log in the portal: by day, searched, within limits, checked, and taken away as a file."""

from __future__ import annotations

import csv
import io
import json
import re

from sqlalchemy import text, update

from leaver.access.roles import Person, Role
from leaver.access.sessions import Sessions
from leaver.domain.actor import Actor
from leaver.store import tables
from leaver.wiring import House
from m365_simulator.world import World
from web.conftest import Browser

BOSS = Actor("boss", "portal", "203.0.113.24")


async def as_auditor(browser: Browser, house: House, *tenants: str) -> Browser:
    """Somebody who reads the log of these tenants, or the whole of it."""
    person = Person("ida", Role.AUDITOR, frozenset(tenants) or None, "portal")
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", await Sessions(house.papers).open(person))
    return browser


async def test_entries_stand_under_their_day_in_words(browser: Browser, house: House, world: World) -> None:
    before = {"remove_groups": {"value": True}}
    await house.defaults.save(world.id, before, BOSS)
    await house.defaults.save(world.id, {"remove_groups": {"value": False}}, BOSS)

    await browser.open("/audit")

    assert "Defaults changed" in browser.html
    assert "Remove from all groups: On → Off" in browser.html
    assert "Signed in" in browser.html
    assert browser.html.count('scope="rowgroup"') == 1
    assert "none missing or altered" in browser.html


async def test_it_is_searched_and_filtered_and_so_is_what_is_taken_away(
    browser: Browser, house: House, world: World
) -> None:
    await house.defaults.save(world.id, {"remove_groups": {"value": True}}, BOSS)
    await house.audit.add(Actor("=cmd()", "portal"), "sign_in.refused")
    await browser.open("/audit?a=defaults&q=203.0.113")
    assert "Defaults changed" in browser.html
    assert "Signed in" not in browser.html
    assert "/audit/export?q=203.0.113&amp;a=defaults&amp;format=csv" in browser.html

    await browser.open("/audit/export?q=203.0.113&a=defaults&format=jsonl")
    (line,) = [json.loads(line) for line in browser.page.text.splitlines()]
    await browser.open("/audit/export?a=sign-ins&format=csv")
    rows = list(csv.DictReader(io.StringIO(browser.page.text)))

    assert line["what"] == "defaults.changed"
    assert [row["actor"] for row in rows if row["what"] == "sign_in.refused"] == ["'=cmd()"]
    assert "attachment" in browser.page.headers["content-disposition"]
    assert (await house.audit.latest(limit=1))[0]["what"] == "audit.exported"


async def test_a_changed_entry_is_said_loudly(browser: Browser, house: House) -> None:
    await browser.open("/audit")
    async with house.database.begin() as connection:
        await connection.execute(text("DROP TRIGGER audit_no_update"))
        await connection.execute(update(tables.audit).where(tables.audit.c.number == 1).values(actor="nobody"))

    await browser.post("/audit")

    assert "Log is not complete" in browser.html
    assert "Entry 1 was changed after it was written." in browser.html


async def test_an_auditor_of_one_tenant_reads_of_no_other_and_is_promised_nothing_of_the_whole(
    browser: Browser, house: House, world: World
) -> None:
    await house.audit.add(BOSS, "defaults.changed", tenant_id=world.id)
    await house.audit.add(BOSS, "defaults.changed", tenant_id="another", after={"name": "Fabrikam"})
    auditor = await as_auditor(browser, house, world.id)

    await auditor.open("/audit?t=another")
    assert "No entry matches" in auditor.html
    await auditor.open("/audit/export?format=jsonl")
    assert {json.loads(line)["tenant_id"] for line in auditor.page.text.splitlines()} == {world.id}
    await auditor.open("/audit")

    assert "Defaults changed" in auditor.html
    assert "Chain checked" not in auditor.html
    await auditor.post("/audit")
    assert auditor.page.status_code == 403


async def test_older_entries_are_a_page_away(browser: Browser, house: House) -> None:
    for number in range(60):
        await house.audit.add(BOSS, "preset.saved", after={"name": f"Preset {number}"})

    await browser.open("/audit?a=settings")
    latest = browser.html
    older = latest.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    await browser.open(older)

    assert "Preset 59" in latest
    assert re.search(r"6\d entries", latest)
    assert "Preset 0" in browser.html
    assert "Preset 59" not in browser.html
