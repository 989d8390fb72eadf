"""What cannot be answered is a page for people, in the frame of whoever is signed in, and a document for programs."""

from __future__ import annotations

from web.conftest import Browser

ACCEPT = {"accept": "text/html,application/xhtml+xml"}


async def test_an_address_that_is_none_is_a_page_with_a_way_back(browser: Browser) -> None:
    answer = await browser.client.get("/nowhere", headers=ACCEPT)

    assert answer.status_code == 404
    assert "<h1>Page not found</h1>" in answer.text
    assert 'href="/"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_a_stranger_learns_no_more_than_where_to_sign_in(stranger: Browser) -> None:
    answer = await stranger.client.get("/nowhere", headers=ACCEPT)

    assert answer.status_code == 404
    assert 'href="/signin"' in answer.text
    assert "Offboardings" not in answer.text


async def test_a_wrong_method_and_a_malformed_address_are_pages_too(browser: Browser) -> None:
    method = await browser.client.delete("/tenants", headers=ACCEPT)
    malformed = await browser.client.get("/audit?before=soon", headers=ACCEPT)

    assert (method.status_code, malformed.status_code) == (405, 422)
    assert "<h1>That did not work</h1>" in method.text
    assert "<h1>That did not work</h1>" in malformed.text


async def test_programs_get_a_document(browser: Browser) -> None:
    answer = await browser.client.get("/api/v1/nowhere", headers=ACCEPT)

    assert answer.status_code == 404
    assert answer.json()["code"] == "no_such_page"
