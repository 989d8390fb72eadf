"""Workers that are killed, on both databases: every offboarding reaches its end, and nothing is done twice."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from databases import SmallDisk
from e2e.terminal import Terminal
from leaver.wiring import Store
from support import is_write

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

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
    standing: dict[str, Any] = json.loads(shown.stdout)["offboardings"][0]
    return standing


def is_in(terminal: Terminal, offboarding_id: str, *states: str, **environment: str) -> Callable[[], bool]:
    """A question for `until`: whether it has come to one of these states."""

    async def asked(store: Store) -> bool:
        return (await store.offboardings.get(offboarding_id)).state.value in states

    return lambda: terminal.kept(asked, **environment)


def accepted(terminal: Terminal, around: dict[str, str], slower: int = 1) -> str:
    """An offboarding of everything, accepted for a moment from now; its id."""
    control(terminal, "behaviour", {"latency": {"graph": 60 * slower, "exchange": 120 * slower, "sharepoint": 60}})
    added = terminal.leaver("tenant", "add", terminal.tenant["id"], "--domain", terminal.tenant["domain"], **around)
    assert added.returncode == 0, added.stderr
    wish = terminal.write("all.json", EVERYTHING)
    words = ["offboard", terminal.tenant["domain"], terminal.tenant["leaver"], "--settings", wish, "--yes", "--json"]
    planned = terminal.leaver(*words, "--at", soon(60), **around)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    (shown,) = json.loads(planned.stdout)["offboardings"]
    assert shown["state"] == "scheduled"
    terminal.leaver("reschedule", shown["id"], soon(2), **around)
    return str(shown["id"])


def ended_well(terminal: Terminal, offboarding_id: str, around: dict[str, str]) -> None:
    """It came to its end, once, and nobody was mailed twice."""
    result = state(terminal, offboarding_id, **around)
    assert result["state"] in ("completed", "follow_up"), (terminal.folder / "log.txt").read_text()[-3000:]
    calls = control(terminal, "calls")["value"]
    cancelled = [call for call in calls if call["cmdlet"] == "Remove-CalendarEvents" and "Preview" not in str(call)]
    assert len(cancelled) == 1
    assert terminal.leaver("audit", "verify", **around).returncode == 0
    trail = terminal.leaver("audit", "export", **around).stdout
    assert trail.count('"offboarding.ended"') == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_random_moments(terminal: Terminal, address: str, seed: int) -> None:
    dice = random.Random(seed)
    around = {"LEAVER_DATABASE_URL": address, "LEAVER_LEASE_SECONDS": "2"}
    shown = accepted(terminal, around)

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
            elif is_in(terminal, shown, *ENDED, **around)():
                break
    finally:
        worker.terminate()
        worker.wait(20)

    ended_well(terminal, shown, around)


def freeze(process: subprocess.Popen[bytes], address: str) -> None:
    """Stop a process where it stands; with SQLite at a moment in which it does not hold the lock of the file.

    That lock nobody can take from it. PostgreSQL takes locks away from whoever is silent for too long.
    """
    process.send_signal(signal.SIGSTOP)
    while address.startswith("sqlite:") and locked(address.removeprefix("sqlite:///")):
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        process.send_signal(signal.SIGSTOP)


def locked(file: str) -> bool:
    """Whether somebody is writing to an SQLite file."""
    with contextlib.closing(sqlite3.connect(file, timeout=0.5)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.rollback()
        return False


def test_a_frozen_worker_that_wakes_up_does_nothing_more(terminal: Terminal, address: str) -> None:
    around = {"LEAVER_DATABASE_URL": address, "LEAVER_LEASE_SECONDS": "2"}
    shown = accepted(terminal, around, slower=5)
    frozen = terminal.start("worker", **around)
    other = None
    try:
        until(lambda: bool(wrote(terminal)))
        freeze(frozen, address)
        other = terminal.start("worker", **around)
        until(is_in(terminal, shown, *ENDED, **around))
        awake = time.time()
        frozen.send_signal(signal.SIGCONT)
        time.sleep(4)

        assert [call for call in wrote(terminal) if call["start"] > awake] == []
        ended_well(terminal, shown, around)
    finally:
        frozen.kill()
        frozen.wait(10)
        if other is not None:
            other.terminate()
            other.wait(20)


def test_two_workers_and_a_database_that_is_away_for_a_while(terminal: Terminal, postgres: str) -> None:
    """The address of PostgreSQL leads through a gate here, which is shut for fifteen seconds during the run."""
    import psycopg

    name = f"gate{time.time_ns()}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    with Gate(int(postgres.rpartition(":")[2])) as gate:
        around = {"LEAVER_DATABASE_URL": f"postgresql://leaver@127.0.0.1:{gate.port}/{name}"}
        around |= {"LEAVER_LEASE_SECONDS": "5"}
        assert terminal.leaver("db", "upgrade", **around).returncode == 0
        shown = accepted(terminal, around, slower=5)
        workers = [terminal.start("worker", **around) for _ in range(2)]
        try:
            until(lambda: bool(wrote(terminal)))
            assert state(terminal, shown, **around)["state"] == "running"
            gate.shut()
            time.sleep(15)
            gate.open()
            until(is_in(terminal, shown, *ENDED, **around))
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(40)

        ended_well(terminal, shown, around)


@pytest.mark.parametrize("ending", ["kill", "terminate"])
def test_a_restart_with_one_scheduled_starts_it_at_its_time(terminal: Terminal, address: str, ending: str) -> None:
    """Whether it comes due while a worker runs or while none does."""
    around = {"LEAVER_DATABASE_URL": address, "LEAVER_LEASE_SECONDS": "2"}
    shown = accepted(terminal, around)
    at = time.time() + 12
    moved = terminal.leaver("reschedule", shown, soon(12), **around)
    assert moved.returncode == 0, moved.stderr

    worker = terminal.start("worker", **around)
    time.sleep(4)
    getattr(worker, ending)()
    worker.wait(40)
    if ending == "kill":
        time.sleep(max(0.0, at + 1 - time.time()))
    early = wrote(terminal)
    worker = terminal.start("worker", **around)
    try:
        until(is_in(terminal, shown, *ENDED, **around))
    finally:
        worker.terminate()
        worker.wait(40)

    assert early == []
    ended_well(terminal, shown, around)


def test_a_full_disk_in_the_middle_of_a_run(terminal: Terminal, small_disk: SmallDisk) -> None:
    """Tables, engine and data folder are on it; the worker stays up, says why it waits, and goes on."""
    around = {"LEAVER_DATA_DIR": str(small_disk.path), "LEAVER_LEASE_SECONDS": "2"}
    shown = accepted(terminal, around, slower=4)
    worker = terminal.start("worker", **around)
    try:
        until(lambda: bool(wrote(terminal)))
        small_disk.fill()
        time.sleep(6)
        writes = len(wrote(terminal))
        time.sleep(4)
        said = terminal.leaver("tenant", "protect", terminal.tenant["domain"], terminal.tenant["leaver"], **around)
        assert len(wrote(terminal)) == writes
        assert worker.poll() is None
        assert said.returncode != 0
        assert "disk is full" in said.stderr
        assert "Traceback" not in said.stderr
        assert state(terminal, shown, **around)["state"] == "running"
        small_disk.make_room()
        until(is_in(terminal, shown, *ENDED, **around))
    finally:
        worker.terminate()
        worker.wait(40)

    assert "disk is full" in (terminal.folder / "log.txt").read_text()
    ended_well(terminal, shown, around)


def wrote(terminal: Terminal) -> list[dict[str, Any]]:
    """The writes that the simulator recorded."""
    calls: list[dict[str, Any]] = control(terminal, "calls")["value"]
    return [call for call in calls if is_write(call)]


def until(there: Callable[[], bool], seconds: float = 150.0) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Gate:
    """A door to a port of this machine that can be shut: what is connected is cut, and nobody gets in."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = True
        self._pipes: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Gate:
        self._start(self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        for pipe in self._pipes:
            pipe.close()

    def shut(self) -> None:
        """Cut everything, and let nobody in."""
        self._open = False
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let everybody in again."""
        self._open = True

    def _serve(self) -> None:
        while True:
            try:
                inside, _ = self._listener.accept()
            except OSError:
                return
            if not self._open:
                inside.close()
                continue
            outside = socket.create_connection(("127.0.0.1", self._target))
            self._pipes += [inside, outside]
            for source, target in ((inside, outside), (outside, inside)):
                self._start(_pour, source, target)

    def _start(self, work: Callable[..., None], *given: socket.socket) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()


def _pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
