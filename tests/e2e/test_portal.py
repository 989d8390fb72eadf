"""The portal as people use it, in Chromium, each with a server and a simulator of its own."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.portal import Server, Visitor

pytestmark = pytest.mark.e2e
ADELE = "adele.vance@contoso.example"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_from_the_first_sign_in_to_a_verified_offboarding_and_back(server: Server, browser: Any, script: bool) -> None:
    """Everything once with and once without JavaScript: wizard, run, report, undo, signing out."""
    somebody = Visitor(browser, server, java_script_enabled=script).sign_in()
    page = somebody.page
    page.click("text=New offboarding")
    page.check("input[name=tenant] >> nth=0")
    page.click("text=Next: users")
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
