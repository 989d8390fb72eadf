"""The rights index at the command line, over HTTPS, and killed in the middle."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import sitting
from e2e.terminal import Terminal

pytestmark = pytest.mark.e2e
RIGHTS = {"remove_mailbox_permissions": True, "remove_calendar_permissions": True}
LEASE = {"LEAVER_LEASE_SECONDS": "2"}


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Terminal]:
    """A tenant of 200 mailboxes whose Exchange takes its time."""
    with sitting(tmp_path, "--scenario", "typical", "--latency", "exchange=300") as terminal:
        yield terminal


def planned(terminal: Terminal, *words: str) -> dict[str, Any]:
    settings = terminal.write("rights.json", RIGHTS)
    answer = terminal.leaver(
        "plan", terminal.tenant["domain"], terminal.tenant["leaver"], "--settings", settings, "--json", *words
    )
    assert answer.returncode == 0, answer.stderr
    record: dict[str, Any] = json.loads(answer.stdout)["offboardings"][0]
    return record


def changes(record: dict[str, Any]) -> list[str]:
    return sorted(change["what"] for task in record["tasks"] for change in task["changes"])


def by_index(record: dict[str, Any]) -> bool:
    return any(note["code"] == "rights_from_index" for task in record["tasks"] for note in task["notes"])


def test_it_is_built_shown_and_gone_by_and_a_full_look_finds_the_same(terminal: Terminal) -> None:
    tenant = terminal.tenant["domain"]
    assert "no rights index" in terminal.leaver("tenant", "index", tenant, "--show").stdout
    before = planned(terminal)

    built = terminal.leaver("tenant", "index", tenant)

    assert built.returncode == 0, built.stderr
    assert "Rights index of" in built.stdout
    shown = json.loads(terminal.leaver("tenant", "index", tenant, "--show", "--json").stdout)
    assert (shown["usable"], shown["unread"], shown["building"]) == (True, 0, None)
    assert json.loads(terminal.leaver("tenant", "check", tenant, "--json").stdout)["rights_index"]["usable"] is True
    fast, full = planned(terminal), planned(terminal, "--full-scan")
    assert (by_index(before), by_index(fast), by_index(full)) == (False, True, False)
    assert changes(before) == changes(fast) == changes(full) != []


def test_killed_in_the_middle_it_is_gone_on_with(slow: Terminal) -> None:
    tenant, log = slow.tenant["domain"], slow.folder / "log.txt"
    first = slow.start("tenant", "index", tenant, **LEASE)
    until = time.monotonic() + 60
    while "\n100 of" not in log.read_text() and time.monotonic() < until:
        time.sleep(0.02)
    first.kill()
    first.wait(10)
    assert "Rights index of" not in log.read_text()
    assert "\n100 of" in log.read_text()

    while (again := slow.leaver("tenant", "index", tenant, **LEASE)).returncode and time.monotonic() < until:
        assert "Another process builds" in again.stderr
        time.sleep(0.5)

    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith("100 of"), "what was kept is not read again"
    assert by_index(planned(slow))
    assert len(changes(planned(slow))) > 1
