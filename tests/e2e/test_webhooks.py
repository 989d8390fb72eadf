"""A webhook whose sender is killed in the middle of it."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from e2e.portal import Server
from e2e.terminal import Terminal

pytestmark = pytest.mark.e2e
OPEN = {"LEAVER_WEBHOOK_HTTP": "true", "LEAVER_WEBHOOK_NETWORKS": "127.0.0.0/8"}


class Receiver(ThreadingHTTPServer):
    """A receiver that says nothing until it is let go."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.asked = threading.Event()
        self.may_answer = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Keeps what comes."""

    server: Receiver

    def do_POST(self) -> None:
        """Wait, then take it."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.set()
        if not self.server.may_answer.is_set():
            self.server.may_answer.wait(30)
            return  # whoever asked then is dead
        self.server.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on this machine."""
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    yield receiver
    receiver.may_answer.set()
    receiver.shutdown()
    receiver.server_close()


def test_no_event_is_lost_when_the_server_is_killed_while_it_sends(terminal: Terminal, receiver: Receiver) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    terminal.ready["environment"] |= OPEN
    server = Server(terminal, port)
    server.start()
    headers, tenant = server.token(), terminal.tenant
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    hook = httpx.post(f"{server.url}/api/v1/webhooks", json={"name": "x", "url": url}, headers=headers).json()
    body = {"tenantFilter": tenant["domain"], "user": tenant["leaver"], "DisableSignIn": True}

    assert httpx.post(f"{server.url}/api/ExecOffboardUser", json=body, headers=headers, timeout=30).status_code == 200
    assert receiver.asked.wait(20)
    server.process.kill()
    server.process.wait(10)
    receiver.may_answer.set()
    with sqlite3.connect(terminal.folder / "data" / "leaver.db", timeout=10) as database:  # the minute is over
        database.execute("UPDATE deliveries SET next_at = created_at WHERE state = 'waiting'")
    server.start()
    try:
        types: set[str] = set()
        for _ in range(150):
            types = {Webhook(hook["secret"]).verify(body, headers)["type"] for headers, body in receiver.received}
            if {"offboarding.accepted", "offboarding.finished"} <= types:
                break
            time.sleep(0.2)
    finally:
        server.process.terminate()
        server.process.wait(40)

    assert {"offboarding.accepted", "offboarding.finished"} <= types
    assert "Traceback" not in (terminal.folder / "log.txt").read_text()
