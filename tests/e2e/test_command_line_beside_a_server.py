"""The command line beside a running server or worker: that one works, this one shows it, nothing is done twice."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from e2e.portal import Server
from e2e.terminal import Terminal
from e2e.test_workers import EVERYTHING, control, until
from leaver.wiring import Store

pytestmark = pytest.mark.e2e

SLOW = {"graph": 500, "exchange": 900, "sharepoint": 500}
SLOWER = {"graph": 12000, "exchange": 12000, "sharepoint": 12000}
FAST = {"graph": 0, "exchange": 0, "sharepoint": 0}


@contextmanager
def typing(terminal: Terminal, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs while the test does something else."""
    command = [sys.executable, "-m", "leaver", *words]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    around = terminal.around(environment)
    with subprocess.Popen(command, env=around, cwd=terminal.folder, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def worked_by(terminal: Terminal, **environment: str) -> list[dict[str, Any]]:
    """Who shows itself at work."""
    shown = terminal.leaver("status", "--json", **environment)
    assert shown.returncode == 0, shown.stdout
    found: list[dict[str, Any]] = json.loads(shown.stdout)["workers"]
    return found


def somebody_works(terminal: Terminal, **environment: str) -> None:
    """Wait until somebody shows itself at work."""

    async def asked(store: Store) -> bool:
        return bool(await store.workers.at_work())

    until(lambda: terminal.kept(asked, **environment))


def listed(terminal: Terminal, **environment: str) -> list[dict[str, Any]]:
    """The offboardings."""
    found: list[dict[str, Any]] = json.loads(terminal.leaver("status", "--json", **environment).stdout)["offboardings"]
    return found


def in_the_middle(terminal: Terminal) -> dict[str, Any]:
    """The one offboarding, once its first change is asked for; from then on every call takes its time."""
    until(lambda: any(call["method"] == "PATCH" for call in control(terminal, "calls")["value"]))
    control(terminal, "behaviour", {"latency": SLOWER})
    (item,) = listed(terminal)
    return item


def words_for(terminal: Terminal, *more: str) -> list[str]:
    """Offboard somebody of everything."""
    wish = terminal.write("all.json", EVERYTHING)
    return ["offboard", terminal.tenant["domain"], terminal.tenant["leaver"], "--settings", wish, "--yes", *more]


def done_once(terminal: Terminal, **environment: str) -> None:
    """Nobody was mailed twice, and the trail is whole and tells of one end."""
    calls = control(terminal, "calls")["value"]
    cancelled = [call for call in calls if call["cmdlet"] == "Remove-CalendarEvents" and "Preview" not in str(call)]
    assert len(cancelled) <= 2  # at least once; the second finds no meeting, so nobody hears of it again
    assert terminal.leaver("audit", "verify", **environment).returncode == 0
    assert terminal.leaver("audit", "export", **environment).stdout.count('"offboarding.ended"') == 1


def test_the_server_does_the_work_and_the_command_line_shows_it(server: Server) -> None:
    terminal = server.terminal
    somebody_works(terminal)
    assert [each["kind"] for each in worked_by(terminal)] == ["server"]

    done = terminal.leaver(*words_for(terminal, "--json"))

    assert done.returncode == 0, done.stdout + done.stderr
    (shown,) = json.loads(done.stdout)["offboardings"]
    assert shown["state"] in ("completed", "follow_up")
    assert "Handed to `leaver serve` on" in done.stderr
    assert f"(process {server.process.pid})" in done.stderr
    assert "Disable sign-in: verified" in done.stderr
    evidence = json.loads((terminal.folder / "data" / "reports" / f"{shown['id']}.json").read_text())
    assert "facts" in json.dumps(evidence)
    done_once(terminal)

    undone = terminal.leaver("undo", shown["id"], "--task", "disable_sign_in", "--yes", "--json")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert "Handed to" in undone.stderr
    assert json.loads(undone.stdout)["offboardings"][0]["state"] == "completed"


def test_a_worker_on_postgresql_does_the_work(terminal: Terminal, address: str) -> None:
    around = {"LEAVER_DATABASE_URL": address, "LEAVER_LEASE_SECONDS": "5"}
    added = terminal.leaver("tenant", "add", terminal.tenant["id"], "--domain", terminal.tenant["domain"], **around)
    assert added.returncode == 0, added.stderr
    worker = terminal.start("worker", **around)
    try:
        somebody_works(terminal, **around)
        assert [each["process"] for each in worked_by(terminal, **around)] == [worker.pid]
        done = terminal.leaver(*words_for(terminal), **around)
    finally:
        worker.terminate()
        worker.wait(20)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Handed to `leaver worker` on" in done.stderr
    assert "Completed" in done.stdout
    assert "Evidence:" in done.stdout
    assert worked_by(terminal, **around) == []
    done_once(terminal, **around)


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_the_server_goes_away_in_the_middle_and_the_command_line_goes_on(server: Server, how: str) -> None:
    """kill -9 leaves a lease and a sign of life that run out; a polite stop takes both away."""
    terminal = server.terminal
    somebody_works(terminal)
    control(terminal, "behaviour", {"latency": SLOW})
    with typing(terminal, *words_for(terminal, "--json"), LEAVER_LEASE_SECONDS="3") as command:
        in_the_middle(terminal)
        getattr(server.process, how)()
        control(terminal, "behaviour", {"latency": FAST})
        server.process.wait(40)
        out, err = command.communicate(timeout=120)

    assert command.returncode == 0, out + err
    (shown,) = json.loads(out)["offboardings"]
    assert shown["state"] in ("completed", "follow_up")
    assert "Handed to `leaver serve`" in err
    assert "Nobody works on it, so it goes on here" in err
    done_once(terminal)


def test_ctrl_c_stops_watching_and_says_how_to_go_on(server: Server) -> None:
    terminal = server.terminal
    somebody_works(terminal)
    control(terminal, "behaviour", {"latency": SLOW})
    with typing(terminal, *words_for(terminal)) as command:
        item = in_the_middle(terminal)
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=40)
    control(terminal, "behaviour", {"latency": FAST})
    followed = terminal.leaver("status", item["id"], "--follow", "--json")

    assert command.returncode == 130, out + err
    assert "Not stopped: this goes on in `leaver serve`" in err
    assert item["id"] in err
    assert "leaver cancel" in err
    assert followed.returncode == 0, followed.stderr
    assert json.loads(followed.stdout)["offboardings"][0]["state"] in ("completed", "follow_up")
    done_once(terminal)


def test_cancel_and_retry_go_through_the_server(server: Server) -> None:
    terminal = server.terminal
    somebody_works(terminal)
    control(terminal, "behaviour", {"latency": SLOW})
    with typing(terminal, *words_for(terminal, "--json")) as command:
        item = in_the_middle(terminal)
        cancelled = terminal.leaver("cancel", item["id"])
        out, err = command.communicate(timeout=60)
    control(terminal, "behaviour", {"latency": FAST})
    retried = terminal.leaver("retry", item["id"], "--json")

    assert cancelled.returncode == 0, cancelled.stderr
    assert "Canceled:" in cancelled.stdout
    assert command.returncode == 1, out + err
    assert retried.returncode == 0, retried.stdout + retried.stderr
    assert "Handed to" in retried.stderr
    assert json.loads(retried.stdout)["offboardings"][0]["state"] in ("completed", "follow_up")


def test_a_command_line_that_was_killed_is_gone_on_with(terminal: Terminal) -> None:
    """Without a server: `retry` takes up what the dead one left, after its lease."""
    around = {"LEAVER_LEASE_SECONDS": "3"}
    control(terminal, "behaviour", {"latency": SLOW})
    with typing(terminal, *words_for(terminal), **around) as command:
        item = in_the_middle(terminal)
        command.kill()
        command.wait(10)
    control(terminal, "behaviour", {"latency": FAST})
    time.sleep(3)
    shown = terminal.leaver("status", item["id"], **around)
    retried = terminal.leaver("retry", item["id"], "--json", **around)

    assert f"leaver retry {item['id']}" in shown.stdout
    assert retried.returncode == 0, retried.stdout + retried.stderr
    assert json.loads(retried.stdout)["offboardings"][0]["state"] in ("completed", "follow_up")
    done_once(terminal)


def test_a_schedule_says_who_will_start_it(terminal: Terminal) -> None:
    alone = terminal.leaver(*words_for(terminal, "--at", "2999-12-01T17:00 Europe/Amsterdam"))
    (item,) = listed(terminal)
    worker = terminal.start("worker")
    try:
        somebody_works(terminal)
        moved = terminal.leaver("reschedule", item["id"], "2999-12-02T17:00+01:00")
        shown = terminal.leaver("status", item["id"])
    finally:
        worker.terminate()
        worker.wait(20)
    cancelled = terminal.leaver("cancel", item["id"])

    assert alone.returncode == 0, alone.stderr
    assert "Nothing is running that would start it" in alone.stdout
    assert "`leaver worker` on" in moved.stdout
    assert "It starts at" in shown.stdout
    assert "Canceled:" in cancelled.stdout


def people(terminal: Terminal, number: int = 7) -> list[str]:
    """Users that can be offboarded without a question."""
    found = json.loads(terminal.leaver("users", terminal.tenant["domain"], "--json").stdout)["users"]
    plain = [user["upn"] for user in found if not user["guest"] and "admin" not in user["upn"]]
    return plain[:number]


@pytest.mark.parametrize("beside", ["nobody", "server"])
def test_many_at_once_good_lines_go_on_and_bad_ones_are_told(
    terminal: Terminal, beside: str, request: pytest.FixtureRequest
) -> None:
    if beside == "server":
        server = request.getfixturevalue("server")
        somebody_works(server.terminal)
    users = people(terminal)
    lines = ["\ufeffUser;At;Reference;Settings"]
    lines += [f"{user};;T-{number};" for number, user in enumerate(users)]
    lines += ["nobody@contoso.example;;;", f"{users[0].upper()};;;", f"{users[1]};tomorrow;;"]
    lines += [f'{users[2]};;;"{{""fly"": true}}"', "first.admin@contoso.example;2999-01-01T09:00+01:00;T-99;"]
    file = terminal.folder / "people.csv"
    file.write_bytes("\r\n".join(lines).encode())
    wish = terminal.write("little.json", {"disable_sign_in": True, "revoke_sessions": True})
    words = ["offboard", terminal.tenant["domain"], "--csv", str(file), "--settings", wish, "--yes"]

    done = terminal.leaver(*words, "--json")
    document = json.loads(done.stdout)

    assert done.returncode == 2, done.stderr
    rejected = {item["line"]: item["error"]["code"] for item in document["rejected"]}
    assert set(rejected) == {9, 10, 11, 12}
    assert rejected[10] == "duplicate_user"
    assert rejected[11] == "duplicate_user"
    states = {item["user"]["upn"]: item["state"] for item in document["offboardings"]}
    assert states.pop("first.admin@contoso.example") == "scheduled"
    assert set(states) == set(users)
    assert set(states.values()) <= {"completed", "follow_up"}
    assert {item["reference"] for item in document["offboardings"]} == {f"T-{n}" for n in (*range(7), 99)}
    assert len(re.findall(r"^\d of 7  ", done.stderr, re.MULTILINE)) == 7


def test_many_on_paper(terminal: Terminal) -> None:
    """Piped, and sixty columns wide."""
    file = terminal.folder / "people.csv"
    file.write_bytes("\r\n".join(["user", *people(terminal)]).encode("utf-16"))
    wish = terminal.write("little.json", {"disable_sign_in": True})
    words = ["offboard", terminal.tenant["domain"], "--csv", str(file), "--settings", wish, "--yes"]

    done = terminal.leaver(*words, COLUMNS="60")

    assert done.returncode == 0, done.stderr
    assert "7 of 7" in done.stderr
    assert max(map(len, done.stdout.splitlines()[:20])) <= 60
    assert "7 users" in done.stdout
