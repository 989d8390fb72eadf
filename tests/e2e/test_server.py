"""`leaver serve` as a process of its own: in Chromium, killed during a run, and called by a program."""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.terminal import Terminal

pytestmark = pytest.mark.e2e
PASSWORD = "a-password-of-the-tests"


@dataclass
class Server:
    """A running server, and how to start it again."""

    terminal: Terminal
    port: int
    process: Any = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = self.terminal.start("serve", LEAVER_PORT=str(self.port), LEAVER_LEASE_SECONDS="3")
        for _ in range(150):
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError((self.terminal.folder / "log.txt").read_text())

    def first_password(self) -> str:
        """What the first start printed."""
        found = re.search(r"password (\S+) \(to be changed", (self.terminal.folder / "log.txt").read_text())
        assert found is not None
        return found[1]

    def token(self) -> dict[str, str]:
        """A program's header."""
        made = self.terminal.leaver("token", "create", "--name", "test", "--role", "administrator", "--json")
        assert made.returncode == 0, made.stderr
        import json

        return {"Authorization": f"Bearer {json.loads(made.stdout)['token']}"}


@pytest.fixture
def server(terminal: Terminal) -> Iterator[Server]:
    """A server on a simulator of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(terminal, port)
    server.start()
    yield server
    server.process.terminate()
    server.process.wait(40)


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


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium: install the package chromium.")
        pytest.skip("Chromium is not installed")
    return found


@pytest.mark.parametrize("script", [True, False])
def test_the_wizard_in_a_real_browser(server: Server, tmp_path: Path, script: bool) -> None:
    """From the first sign-in to a verified offboarding; no error in the console, no request to another host."""
    chromium = _chromium()
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=script).new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on(
            "request", lambda sent: None if sent.url.startswith((server.url, "data:")) else problems.append(sent.url)
        )
        page.goto(server.url)
        page.fill("#u", "admin")
        page.fill("#p", server.first_password())
        page.click("button[type=submit]")
        page.fill("#o", server.first_password())
        page.fill("#n", PASSWORD)
        page.click("button[type=submit]")
        page.click("text=New offboarding")
        page.check("input[name=tenant] >> nth=0")
        page.click("text=Next: users")
        page.fill("input[name=q]", "adele")
        page.click("form[role=search] button")
        page.check("input[name=user] >> nth=0")
        page.click("text=Next: settings")
        for task in ("disable_sign_in", "remove_groups", "cancel_meetings"):
            page.check(f"#t-{task}")
        page.click("text=Next: review plan")
        name = page.text_content(".type-name") or ""
        page.fill("input[name^='confirm:']", name)
        page.click("button[value=confirm]")
        page.wait_for_selector(".run-head >> text=/Completed|Follow-up/", timeout=60_000)
        page.screenshot(path=str(tmp_path / "run.png"))
        browser.close()

    assert name == "Adele Vance"
    assert problems == []
