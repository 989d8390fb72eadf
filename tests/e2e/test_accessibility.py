"""Every page and every opened dialog, light and dark, wide and narrow: nothing for axe, nothing in the console."""

from __future__ import annotations

import re
from typing import Any

import pytest

from e2e.portal import Server, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
EVERY_RULE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ANSWERED = re.compile(r"status of (400|401|404) ")
"""What Chromium writes down of answers that are meant to be so."""
OF_COLOUR = ["color-contrast", "link-in-text-block"]
"""What another theme can break; the rest of a page is the same in both."""
SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 375, "height": 812}}
BETWEEN = (320, 600, 861, 1021, 1121, 1280, 3840)
"""Widths on either side of where the layout changes, and the extremes."""
STICKS_OUT = """() => [...document.querySelectorAll('main .card *, main .note *, main .strip *')].filter((each) => {
  const apart = each.closest('.sr, svg, .table-wrap, .tabs, .log, [popover], dialog, option');
  const box = each.parentElement.closest('.card, .note, .strip').getBoundingClientRect();
  const own = each.getBoundingClientRect();
  return !apart && each.checkVisibility() && own.width && (own.right > box.right + 1 || own.left < box.left - 1);
}).map((each) => each.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_violation_anywhere(shared_server: Server, browser: Any, theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    outside = Visitor(browser, shared_server, color_scheme=theme)
    outside.page.goto("/signin")
    found = looked_at(axe, outside, "/signin")
    outside.enter("nobody", "not-the-password")
    outside.page.wait_for_selector(".note.bad")
    found += looked_at(axe, outside, "/signin refused")
    visitor = Visitor(browser, shared_server, color_scheme=theme).sign_in()
    seen, waiting = set(), [*prepared(shared_server), *steps(visitor), "/", "/password"]
    while waiting:
        path = waiting.pop()
        if shape(path) in seen:
            continue
        seen.add(shape(path))
        answer = visitor.page.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        found += looked_at(axe, visitor, path)
        waiting += links(visitor.page)

    visitor.to_settings("lidia")
    visitor.page.click("text=Next: review plan")
    visitor.page.wait_for_selector("#errors:focus")
    found += looked_at(axe, visitor, "settings without a task")

    for stranger in (visitor, outside):
        answer = stranger.page.goto("/nowhere")
        assert answer is not None
        assert answer.status == 404
        found += looked_at(axe, stranger, "/nowhere")
        stranger.problems = [problem for problem in stranger.problems if not ANSWERED.search(problem)]

    assert len(seen) > 12
    assert found == []
    assert outside.problems + visitor.problems == []


def test_no_violation_while_something_is_under_way(server: Server, browser: Any) -> None:
    """A plan that is being read, and a run that goes on while somebody looks at it."""
    from axe_playwright_python.sync_playwright import Axe

    axe, found, problems = Axe(), list[str](), list[str]()
    for theme, user in (("light", "adele"), ("dark", "lee.gu")):
        visitor = Visitor(browser, server, color_scheme=theme).sign_in()
        page = visitor.page
        visitor.to_settings(user)
        page.check("#t-disable_sign_in")
        page.check("#t-remove_groups")
        review = page.url.partition("/settings")[0] + "/review"
        page.click("button[value=draft]")
        page.wait_for_url("**/drafts*")
        server.simulator("behaviour", {"latency": {"graph": 2000}})
        reading = page.request.get(review).text()
        assert 'aria-busy="true"' in reading
        page.set_content(reading.replace("data-reload", "data-not"))  # so that it holds still
        found += in_both_sizes(axe, visitor, f"reading, {theme}")

        server.simulator("behaviour", {"latency": {"graph": 0}})
        page.goto(review)
        page.wait_for_selector("button[value=confirm]")
        server.simulator("behaviour", {"latency": {"graph": 1200}})
        visitor.confirm()
        page.wait_for_selector("#summary >> text=Running", timeout=40_000)
        found += in_both_sizes(axe, visitor, f"running, {theme}")
        server.simulator("behaviour", {"latency": {"graph": 0}})
        visitor.ended()
        problems += visitor.problems

    assert found == []
    assert problems == []


def in_both_sizes(axe: Any, visitor: Visitor, where: str) -> list[str]:
    """What axe finds on a page that changes while it is looked at."""
    found = []
    for size, viewport in SIZES.items():
        visitor.page.set_viewport_size(viewport)
        found += [f"{where}, {size}: {text}" for text in violations(axe, visitor.page)]
        found += scrolls_sideways(visitor.page, f"{where}, {size}")
    return found


def looked_at(axe: Any, visitor: Visitor, path: str) -> list[str]:
    """What axe and the eye find on the page and on each dialog and menu of it."""
    page, found = visitor.page, []
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        found += [f"{path} {size}: {text}" for text in violations(axe, page)]
        found += scrolls_sideways(page, f"{path} {size}")
        for opener in page.query_selector_all("[popovertarget]:not([popovertargetaction]), [aria-haspopup=dialog]"):
            if opener.is_visible():
                opener.click()
                name = opener.inner_text().strip() or opener.get_attribute("aria-label")
                found += [f"{path} {size}, {name} open: {text}" for text in violations(axe, page)]
                page.keyboard.press("Escape")
    for width in BETWEEN if not is_dark(page) else ():
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{path} at {width} px: sticks out: {each}" for each in page.evaluate(STICKS_OUT)]
        found += scrolls_sideways(page, f"{path} at {width} px")
    return found


def scrolls_sideways(page: Any, where: str) -> list[str]:
    """A page never does."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{where}: scrolls sideways by {wide} px"] if wide > 0 else []


def is_dark(page: Any) -> bool:
    """Whether the visitor wants it so."""
    return bool(page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"))


def violations(axe: Any, page: Any) -> list[str]:
    """In one line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.axe_script)
    rules = {"type": "rule", "values": OF_COLOUR} if is_dark(page) else {"type": "tag", "values": EVERY_RULE}
    response = page.evaluate("given => axe.run(given)", {"runOnly": rules, "resultTypes": ["violations"]})
    return [
        f"{each['id']} at {node['target']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for each in response["violations"]
        for node in each["nodes"]
    ]


def links(page: Any) -> list[str]:
    """Where the page leads to within the portal; files to keep are not opened."""
    every = page.eval_on_selector_all("a[href]:not([download])", "found => found.map(a => a.getAttribute('href'))")
    return [href.partition("#")[0] for href in every if href.startswith("/") and not href.startswith("/api/")]


def shape(path: str) -> str:
    """What pages of one kind have in common; each offboarding is a kind of its own, since it shows another state."""
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "TENANT", path.partition("?")[0])
    return "/offboardings/new" if re.fullmatch(r"/offboardings/new(/\w+)?", path) else path


def prepared(server: Server) -> list[str]:
    """Offboardings in every state that a page shows differently."""
    if not server.call("GET", "/api/v1/offboardings")["items"]:
        tenant = server.terminal.tenant["id"]
        server.simulator("faults", {"match": "Get-Mailbox", "status": 403, "times": 1})
        assert server.call("GET", f"/api/v1/tenants/{tenant}/health")["status"] == "limited"  # its page shows why
        server.simulator("faults", {"match": "Set-Mailbox", "status": 403, "times": None})
        server.call("POST", "/api/v1/webhooks", json={"name": "HaloPSA", "url": "https://hooks.example.com/leaver"})
        server.call("POST", "/api/v1/tokens", json={"name": "HaloPSA", "role": "viewer"})
        failed = server.offboard("lee.gu@contoso.example", {"disable_sign_in": True, "convert_to_shared": True})
        done = server.offboard(
            "adele.vance@contoso.example",
            {"disable_sign_in": True, "remove_groups": True, "cancel_meetings": True, "remove_rules": True},
        )
        server.until(failed, "failed")
        server.until(done, "completed", "follow_up")  # before the rule, which asks again when a run begins
        later = {"at": "2099-06-12T17:30:00Z", "time_zone": "Europe/Amsterdam"}
        server.offboard("joni.sherman@contoso.example", {"disable_sign_in": True}, **later)
        server.call("PUT", "/api/v1/approval-rule", json={"permanent": True, "privileged": False})
        server.offboard("alex.wilber@contoso.example", {"delete_user": True})  # waits for a second person
        server.call("PUT", "/api/v1/approval-rule", json={"permanent": False, "privileged": False})
    every = server.call("GET", "/api/v1/offboardings")["items"]
    ended = [each for each in every if each["state"] in ("completed", "follow_up", "failed")]
    undone = [each for each in ended if any(task["outcome"] == "verified" for task in each["tasks"])]
    return [f"/offboardings/{each['id']}" for each in every] + [f"/offboardings/{each['id']}/undo" for each in undone]


def steps(visitor: Visitor) -> list[str]:
    """Two users started together; the steps of the wizard, with a blocker and a warning in the plan."""
    visitor.to_review("isaiah", "megan")
    visitor.confirm()
    visitor.page.wait_for_selector("text=2 users of")
    together = visitor.page.url.removeprefix(visitor.server.url)
    visitor.page.goto("/password")  # that of a run asks for itself again at its end, in the middle of what follows
    for each in visitor.server.call("GET", "/api/v1/offboardings?limit=2")["items"]:
        visitor.server.until(each["id"], "completed", "follow_up", "failed")  # meanwhile no earlier one can be undone
    visitor.to_review("grady", "henrietta", tasks=("disable_sign_in", "convert_to_shared", "remove_licenses"))
    base = visitor.page.url.removeprefix(visitor.server.url).rpartition("/")[0]
    return [together, *(f"{base}/{step}" for step in ("tenant", "users", "settings", "review"))]
