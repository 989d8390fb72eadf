"""A second person in front of the portal, in Chromium: asked, told, agreed, done."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.portal import PASSWORD, Server, Visitor

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_deletion_waits_for_a_colleague_who_was_just_added(server: Server, browser: Any, script: bool) -> None:
    asking = Visitor(browser, server, java_script_enabled=script).sign_in()
    page = asking.page
    page.goto("/settings/people")
    page.fill("#pn-n", "Pat Miller")
    page.select_option("#r-new", "operator")
    page.click("button[value=add]")
    first = page.inner_text("#secret")
    page.goto("/settings/approval")
    page.check("input[name=permanent]")
    page.click("button:text('Save')")
    page.wait_for_selector("text=Saved")
    asking.to_review("adele", tasks=("disable_sign_in", "delete_user"))
    asking.confirm()
    page.wait_for_selector("text=Somebody else must decide")
    run = page.url
    assert page.locator("button:text('Approve')").count() == 0

    second = Visitor(browser, server, java_script_enabled=script)
    page = second.page
    page.goto("/signin")
    second.enter("Pat Miller", first)
    page.fill("#o", first)
    page.fill("#n", PASSWORD + "2")
    page.click("button[type=submit]")
    page.click("text=To approve")
    page.click("a:text('Adele Vance')")
    assert page.url == run
    page.fill("#ap-note", "Agreed with HR")
    page.click("button:text('Approve')")
    second.ended()

    assert "Approved by Pat Miller" in page.inner_text("#approval")
    assert "Agreed with HR" in page.inner_text("#approval")
    assert asking.problems + second.problems == []
