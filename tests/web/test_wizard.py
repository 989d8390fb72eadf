"""The wizard where things go wrong: forms sent twice or too late, tabs, sessions that end, names that are HTML."""

from __future__ import annotations

import asyncio
import re

import pytest

from leaver.domain.actor import Actor
from leaver.offboarding.desk import Desk, Request
from leaver.web import readings
from leaver.web.pages.wizard_users import named_in
from leaver.wiring import House
from m365_simulator.faults import Behaviour
from m365_simulator.world import World
from support import Wire
from web.conftest import Browser
from web.test_drafts_and_presets import be
from web.test_portal import to_settings, work

OFF = {"task": ["disable_sign_in"], "when": "now", "do": "next"}


def digest_of(browser: Browser) -> str:
    """The plan that is shown."""
    found = re.search(r'name="digest" value="([^"]+)"', browser.html)
    assert found is not None, browser.html
    return found[1]


async def test_what_was_confirmed_twice_runs_once(browser: Browser, house: House, world: World) -> None:
    await to_settings(browser, world)
    await browser.post(**OFF)
    review, digest = browser.path, digest_of(browser)

    await browser.post(digest=digest, do="confirm")
    run = browser.path
    await browser.post(review, digest=digest, do="confirm")

    assert browser.path == run
    assert len(await house.leases.due()) == 1


async def test_a_session_that_ended_loses_no_settings(browser: Browser, world: World) -> None:
    await to_settings(browser, world)
    step, html = browser.path, browser.page
    browser.client.cookies.clear()
    browser.client.cookies.set("leaver", "ended")

    await browser.post(task=["set_out_of_office"], **{"set_out_of_office.internal": "Gone fishing"}, do="next")
    asked = browser.html
    browser.page = html
    await browser.sign_in()
    await browser.open(step)

    assert "You were signed out after 60 minutes" in asked
    assert "Your draft is kept." in asked
    assert "Gone fishing" in browser.html


async def test_nobody_fills_somebody_elses_draft_without_its_page(browser: Browser, house: House, world: World) -> None:
    await to_settings(browser, world)
    step = browser.path
    browser.client.cookies.clear()

    await browser.client.post(step, data={"csrf": "guessed", "task": "delete_user", "do": "next"})

    (draft,) = await house.papers.all("draft")
    assert draft["settings"] is None


async def test_deletion_keeps_what_it_makes_pointless_and_does_not_ask_for_it(
    browser: Browser, house: House, world: World
) -> None:
    await to_settings(browser, world)
    step = browser.path
    await browser.post(task=["delete_user", "convert_to_shared", "remove_groups"], when="now", do="next")
    planned = browser.html

    await browser.open(step)

    assert "Delete user" in planned
    assert "Convert to shared mailbox" not in planned
    assert 'value="convert_to_shared" aria-describedby="d-convert_to_shared" checked' in browser.html


async def test_each_user_is_decided_about_alone(browser: Browser, house: House, world: World) -> None:
    world.mailboxes["ada"].size = world.mailboxes["bob"].size = 60 * 1024**3
    await to_settings(browser, world, "ada", "bob")
    await browser.post(task=["convert_to_shared", "remove_licenses"], when="now", do="next")
    assert "2 blockers. Choose how to go on." in browser.html
    ada, bob = (f"decide|{world.users[name].id}|mailbox_over_50_gb" for name in ("ada", "bob"))

    await browser.post(do="decide", **{ada: "keep_user_mailbox"})
    between = browser.html
    await browser.post(do="decide", **{bob: "convert_anyway"})
    await browser.post(digest=digest_of(browser), do="confirm")
    await work(house)

    assert "1 blocker. Choose how to go on." in between
    assert world.mailboxes["ada"].kind == "UserMailbox"
    assert world.mailboxes["bob"].kind == "SharedMailbox"


async def test_a_decision_that_is_sent_with_the_confirmation_is_planned_first(
    browser: Browser, house: House, world: World
) -> None:
    world.add_group("project", owners=["ada"])
    await to_settings(browser, world)
    await browser.post(task=["remove_groups"], when="now", do="next")

    key = re.search(r'name="(decide\\|[^"]+last_owner:[^"]+)"', browser.html)
    assert key is not None
    await browser.post(digest=digest_of(browser), do="confirm", **{key[1]: "bob@contoso.example"})

    assert browser.path.endswith("/review")
    assert await house.leases.due() == []


async def test_a_tenant_that_changed_sends_back_with_the_difference(
    browser: Browser, house: House, world: World
) -> None:
    await to_settings(browser, world)
    await browser.post(task=["remove_groups"], when="now", do="next")
    digest = digest_of(browser)
    world.add_group("falcon", "ada", display_name="Project Falcon")

    await browser.post(digest=digest, do="confirm")

    assert "Contoso changed since" in browser.html
    assert "Ada Example: also group Project Falcon" in browser.html
    assert "your choices are kept" in browser.html
    assert await house.leases.due() == []


async def test_a_plan_is_read_behind_a_page_that_comes_again(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "PATIENCE", 0.0)
    await to_settings(browser, world)

    await browser.post(**OFF)
    reading = browser.page
    monkeypatch.setattr(readings, "PATIENCE", 20.0)
    await browser.open(browser.path)

    assert reading.headers["refresh"] == "5"
    assert "Reading Contoso: 0 of 1 user" in reading.text
    assert "What will change" in browser.html


async def test_names_that_are_html_stay_names(browser: Browser, house: House, world: World) -> None:
    world.users["ada"].display_name = "<script>alert('Ada')</script>" * 8
    await to_settings(browser, world)
    await browser.post(**OFF)
    review = browser.html
    await browser.post(digest=digest_of(browser), do="confirm")
    await work(house)
    run = await browser.open(browser.path)
    report = await browser.open(f"{browser.path}/report")
    home = await browser.open("/")

    assert all("<script>alert" not in page for page in (review, run, report, home))
    assert all("&lt;script&gt;alert" in page for page in (review, run, report, home))


async def test_fifty_users_and_no_more(browser: Browser, world: World) -> None:
    for number in range(52):
        world.add_user(f"many{number}", f"Many {number}")
    await browser.open("/offboardings/new")
    await browser.post(tenant=world.id)

    await browser.post(user=[world.users[f"many{number}"].id for number in range(52)], do="stay")

    assert "Up to 50 users in one offboarding. 2 were not added." in browser.html
    assert "50 selected" in browser.html


async def test_an_undo_makes_a_second_version_of_the_report(browser: Browser, house: House, world: World) -> None:
    await to_settings(browser, world)
    await browser.post(**OFF)
    await browser.post(digest=digest_of(browser), do="confirm")
    await work(house)
    run = browser.path
    first = await browser.open(f"{run}/report")
    await browser.open(f"{run}/undo")
    await browser.post(task=["disable_sign_in"])
    await work(house)

    second = await browser.open(f"{run}/report")
    earlier = await browser.open(f"{run}/report?version=1")

    assert "version 1" in first
    assert "version 2" in second
    assert "Put back" in second
    assert "Put back" not in earlier


async def test_the_list_is_found_by_technician_and_taken_away(
    browser: Browser, house: House, world: World, wire: Wire
) -> None:
    world.users["ada"].display_name = "=HYPERLINK(0)"
    await be(browser, house, "pat")
    await to_settings(browser, world)
    await browser.post(**OFF)
    await browser.post(digest=digest_of(browser), do="confirm")

    mine = await browser.open("/?by=pat")
    others = await browser.open("/?by=admin")
    table = await browser.open("/?format=csv")

    assert "ada@contoso.example" in mine
    assert "No offboardings match" in others
    assert "'=HYPERLINK(0)" in table
    assert wire.writes == []


async def test_a_draft_that_is_not_right_yet_leads_back_to_its_fields(browser: Browser, world: World) -> None:
    await to_settings(browser, world)
    step = browser.path
    await browser.post(task=["forward_mail"], **{"forward_mail.to": ""}, do="draft")

    await browser.open(step.replace("/settings", "/review"))

    assert "Fix 1 field to continue" in browser.html
    assert 'href="#forward_mail.to"' in browser.html


async def test_a_plan_that_another_tab_replaces_is_asked_for_again(
    browser: Browser, world: World, behaviour: Behaviour
) -> None:
    await to_settings(browser, world)
    settings = browser.path
    review = settings.replace("/settings", "/review")
    await browser.post(**OFF | {"do": "draft"})
    behaviour.latency["graph"] = 1000

    waiting = asyncio.create_task(browser.client.get(review))
    await asyncio.sleep(0.4)
    await browser.open(settings)
    await browser.post(**OFF | {"task": ["hide_from_gal"]})
    first = await waiting

    assert (first.status_code, first.headers["location"]) == (303, review)
    assert browser.path == review


async def test_whoever_was_quicker_is_named_and_the_tenant_is_not_said_to_have_changed(
    browser: Browser, house: House, world: World
) -> None:
    await to_settings(browser, world)
    await browser.post(**OFF)
    digest = digest_of(browser)
    asked = Request(world.id, ["ada@contoso.example"], {"hide_from_gal": True})
    await Desk(house).submit(asked, Actor("Tess"))

    await browser.post(digest=digest, do="confirm")

    assert "is under way" in browser.html
    assert "asked for by Tess" in browser.html
    assert "leaver status" not in browser.html
    assert "changed since" not in browser.html


@pytest.mark.parametrize(
    ("pasted", "names"),
    [
        ('"Vance, Adele" <a@x.example>; Bob <b@x.example>', ["a@x.example", "b@x.example"]),
        ("Vance, Adele <a@x.example>, Bob <b@x.example>", ["a@x.example", "b@x.example"]),
        ("Adele\ta@x.example\tSales\nBob\tb@x.example\t", ["a@x.example", "b@x.example"]),
        ("• a@x.example\r\n- mailto:b@x.example.", ["a@x.example", "b@x.example"]),
        ("\ufeff'a@x.example', a@X.example\u00a0b@x.example", ["a@x.example", "b@x.example"]),
        ("o'neil+test@x.example nobody", ["o'neil+test@x.example", "nobody"]),
        ("mia_y.example#EXT#@x.onmicrosoft.example", ["mia_y.example#EXT#@x.onmicrosoft.example"]),
        (" , ;\n--- ", []),
    ],
)
def test_a_pasted_list_is_read_as_people_write_it(pasted: str, names: list[str]) -> None:
    assert named_in(pasted) == names
