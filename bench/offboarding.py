"""One offboarding, measured in a process of its own: `python -m bench.offboarding MODE` prints one JSON line.

Modes: `together` as the product works; `unbounded` without budgets, which shows the longest chain of requests that
depend on each other; `one_by_one` with the same work as single requests, one after the other; `plan` only plans.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from leaver.config import Config
from leaver.m365 import budgets, wires
from leaver.m365 import http as transport
from leaver.offboarding.intake import accept
from leaver.offboarding.planner import preview
from leaver.offboarding.run import Event
from leaver.offboarding.see_through import carry_out
from leaver.store.tenants import KnownTenant
from leaver.wiring import build

LOCK_OUT = ("disable_sign_in", "reset_password", "revoke_sessions")


class OneByOne(httpx.AsyncBaseTransport):
    """Lets one request through at a time, and refuses batches, so that each request travels alone.

    Only once it is told to begin: the plan, which is not compared, may take the fast road.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._turn = asyncio.Lock()
        self.begun = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.begun:
            return await self._inner.handle_async_request(request)
        if request.url.path.endswith("$batch"):
            return httpx.Response(404, json={"error": {"code": "ResourceNotFound", "message": "No batches here."}})
        async with self._turn:
            response = await self._inner.handle_async_request(request)
            await response.aread()
            return response


def house_for(mode: str) -> tuple[Any, OneByOne | None]:
    """The house as the mode wants it, and the transport that will slow it down."""
    config = Config.from_environment(dict(os.environ))
    context = httpx.create_ssl_context()
    context.load_verify_locations(str(config.ca_file))
    inner = httpx.AsyncHTTPTransport(verify=context, limits=httpx.Limits(max_connections=500))
    alone = OneByOne(inner) if mode == "one_by_one" else None
    http = transport.Http(ca_file=config.ca_file, transport=alone or (inner if mode == "unbounded" else None))
    if mode == "unbounded":
        wires.Budget = lambda *_, **__: budgets.Budget(1000)  # type: ignore[attr-defined,assignment]  # no limits
    return build(config, http), alone


async def measure(mode: str, tenant: str, user: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The times of one offboarding, in seconds from its start and from its confirmation."""
    house, alone = house_for(mode)
    await house.tenants.save(KnownTenant(tenant, "typical.example", "Typical", ["typical.example"]))
    began = time.monotonic()
    planned = await preview(house, await accept(house, tenant, [user], settings))
    plan_seconds = time.monotonic() - began
    (record,) = planned.offboardings
    blockers = [note.text for task in record.tasks for note in task.notes if note.kind.value == "blocker"]
    assert not planned.blocked, blockers
    told: dict[str, float] = {}
    result: dict[str, Any] = {"plan_seconds": plan_seconds}
    if mode != "plan":
        if alone is not None:
            alone.begun = True
        confirmed = time.monotonic()
        result["confirmed_at"] = time.time()
        await carry_out(house, planned, on_event=_remember(told, confirmed))
        outcomes = {task.task: task.outcome.value for task in record.tasks}
        result |= {
            "run_seconds": time.monotonic() - confirmed,
            "sign_in_blocked_seconds": told["disable_sign_in"],
            "locked_out_seconds": max(told[name] for name in LOCK_OUT),
            "state": record.state.value,
            "not_verified": {name: outcome for name, outcome in outcomes.items() if outcome != "verified"},
            "task_seconds": {name: round(seconds, 2) for name, seconds in sorted(told.items(), key=lambda it: it[1])},
        }
    await house.http.aclose()
    await house.database.close()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return result | {"cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def _remember(told: dict[str, float], since: float) -> Callable[[Event], None]:
    def on_event(event: Event) -> None:
        if event.task is not None and event.task.ended_at is not None:
            told[event.task.task] = time.monotonic() - since

    return on_event


if __name__ == "__main__":
    mode, tenant, user, settings_file = sys.argv[1:5]
    answer = asyncio.run(measure(mode, tenant, user, json.loads(Path(settings_file).read_text())))
    print(json.dumps(answer))
