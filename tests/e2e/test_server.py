"""`leaver serve` as a process of its own: killed during a run, and called by a program."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from e2e.portal import Server

pytestmark = pytest.mark.e2e


def test_a_program_offboards_over_http_although_the_server_is_killed(server: Server) -> None:
    headers, tenant = server.token(), server.terminal.tenant
    body = {"tenantFilter": tenant["domain"], "user": tenant["leaver"], "DisableSignIn": True, "RemoveGroups": True}

    answer = httpx.post(f"{server.url}/api/ExecOffboardUser", json=body, headers=headers, timeout=30)
    server.process.kill()
    server.process.wait(10)
    server.start()
    shown: dict[str, Any] = {}
    for _ in range(120):
        found = httpx.get(f"{server.url}{answer.headers['location']}", headers=headers, timeout=10).json()
        shown = found["offboardings"][0]
        if shown["ended_at"]:
            break
        time.sleep(0.5)

    assert answer.status_code == 200, answer.text
    assert shown["state"] in ("completed", "follow_up"), shown
    users = httpx.get(f"{server.url}/api/ListUsers?tenantFilter={tenant['domain']}", headers=headers, timeout=30).json()
    assert next(u for u in users if u["userPrincipalName"] == tenant["leaver"])["accountEnabled"] is False
    assert server.terminal.leaver("audit", "verify").returncode == 0
