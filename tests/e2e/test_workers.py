"""Workers that are killed, on both databases: every offboarding reaches its end, and nothing is done twice."""

from __future__ import annotations

import json
import random
import ssl
import time
import urllib.request
from typing import Any

import pytest

from e2e.terminal import Terminal

pytestmark = pytest.mark.e2e

EVERYTHING = {
    "disable_sign_in": True,
    "reset_password": True,
    "revoke_sessions": True,
    "remove_mfa_methods": True,
    "set_out_of_office": {"internal": "Adele has left."},
    "forward_mail": {"to": "manager", "keep_copy": True},
    "convert_to_shared": True,
    "cancel_meetings": True,
    "remove_rules": True,
    "remove_groups": True,
    "remove_licenses": True,
}
ENDED = ("completed", "follow_up", "failed", "blocked", "cancelled")


def control(terminal: Terminal, what: str, body: Any = None) -> Any:
    """Ask the simulator something, or tell it."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{terminal.ready['control']}/{what}", data=data)
    request.add_header("Content-Type", "application/json")
    context = ssl.create_default_context(cafile=terminal.ready["ca_file"])
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


def soon(seconds: float) -> str:
    """A moment for `--at`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + seconds))


def state(terminal: Terminal, offboarding_id: str, **environment: str) -> dict[str, Any]:
    """How it stands."""
    shown = terminal.leaver("status", offboarding_id, "--json", **environment)
    return json.loads(shown.stdout)["offboardings"][0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_random_moments(terminal: Terminal, address: str, seed: int) -> None:
    dice = random.Random(seed)
    around = {"LEAVER_DATABASE_URL": address, "LEAVER_LEASE_SECONDS": "2"}
    control(terminal, "behaviour", {"latency": {"graph": 60, "exchange": 120, "sharepoint": 60}})
    added = terminal.leaver("tenant", "add", terminal.tenant["id"], "--domain", terminal.tenant["domain"], **around)
    assert added.returncode == 0, added.stderr
    wish = terminal.write("all.json", EVERYTHING)
    words = ["offboard", terminal.tenant["domain"], terminal.tenant["leaver"], "--settings", wish, "--yes", "--json"]
    accepted = terminal.leaver(*words, "--at", soon(20), **around)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    (shown,) = json.loads(accepted.stdout)["offboardings"]
    assert shown["state"] == "scheduled"
    terminal.leaver("reschedule", shown["id"], soon(2), **around)

    worker = terminal.start("worker", **around)
    kills, deadline = 3, time.monotonic() + 70
    try:
        while time.monotonic() < deadline:
            time.sleep(dice.uniform(1.5, 4.0))
            if kills:
                kills -= 1
                worker.kill()
                worker.wait()
                worker = terminal.start("worker", **around)
            elif state(terminal, shown["id"], **around)["state"] in ENDED:
                break
    finally:
        worker.terminate()
        worker.wait(20)

    result = state(terminal, shown["id"], **around)
    assert result["state"] in ("completed", "follow_up"), (terminal.folder / "log.txt").read_text()[-3000:]
    calls = control(terminal, "calls")["value"]
    cancelled = [call for call in calls if call["cmdlet"] == "Remove-CalendarEvents" and "Preview" not in str(call)]
    assert len(cancelled) <= 2  # at least once; the second finds no meeting, so nobody hears of it again
    assert terminal.leaver("audit", "verify", **around).returncode == 0
