"""`leaver serve` is asked to stop: nothing is cut, what was accepted goes on afterwards, people stay signed in."""

from __future__ import annotations

import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from e2e.portal import PASSWORD, Server

pytestmark = pytest.mark.e2e


def _offboarding(server: Server, headers: dict[str, str], where: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{server.url}{where}", headers=headers, timeout=10).json()["offboardings"][0]
    return found


def test_a_stop_in_the_middle_of_a_run_cuts_nothing(server: Server) -> None:
    """SIGTERM while a run and several requests are under way."""
    headers, tenant = server.token(), server.terminal.tenant
    server.simulator("behaviour", {"latency": {"graph": 400, "exchange": 400, "sharepoint": 400}})
    body = {"tenantFilter": tenant["domain"], "user": tenant["leaver"], "DisableSignIn": True, "RemoveGroups": True}
    body |= {"ResetPass": True, "RemoveLicenses": True, "ConvertToShared": True}
    accepted = httpx.post(f"{server.url}/api/ExecOffboardUser", json=body, headers=headers, timeout=60)
    where = accepted.headers["location"]
    for _ in range(100):
        if _offboarding(server, headers, where)["state"] != "planned":
            break
        time.sleep(0.1)
    before = _offboarding(server, headers, where)

    server.simulator("behaviour", {"latency": {"graph": 1500, "exchange": 1500, "sharepoint": 1500}})
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(client.get, ["/healthz"] * 8))  # connections are open before the stop
        asked = [pool.submit(client.get, f"/api/ListUsers?tenantFilter={tenant['domain']}") for _ in range(4)]
        time.sleep(1.0)
        under_way = [not each.done() for each in asked]
        server.process.send_signal(signal.SIGTERM)
        answers = [each.result() for each in asked]
    ended = server.process.wait(45)
    server.simulator("behaviour", {"latency": {"graph": 0, "exchange": 0, "sharepoint": 0}})
    server.start()
    for _ in range(120):
        after = _offboarding(server, headers, where)
        if after["ended_at"]:
            break
        time.sleep(0.5)

    assert before["state"] == "running", before["state"]
    assert before["ended_at"] is None
    assert all(under_way)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(answer.json() for answer in answers)
    assert ended in (0, -signal.SIGTERM)
    assert after["state"] in ("completed", "follow_up"), after
    assert server.terminal.leaver("audit", "verify").returncode == 0


def test_a_restart_keeps_people_signed_in(server: Server) -> None:
    """The session is in the database, not in the process."""
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as browser:
        page = browser.get("/signin").text
        first = server.first_password()
        form = {"csrf": _csrf(page), "username": "admin", "password": first}
        page = browser.post("/signin", data=form).text
        change = {"csrf": _csrf(page), "old": first, "new": PASSWORD, "again": PASSWORD}
        browser.post("/password", data=change)
        inside = browser.get("/")
        server.process.terminate()
        server.process.wait(40)
        server.start()
        after = browser.get("/")

    assert inside.url.path == after.url.path
    assert after.status_code == 200
    assert "signin" not in str(after.url)


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    return found[1] if found else ""
