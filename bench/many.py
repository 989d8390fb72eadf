"""Offboardings by the hundred, in processes of their own that share a database: throughput, fairness, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from tools import postgresql

from bench.simulator import Running, data_folder, root, running

QUICK, FULL = 19, 198
"""Tenants of the bulk run, with five users each; the last two of the 200 are left to the urgent ones."""


BINDING = 0.01
"""What the limits are multiplied by, so that they hold the work up."""
UNITS, PERIOD = 3500, 10.0
"""What Graph lets an app spend in a tenant of fewer than 50 users, and in how many seconds (throttling.md §2)."""


@dataclass
class Place:
    """A simulator of 200 small tenants without latency, Microsoft's published limits on, and an empty data folder."""

    simulator: Running
    folder: str
    database: str = ""
    """The address of PostgreSQL; empty for SQLite in the data folder."""

    def tenants(self, first: int, last: int) -> str:
        """Some of the tenants, as the measurements take them."""
        return json.dumps([[each["id"], each["domain"]] for each in self.simulator.ready["tenants"][first:last]])

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a measurement."""
        environment = {**os.environ, **self.simulator.environment, "LEAVER_DATA_DIR": self.folder}
        if self.database:
            environment["LEAVER_DATABASE_URL"] = self.database
        command = [sys.executable, "-m", "bench.engine", *words]
        return subprocess.Popen(command, env=environment, cwd=root(), stdout=subprocess.PIPE, text=True)

    def measured(self, *words: str) -> dict[str, Any]:
        """The figures of a measurement."""
        return ended(self.start(*words))

    @contextmanager
    def workers(self, number: int) -> Iterator[list[dict[str, Any]]]:
        """Workers for the block; what each has used is there after it."""
        self.measured("accept", "[]", "0")  # the database exists before several open it
        working = [self.start("worker", "[]") for _ in range(number)]
        time.sleep(2.0 + number)
        used: list[dict[str, Any]] = []
        try:
            yield used
        finally:
            for worker in working:
                worker.terminate()
            used.extend(ended(worker) for worker in working)


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a measurement printed last."""
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the measurement ended with status {process.returncode}")
    figures: dict[str, Any] = json.loads(said.splitlines()[-1])
    return figures


@contextmanager
def place(server: str = "") -> Iterator[Place]:
    """A fresh simulator, data folder and database; that one on this PostgreSQL server, if one is given."""
    name = f"leaver_{uuid.uuid4().hex}"
    if server:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    with running("many") as simulator, data_folder() as folder:
        yield Place(simulator, folder, f"{server}/{name}" if server else "")


def measure(*, full: bool) -> dict[str, Any]:
    """Everything about the engine."""
    results: dict[str, Any] = {}
    with place() as here:
        results["overhead"] = here.measured("overhead", here.tenants(0, 15))
    results["sqlite"] = workers_side_by_side()
    if postgresql.binaries() is not None:
        with postgresql.running(fsync=True) as server:
            results["postgresql"] = workers_side_by_side(server)
    tenants = FULL if full else QUICK
    with place() as here, here.workers(1) as used:
        results["urgent_alone"] = here.measured("urgent", here.tenants(199, 200))
        bulk = here.start("queue", here.tenants(0, tenants), "5")
        time.sleep(3.0)
        results["urgent_beside"] = here.measured("urgent", here.tenants(198, 199))
        figures = ended(bulk)
        refused = [call for call in here.simulator.control("calls")["value"] if call["status"] in (429, 503)]
    results["bulk"] = {**figures, "tenants": tenants, "refused": len(refused), "peak_mib": used[0]["peak_mib"]}
    with place() as here, here.workers(1) as used:
        results["queued"] = here.measured("accept", here.tenants(0, 200), "5")
        time.sleep(5.0)
    results["queued"]["peak_mib"] = used[0]["peak_mib"]
    results["share"] = share_of_the_limits()
    return results


def workers_side_by_side(server: str = "") -> dict[str, float]:
    """Offboardings a minute, by the number of workers that share a database."""
    a_minute = {}
    for number in (1, 2, 4):
        with place(server) as here, here.workers(number):
            figures = here.measured("queue", here.tenants(0, 20), "4")
        a_minute[str(number)] = figures["accepted"] / figures["seconds"] * 60
    return a_minute


def share_of_the_limits() -> dict[str, Any]:
    """How much of what Microsoft's limits allow is used where they are what holds the work up.

    The published limits of Graph are far above what two cores ask for, so they are scaled down until they bind: each
    tenant may spend a burst at once, and then so many resource units a second. The least time in which the units of a
    run may be spent, divided by the time that it took, is the share.
    """
    with place() as here, here.workers(1):
        here.simulator.control("behaviour", {"throttling_scale": BINDING})
        figures = ended(here.start("queue", here.tenants(0, 4), "5"))
        calls = [call for call in here.simulator.control("calls")["value"] if call["service"] == "graph"]
    shares = [
        _share([call for call in calls if call["tenant"] == tenant]) for tenant in {call["tenant"] for call in calls}
    ]
    return {
        **figures,
        "refused": sum(call["status"] == 429 for call in calls) / len(calls),
        "share": sum(shares) / len(shares),
    }


def _share(calls: list[dict[str, Any]]) -> float:
    """The least time that the units of one tenant take, as a part of the time from its first call to its last."""
    began, over = min(float(call["start"]) for call in calls), max(float(call["end"]) for call in calls)
    least = (sum(int(call["units"]) for call in calls) - UNITS * BINDING) / (UNITS * BINDING / PERIOD)
    return least / (over - began)


def show(results: dict[str, Any]) -> None:
    """Print the figures beside the goals."""
    print("\nThe engine (SQLite if not said otherwise, a simulator without latency, four small tasks each)")
    print(f"overhead of a task: {results['overhead']['overhead_ms']:.1f} ms (goal 10 ms)")
    for name in ("sqlite", "postgresql"):
        found = results.get(name)
        told = "not installed" if found is None else ", ".join(f"{a_minute:.0f}" for a_minute in found.values())
        print(f"offboardings a minute with 1, 2 and 4 workers, {name}: {told}")
    bulk = results["bulk"]
    print(
        f"{bulk['accepted']} offboardings in {bulk['tenants']} tenants with published limits: {bulk['seconds']:.0f} s, "
        f"{bulk['refused']} requests refused, {bulk['peak_mib']:.0f} MiB"
    )
    alone, beside = results["urgent_alone"]["end_seconds"], results["urgent_beside"]["end_seconds"]
    print(f"an urgent one has ended after {alone:.1f} s alone, {beside:.1f} s beside the bulk run")
    queued = results["queued"]
    print(f"a worker with {queued['accepted']} queued: {queued['peak_mib']:.0f} MiB (goal 250 MiB)")
    share = results["share"]
    print(
        f"{share['accepted']} offboardings under limits scaled to {BINDING:.0%}: {share['seconds']:.0f} s, "
        f"{share['refused']:.0%} of the calls refused, {share['share']:.0%} of what the limits allow (goal 90 %)"
    )
