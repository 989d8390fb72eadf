"""What people do in the portal, once more without JavaScript: forms, links, and pages that ask again by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.portal import Server, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def somebody(browser: Any, server: Server, **options: Any) -> Visitor:
    """Somebody whose browser runs no script."""
    return Visitor(browser, server, java_script_enabled=False, **options).sign_in()


def test_five_users_from_a_pasted_list(shared_server: Server, browser: Any) -> None:
    visitor = somebody(browser, shared_server)
    visitor.to_review_of_five()
    page = visitor.page
    visitor.confirm()
    page.wait_for_selector("h1 >> text=5 users of Contoso")
    page.wait_for_selector("#summary >> text=All have ended", timeout=60_000)

    assert page.locator("tbody >> text=/Completed|Follow-up/").count() == 5
    assert visitor.problems == []


def test_a_blocker_is_resolved_and_the_run_scheduled(shared_server: Server, browser: Any) -> None:
    visitor = somebody(browser, shared_server)
    page = visitor.page
    visitor.to_later("grady", "2099-06-12T17:30")
    page.fill("#tz", "Asia/Tokyo")
    page.click("text=Next: review plan")
    blocked = visitor.decide_and_schedule()

    assert "Resolve the blocker to continue." in blocked
    assert page.get_attribute(".run-head time >> nth=0", "datetime") == "2099-06-12T08:30:00+00:00"
    assert visitor.problems == []


def test_the_session_ends_in_the_middle_and_a_colleague_is_at_the_same_user(
    shared_server: Server, browser: Any
) -> None:
    one, other = somebody(browser, shared_server), somebody(browser, shared_server)
    one.to_review("adele")
    other.to_review("adele")
    one.lose_session_in_review()
    one.confirm()
    one.ended()
    other.confirm()

    assert "changed since" in other.page.inner_text("main")
    assert one.problems == []


def test_a_failed_task_is_retried_and_another_skipped_with_a_note(server: Server, browser: Any) -> None:
    server.simulator("faults", [{"match": "Set-Mailbox", "status": 403}, {"match": "DELETE /groups", "status": 403}])
    visitor = somebody(browser, server)
    visitor.to_review("adele", tasks=("disable_sign_in", "convert_to_shared", "remove_groups"))
    visitor.confirm()
    visitor.ended("Failed")
    page = visitor.page
    visitor.skip_and_retry()

    assert "Verified" in page.inner_text("#task-convert_to_shared")
    assert visitor.problems == []


def test_a_run_goes_on_through_a_restart_and_is_cancelled(server: Server, browser: Any) -> None:
    visitor = somebody(browser, server)
    visitor.start_slowly()
    page = visitor.page
    run = page.url
    server.kill()
    server.start()
    page.goto(run)
    visitor.cancel_the_rest()

    assert [problem for problem in visitor.problems if "ERR_" not in problem] == []
