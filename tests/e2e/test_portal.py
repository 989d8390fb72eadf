"""The portal as people use it, in Chromium, each with a server and a simulator of its own."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.portal import Server, Visitor

pytestmark = pytest.mark.e2e
NOTE_WHAT_IS_SWAPPED = """
    sessionStorage.swapped = 0;
    const added = (news) => news.flatMap((one) => [...one.addedNodes]).filter((node) => node.id?.startsWith('user-'));
    new MutationObserver((news) => { sessionStorage.swapped = +sessionStorage.swapped + added(news).length; })
        .observe(document.body, { childList: true, subtree: true });
"""


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_from_the_first_sign_in_to_a_verified_offboarding_and_back(server: Server, browser: Any, script: bool) -> None:
    """Everything once with and once without JavaScript: wizard, run, report, undo, signing out."""
    somebody = Visitor(browser, server, java_script_enabled=script).sign_in()
    page = somebody.page
    page.click("text=New offboarding")
    page.check("input[name=tenant] >> nth=0")
    page.click("text=Next: select users")
    page.fill("input[name=q]", "adele")
    page.click("form[role=search] button")
    page.wait_for_selector(".picker >> text=Adele Vance")
    page.check("input[name=user] >> nth=0")
    page.click("text=Next: settings")
    for task in ("disable_sign_in", "remove_groups", "cancel_meetings"):
        page.check(f"#t-{task}")
    page.click("text=Next: review plan")
    name = page.inner_text(".type-name")
    somebody.confirm()
    somebody.ended()
    run = page.url
    page.click("text=Report")
    assert "Adele Vance" in page.inner_text("h1")
    page.goto(f"{run}/undo")
    page.uncheck("input[value=remove_groups]")
    page.click("button:text('Put back')")
    somebody.ended()
    page.click("button.me")
    page.click("text=Sign out")
    page.wait_for_selector("h1 >> text=Sign in")
    page.goto(run)
    page.wait_for_selector("h1 >> text=Sign in")

    assert name == "Adele Vance"
    assert somebody.problems == []


def test_five_users_from_a_pasted_list_live_on_one_page(server: Server, browser: Any) -> None:
    somebody = Visitor(browser, server).sign_in()
    somebody.to_review_of_five()
    page = somebody.page
    server.simulator("behaviour", {"latency": {"graph": 400}})
    somebody.confirm()
    page.wait_for_selector("h1 >> text=5 users of Contoso")
    page.evaluate(NOTE_WHAT_IS_SWAPPED)
    page.wait_for_selector("#summary >> text=All have ended", timeout=40_000)

    assert int(page.evaluate("sessionStorage.swapped")) >= 5
    assert page.locator("tbody >> text=/Completed|Follow-up/").count() == 5
    assert somebody.problems == []


def test_a_failed_task_is_retried_and_another_skipped_with_a_note(server: Server, browser: Any) -> None:
    server.simulator("faults", [{"match": "Set-Mailbox", "status": 403}, {"match": "DELETE /groups", "status": 403}])
    somebody = Visitor(browser, server).sign_in()
    somebody.to_review("adele", tasks=("disable_sign_in", "convert_to_shared", "remove_groups"))
    somebody.confirm()
    somebody.ended("Failed")
    page = somebody.page
    banner = page.inner_text("#banner")
    somebody.skip_and_retry()

    assert "Go to the failed task" in banner
    assert "Verified" in page.inner_text("#task-convert_to_shared")


def test_a_run_is_seen_live_through_a_restart_and_cancelled(server: Server, browser: Any) -> None:
    somebody = Visitor(browser, server).sign_in()
    somebody.start_slowly()
    page = somebody.page
    server.kill()
    page.wait_for_selector("#offline >> text=Live updates paused", timeout=20_000)
    server.start()
    page.wait_for_selector("#offline", state="hidden", timeout=40_000)
    somebody.cancel_the_rest()

    assert [problem for problem in somebody.problems if "ERR_" not in problem] == []  # the dead server is no surprise


def test_a_wait_for_microsoft_is_counted_down_for_whoever_comes_in_the_middle(server: Server, browser: Any) -> None:
    fault = {"match": "Set-Mailbox ", "status": 429, "headers": {"Retry-After": "15"}, "times": 1}
    server.simulator("faults", fault)
    somebody = Visitor(browser, server).sign_in()
    somebody.to_review("adele", tasks=("hide_from_gal",))
    somebody.confirm()
    page = somebody.page
    wait = "#task-hide_from_gal [data-left]"
    page.wait_for_selector("#task-hide_from_gal >> text=/Exchange is busy .429.. Attempt 2 in \\d+ s/")
    page.reload()
    first, worked = page.inner_text(wait), page.inner_text("#task-hide_from_gal .dur")
    page.wait_for_timeout(2500)
    then, longer = page.inner_text(wait), page.inner_text("#task-hide_from_gal .dur")
    page.wait_for_selector("#said >> text=/Running, 0 of 1 task finished/", state="attached")
    somebody.ended("Completed")

    assert int(then.split()[1]) < int(first.split()[1]) <= 15
    assert int(longer.split()[0]) > int(worked.split()[0])
    assert "Attempt" not in page.inner_text("#tasks")
    assert somebody.problems == []


def test_a_blocker_is_resolved_and_the_run_scheduled_in_the_viewers_time_zone(server: Server, browser: Any) -> None:
    somebody = Visitor(browser, server, timezone_id="Asia/Tokyo").sign_in()
    page = somebody.page
    somebody.to_later("grady", "2099-06-12T17:30")
    zone = page.input_value("#tz")
    page.click("text=Next: review plan")
    blocked = somebody.decide_and_schedule()
    tokyo = page.inner_text(".run-head")
    page.goto("/settings/appearance")
    page.select_option("#zone", "America/New_York")
    page.click("text=Save appearance")
    page.goto("/?status=scheduled")

    assert zone == "Asia/Tokyo"
    assert "Resolve the blocker to continue." in blocked
    assert "12 Jun 2099, 17:30:00" in tokyo
    assert "12 Jun 2099, 04:30" in page.inner_text("#rows")
    assert page.get_attribute("#rows time", "datetime") == "2099-06-12T08:30:00+00:00"
    assert somebody.problems == []


def test_colleagues_are_offered_while_somebody_types_and_kept_as_chips(server: Server, browser: Any) -> None:
    somebody = Visitor(browser, server).sign_in()
    somebody.to_settings("adele")
    page, entry = somebody.page, "[id='grant_onedrive_access.people']"
    page.check("#t-grant_onedrive_access")
    page.locator(entry).press_sequentially("megan")
    page.wait_for_selector("#colleagues option[value='megan.bowen@contoso.example']", state="attached")
    page.fill(entry, "megan.bowen@contoso.example, lee.gu@contoso.example")
    page.press(entry, "Enter")
    page.click("[aria-label='Remove lee.gu@contoso.example']")
    page.click("text=Next: review plan")
    page.wait_for_selector("button[value=confirm]")

    assert "Megan Bowen" in page.inner_text("main")
    assert "Lee Gu" not in page.inner_text("main")
    assert somebody.problems == []


def test_an_older_answer_never_takes_the_place_of_a_newer_one(server: Server, browser: Any) -> None:
    somebody = Visitor(browser, server).sign_in()
    somebody.to_users()
    page = somebody.page
    page.wait_for_load_state()
    server.simulator("behaviour", {"latency": {"graph": 1500}})
    with page.expect_request("**/users?q=meg*"):
        page.locator("input[type=search]").press_sequentially("meg")
    server.simulator("behaviour", {"latency": {"graph": 0}})
    page.fill("input[type=search]", "adele")
    page.wait_for_selector(".picker li:only-child >> text=Adele Vance")
    page.wait_for_timeout(2000)  # the older answer has had its time

    assert page.inner_text(".picker .name") == "Adele Vance"
    assert somebody.problems == []


def test_a_session_that_ends_in_the_middle_and_a_colleague_at_the_same_user(server: Server, browser: Any) -> None:
    one, other = (Visitor(browser, server).sign_in() for _ in range(2))
    one.to_review("adele")
    other.to_review("adele")
    one.lose_session_in_review()
    one.confirm()
    one.ended()
    other.confirm()

    assert one.problems == []
    assert "changed since" in other.page.inner_text("main")


def test_with_the_keyboard_alone(server: Server, browser: Any) -> None:
    somebody = Visitor(browser, server).sign_in()
    page = somebody.page
    page.keyboard.press("n")
    page.wait_for_selector("text=Which tenant")
    page.focus("input[name=tenant] >> nth=0")
    page.keyboard.press("Space")
    tab_to(page, "text=Next: select users")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Who is leaving")
    page.wait_for_load_state()  # a shortcut works once the script is there
    page.keyboard.press("/")
    page.keyboard.type("adele")
    page.wait_for_selector(".picker li:only-child >> text=Adele Vance")
    tab_to(page, "input[name=user]")
    page.keyboard.press("Space")
    tab_to(page, "text=Next: settings")
    page.keyboard.press("Enter")
    tab_to(page, "#t-disable_sign_in")
    page.keyboard.press("Space")
    tab_to(page, "text=Next: review plan")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=What will change")
    tab_to(page, "button[value=confirm]")
    page.keyboard.press("Enter")
    somebody.ended()
    tab_to(page, "text=Undo…")
    page.keyboard.press("Enter")
    opened = page.is_visible("#undo")
    page.keyboard.press("Escape")
    focused = page.evaluate("document.activeElement.textContent.trim()")
    page.emulate_media(media="print")

    assert opened
    assert not page.is_visible("#undo")
    assert focused == "Undo…"
    assert not page.is_visible("nav.nav")
    assert not page.is_visible("header.bar")
    assert page.is_visible("#tasks")


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until it has the focus."""
    wanted = page.wait_for_selector(selector, state="attached")
    for _ in range(150):
        page.keyboard.press("Tab")
        if wanted.evaluate("found => found === document.activeElement || found.contains(document.activeElement)"):
            return
    raise AssertionError(f"{selector} is not reached with Tab")
