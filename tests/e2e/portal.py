"""The portal as a process of its own, and a person in front of it in Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from e2e.terminal import Terminal

PASSWORD = "a-password-of-the-tests"
FIVE = ("lee.gu", "alex.wilber", "joni.sherman", "henrietta.mueller", "megan.bowen")


@dataclass
class Server:
    """A running server, and how to start it again."""

    terminal: Terminal
    port: int
    process: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = self.terminal.start(
            "serve", LEAVER_PORT=str(self.port), LEAVER_LEASE_SECONDS="3", LEAVER_HEALTH_SECONDS="0"
        )
        for _ in range(150):
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError((self.terminal.folder / "log.txt").read_text())

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(10)

    def first_password(self) -> str:
        """What the first start printed."""
        found = re.search(r"password (\S+) \(to be changed", (self.terminal.folder / "log.txt").read_text())
        assert found is not None
        return found[1]

    def token(self) -> dict[str, str]:
        """A program's header."""
        if not self.headers:
            self.headers = {"Authorization": f"Bearer {self.terminal.token()}"}
        return self.headers

    def call(self, method: str, path: str, **options: Any) -> Any:
        """What the API answers to a program."""
        answer = httpx.request(method, f"{self.url}{path}", headers=self.token(), timeout=60, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def offboard(self, user: str, settings: dict[str, Any], **more: Any) -> str:
        """Have a program offboard somebody; the offboarding's id."""
        body = {"tenant": self.terminal.tenant["domain"], "users": [user], "settings": settings}
        planned = self.call("POST", "/api/v1/plans", json=body)
        made = self.call("POST", "/api/v1/offboardings", json={**body, "digest": planned["digest"], **more})
        return str(made["offboardings"][0]["id"])

    def until(self, offboarding_id: str, *states: str) -> dict[str, Any]:
        """The offboarding, once it is in one of these states."""
        shown: dict[str, Any] = {}
        for _ in range(200):
            found = self.call("GET", f"/api/v1/offboardings/{offboarding_id}")
            shown = found["offboardings"][0]
            if shown["state"] in states and (shown["state"] in ("running", "scheduled") or shown["ended_at"]):
                return shown
            time.sleep(0.2)
        raise AssertionError(shown)

    def simulator(self, what: str, body: Any = None) -> Any:
        """Ask the simulator something, or tell it."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.terminal.ready['control']}/{what}", data=data)
        request.add_header("Content-Type", "application/json")
        context = ssl.create_default_context(cafile=self.terminal.ready["ca_file"])
        with urllib.request.urlopen(request, context=context) as answer:
            return json.load(answer)


@contextmanager
def serving(terminal: Terminal) -> Iterator[Server]:
    """A server in this terminal."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(terminal, port)
    server.start()
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(40)


def chromium() -> str:
    """Where Chromium is; without it there is nothing to test."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium: install the package chromium.")
        pytest.skip("Chromium is not installed")
    return found


@contextmanager
def browsing() -> Iterator[Any]:
    """Chromium."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """Somebody in front of a page of the portal, who writes down what a page must never do."""

    def __init__(self, browser: Any, server: Server, **options: Any) -> None:
        self.server = server
        self.problems: list[str] = []
        """Errors in the console, reports of the policy, failed requests, and requests to another host."""
        self.context = browser.new_context(base_url=server.url, **options)
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._see)

    def sign_in(self, name: str = "admin", password: str = PASSWORD) -> Visitor:
        """As a person does; who signs in first chooses a password."""
        page = self.page
        page.goto("/signin")
        self.enter(name, self._first(name) or password)
        if page.url.endswith("/password"):
            page.fill("#o", self._first(name))
            page.fill("#n", password)
            page.click("button[type=submit]")
            page.wait_for_selector("h1 >> text=Offboardings")
            (self.server.terminal.folder / "changed").touch()
        return self

    def enter(self, name: str, password: str) -> None:
        """Fill in the sign-in page."""
        self.page.fill("#u", name)
        self.page.fill("#p", password)
        self.page.click("button[type=submit]")

    def to_users(self) -> None:
        """Through the first step of the wizard."""
        page = self.page
        page.goto("/offboardings/new")
        page.check(f"input[name=tenant][value='{self.server.terminal.tenant['id']}']")
        page.click("text=Next: select users")

    def to_settings(self, *names: str) -> None:
        """Through the first two steps, with these users."""
        self.to_users()
        page = self.page
        for name in names:
            page.goto(f"{page.url.partition('?')[0]}?q={name}")
            page.check("input[name=user] >> nth=0")
            self.keep()
        page.click("text=Next: settings")

    def keep(self) -> None:
        """Have the selection kept: with a script it is, without one somebody asks for it."""
        button = self.page.query_selector("noscript button[value=stay]")
        if button is not None and button.is_visible():
            button.click()
        self.page.wait_for_selector("#tray >> text=/^[1-9]\\d* selected$/")

    def to_review(self, *names: str, tasks: tuple[str, ...] = ("disable_sign_in",)) -> None:
        """Through the first three steps."""
        self.to_settings(*names)
        for task in tasks:
            self.page.check(f"#t-{task}")
        self.page.click("text=Next: review plan")

    def to_review_of_five(self) -> None:
        """Five people from a pasted list with one who is not there, through the first three steps."""
        self.to_users()
        page = self.page
        page.click("text=Paste a list")
        page.fill("#upns", "\n".join(f"{name}@contoso.example" for name in (*FIVE, "nobody")))
        page.click("button[value=paste]")
        page.wait_for_selector("text=Not found: nobody@contoso.example")
        page.click("text=Select 5 users")
        page.wait_for_selector("#tray >> text=5 selected")
        page.click("text=Next: settings")
        page.check("#t-disable_sign_in")
        page.click("text=Next: review plan")
        page.wait_for_selector("text=5 users")

    def to_later(self, name: str, at: str) -> None:
        """Somebody with a blocker in their plan, through the first two steps, and when it is to start."""
        self.to_settings(name)
        page = self.page
        page.check("#t-convert_to_shared")
        page.check("#t-remove_licenses")
        page.check("#later")
        page.fill("#at", at)

    def decide_and_schedule(self) -> str:
        """Resolve the blocker and schedule the run; what the foot of the page said before."""
        page = self.page
        page.wait_for_selector("text=Apply and read again")
        said = str(page.inner_text(".wiz-foot"))
        page.check("input[name^='decide|'] >> nth=0")
        page.click("text=Apply and read again")
        page.click("button:text('Schedule 1 user')")
        page.wait_for_selector("#summary >> text=Scheduled")
        return said

    def skip_and_retry(self) -> None:
        """Skip the failed groups with a note, and retry the failed conversion."""
        page = self.page
        page.click("#task-remove_groups >> text=Skip with a note…")
        page.fill("#note-remove_groups", "The service desk does it")
        page.click("#skip-remove_groups >> button:text('Skip it')")
        page.wait_for_selector("#task-remove_groups >> text=The service desk does it")
        page.click("#task-convert_to_shared >> text=Retry")
        self.ended("Completed|Follow-up")

    def lose_session_in_review(self) -> None:
        """The session ends before the plan is confirmed; signed in again, it is the same step of the same draft."""
        self.context.clear_cookies(name="leaver")
        self.page.reload()
        self.enter("admin", PASSWORD)
        self.page.wait_for_selector("h2 >> text=What will change")

    def start_slowly(self) -> None:
        """Start a run that takes long enough to stop the server in the middle."""
        self.to_review("adele", tasks=("disable_sign_in", "reset_password", "remove_mfa_methods", "remove_groups"))
        self.server.simulator("behaviour", {"latency": {"graph": 1500}})
        self.confirm()
        self.page.wait_for_selector("#summary >> text=Running", timeout=40_000)

    def cancel_the_rest(self) -> None:
        """Cancel what has not begun, and wait for the end."""
        self.page.click("text=Cancel remaining")
        self.page.click("#cancel >> text=/^Cancel \\d+ tasks?$/")
        self.server.simulator("behaviour", {"latency": {"graph": 0}})
        self.ended("Canceled|Completed|Follow-up")

    def confirm(self) -> None:
        """Confirm the plan, and type what is asked for."""
        self.page.wait_for_selector("button[value=confirm]")  # the plan may still be read
        for field_ in self.page.query_selector_all(".confirm .field"):
            expected = field_.query_selector(".type-name")
            entry = field_.query_selector("input")
            assert expected is not None
            assert entry is not None
            entry.fill(expected.inner_text())
        self.page.click("button[value=confirm]")

    def ended(self, words: str = "Completed|Follow-up") -> None:
        """Wait until the run on the page says so; without a script the page asks again by itself."""
        from playwright.sync_api import TimeoutError as TooLate

        try:
            self.page.wait_for_selector(f"#summary >> text=/{words}/", timeout=40_000)
        except TooLate as error:
            raise AssertionError(f"{self.page.url}\n{self.page.inner_text('main')}") from error

    def _first(self, name: str) -> str:
        changed = (self.server.terminal.folder / "changed").exists()
        return "" if name != "admin" or changed else self.server.first_password()

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{self.page.url}: {message.text}")

    def _see(self, sent: Any) -> None:
        if not sent.url.startswith((f"{self.server.url}/", "data:")):
            self.problems.append(f"{self.page.url} asked {sent.url}")
