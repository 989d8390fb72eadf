"""A session that ends while somebody fills in the wizard, in Chromium: nothing of what they chose is lost."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.portal import PASSWORD, Server, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_settings_sent_too_late_are_still_there(shared_server: Server, browser: Any, script: bool) -> None:
    visitor = Visitor(browser, shared_server, java_script_enabled=script).sign_in()
    visitor.to_settings("lee")
    page = visitor.page
    page.check("#t-set_out_of_office")
    page.fill("[name='set_out_of_office.internal']", "Lee has left Contoso.")
    settings = page.url
    visitor.context.clear_cookies(name="leaver")
    page.click("text=Next: review plan")
    page.wait_for_selector("h1 >> text=Sign in")
    visitor.enter("admin", PASSWORD)
    page.wait_for_selector("#t-set_out_of_office")

    assert page.url.partition("?")[0] == settings.partition("?")[0]
    assert page.is_checked("#t-set_out_of_office")
    assert page.input_value("[name='set_out_of_office.internal']") == "Lee has left Contoso."
    assert visitor.problems == []
