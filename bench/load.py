"""The read routes of the API under load: 200 requests a second for a minute, against one `leaver serve`.

`python -m bench.load [--seconds 60] [--rate 200]`. Requests leave at their time whether or not earlier ones have been
answered, so that a slow answer cannot hide the wait of those behind it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from bench.filling import fill
from bench.simulator import Running, data_folder, root, running

GOAL_MS = 100.0
OFFBOARDINGS = 5
"""How many are really carried out; the others of the list are copies of these."""
KEPT = 3000
TENANTS = 200
ROUTES = (
    "/api/v1/offboardings",
    "/api/v1/offboardings?limit=50&cursor={cursor}",
    "/api/v1/offboardings?tenant={tenant}&search={upn}",
    "/api/v1/offboardings?state=failed&state=follow_up",
    "/api/v1/offboardings/{id}",
    "/api/v1/offboardings/{id}/report",
    "/api/v1/offboardings/{id}/report?format=html",
    "/api/v1/tenants",
    "/api/v1/tenants?search=customer-17",
    "/api/v1/tenants/{tenant}/defaults",
    "/api/v1/tenants/{tenant}/protected",
    "/api/v1/tenants/{tenant}/rights-index",
    "/api/v1/defaults/organization",
    "/api/v1/tasks",
    "/api/v1/audit",
    "/api/v1/audit?after={entry}&limit=50",
    "/api/v1/audit?offboarding={id}",
    "/api/v1/tokens",
    "/api/v1/presets",
    "/api/v1/approval-rule",
    "/api/v1/webhooks",
    "/api/ListTenants?IncludeOffboardingDefaults=true",
    "/api/ListScheduledItems?Type=Invoke-CIPPOffboardingJob&Name=Offboarding:%20{upn}&ShowHidden=true",
    "/api/ListScheduledItemDetails?RowKey={id}",
    "/api/ListOffboardingProgress?DeploymentId={deployment}",
    "/api/ListLogs",
    "/api/ListApiTest",
    "/readyz",
    "/metrics",
)
"""What Leaver answers by itself. The users of a tenant are as fast as Microsoft, an event stream has no end, and the
whole list of scheduled items, which CIPP's callers get in one piece, is measured by itself."""
WHOLE_LIST = "/api/ListScheduledItems?ShowHidden=true"


def measure(seconds: float = 60.0, rate: int = 200) -> dict[str, Any]:
    """The figures: answers, failures, and milliseconds by route and over all."""
    with running("typical") as simulator, data_folder() as folder:
        return _against_a_server(simulator, folder, seconds, rate)


def show(found: dict[str, Any]) -> None:
    """For a person."""
    print(f"\nRead routes: {found['rate']} requests/s for {found['seconds']:.0f} s, {found['requests']} answers")
    print(f"p50 {found['p50_ms']:.0f} ms, p99 {found['p99_ms']:.0f} ms (goal {GOAL_MS:.0f} ms), ", end="")
    print(f"longest {found['max_ms']:.0f} ms; failed: {found['failed']}")
    print(f"{found['offboardings']:,} offboardings and {found['tenants']} tenants are kept; ", end="")
    print(f"the whole list of scheduled items takes {found['whole_list_cpu_ms']:.0f} ms of a processor")
    print(f"server: {found['cpu_share']:.0%} of one core, {found['cpu_ms']:.1f} ms a request; ", end="")
    print(f"load generator: {found['client_cpu_share']:.0%}, sent late by at most {found['late_ms']:.0f} ms; ", end="")
    print(f"load average of the machine {found['load_average']:.1f}")
    for route, (middle, slow, alone) in sorted(found["routes"].items(), key=lambda item: -item[1][1]):
        print(f"  {slow:6.1f} ms p99  {middle:6.1f} ms p50  {alone:6.1f} ms of a processor  {route}")


def _against_a_server(simulator: Running, folder: str, seconds: float, rate: int) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **simulator.environment, "LEAVER_DATA_DIR": folder, "LEAVER_PORT": str(port)}
    tenant = simulator.ready["tenants"][0]

    def leaver(*words: str) -> str:
        command = [sys.executable, "-m", "leaver", *words]
        done = subprocess.run(command, env=environment, cwd=root(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return done.stdout

    leaver("tenant", "add", tenant["id"], "--domain", tenant["domain"])
    secret = json.loads(leaver("token", "create", "--name", "load", "--role", "administrator", "--json"))["token"]
    with (Path(folder) / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "leaver", "serve"]
        server = subprocess.Popen(command, env=environment, cwd=root(), stdout=log, stderr=log)
    try:
        return asyncio.run(_load(f"http://127.0.0.1:{port}", secret, tenant, seconds, rate, server.pid, environment))
    finally:
        server.terminate()
        server.wait(40)


async def _load(
    url: str, secret: str, tenant: dict[str, Any], seconds: float, rate: int, pid: int, environment: Mapping[str, str]
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        await _ready(client)
        paths = await _prepared(client, tenant, environment)
    callers = Callers(int(url.rpartition(":")[2]), secret)
    took: dict[str, list[float]] = defaultdict(list)
    failed: dict[str, int] = defaultdict(int)
    late = 0.0

    async def one(route: str, path: str, due: float) -> None:
        try:
            status = await callers.get(path)
        except (OSError, asyncio.IncompleteReadError) as error:
            failed[f"{type(error).__name__} {route}"] += 1
            return
        if status != 200:
            failed[f"{status} {route}"] += 1
        took[route].append((time.perf_counter() - due) * 1000)

    mine = time.process_time()
    used, began = _cpu_seconds(pid), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * rate)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            late = max(late, (time.perf_counter() - due) * 1000)
            group.create_task(one(ROUTES[number % len(ROUTES)], paths[number % len(paths)], due))
    span = time.perf_counter() - began
    busy, mine = _cpu_seconds(pid) - used, time.process_time() - mine
    alone = {route: await _alone(callers, path, pid) for route, path in zip(ROUTES, paths, strict=True)}
    whole = await _alone(callers, WHOLE_LIST, pid, times=2)
    callers.close()
    everything = sorted(value for values in took.values() for value in values)
    return {
        "rate": rate,
        "seconds": span,
        "requests": len(everything),
        "failed": dict(failed),
        "p50_ms": _at(everything, 0.5),
        "p99_ms": _at(everything, 0.99),
        "max_ms": everything[-1],
        "late_ms": late,
        "cpu_share": busy / span,
        "cpu_ms": busy / max(1, len(everything)) * 1000,
        "client_cpu_share": mine / span,
        "whole_list_cpu_ms": whole,
        "offboardings": KEPT,
        "tenants": TENANTS,
        "load_average": os.getloadavg()[0],
        "routes": {
            route: (_at(sorted(values), 0.5), _at(sorted(values), 0.99), alone[route]) for route, values in took.items()
        },
    }


class Callers:
    """Connections that are kept open, with as little work for each request as can be: the server is measured."""

    def __init__(self, port: int, secret: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {secret}\r\n\r\n"
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self, path: str) -> int:
        """The status of an answer that was read to its end."""
        reader, writer = await self._connection()
        writer.write(f"GET {path} HTTP/1.1\r\n{self._head}".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r")[0]))
        self._free.append((reader, writer))
        return int(head[9:12])

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._free:  # the server closes what nobody has used for some seconds
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        """Let the connections go."""
        for _, writer in self._free:
            writer.close()


async def _ready(client: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)
    raise SystemExit("The server did not start.")


async def _prepared(client: httpx.AsyncClient, tenant: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    """The paths of all routes, over a database that is full; the first answer of each builds what all others share."""
    ids = await _offboarded(client, tenant)
    await fill(environment, ids, offboardings=KEPT, tenants=TENANTS)
    body = {"tenantFilter": tenant["domain"], "user": f"nobody,{tenant['leaver']}".split(","), "DisableSignIn": True}
    queued = (await client.post("/api/ExecOffboardUser", json=body)).json()
    page = (await client.get("/api/v1/offboardings?limit=200")).json()
    names = {
        "id": ids[0],
        "tenant": tenant["domain"],
        "cursor": page["next"],
        "upn": page["items"][-1]["user"]["upn"],
        "entry": str(KEPT),
        "deployment": queued["DeploymentId"],
    }
    paths = [route.format(**names) for route in ROUTES]
    for path in paths:
        answer = await client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path} is answered {answer.status_code}: {answer.text}")
    return paths


async def _alone(callers: Callers, path: str, pid: int, times: int = 40) -> float:
    """Milliseconds of a processor that one answer takes: a busy machine does not change them much."""
    used = _cpu_seconds(pid)
    for _ in range(times):
        await callers.get(path)
    return (_cpu_seconds(pid) - used) / times * 1000


async def _offboarded(client: httpx.AsyncClient, tenant: dict[str, Any]) -> list[str]:
    """Some offboardings that have ended, so that lists and reports hold what they usually hold."""
    found = (await client.get(f"/api/v1/tenants/{tenant['domain']}/users")).json()["items"]
    users = [tenant["leaver"], *(each["upn"] for each in found if each["upn"] != tenant["leaver"])][:OFFBOARDINGS]
    names = ("disable_sign_in", "reset_password", "revoke_sessions", "remove_rules", "hide_from_gal", "cancel_meetings")
    settings = dict.fromkeys(names, True)
    ids = []
    for user in users:
        body = {"tenant": tenant["domain"], "users": [user], "settings": settings}
        made = await client.post("/api/v1/offboardings", json=body)
        if made.status_code == 201:
            ids.append(made.json()["offboardings"][0]["id"])
    if not ids:
        raise SystemExit(f"No offboarding was accepted: {made.text}")
    for offboarding in ids:
        for _ in range(300):
            shown = (await client.get(f"/api/v1/offboardings/{offboarding}")).json()["offboardings"][0]
            if shown["ended_at"]:
                break
            await asyncio.sleep(0.2)
    return ids


def _cpu_seconds(pid: int) -> float:
    """What a process has used of the processors, all its threads; Linux says it in /proc."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seconds", type=float, default=60.0)
    given.add_argument("--rate", type=int, default=200)
    wanted = given.parse_args()
    show(measure(wanted.seconds, wanted.rate))
