"""The engine, measured against a simulator without latency: prints one JSON line for each measurement.

`overhead TENANTS` drives offboardings one after the other, with everything kept and with nothing kept. `worker` works
on what was accepted until it is terminated. `queue TENANTS USERS` accepts, and waits until everything has ended;
`accept` does not wait. `urgent TENANTS` accepts one in the first tenant and waits for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.offboarding.desk import Desk, Request
from leaver.offboarding.intake import accept
from leaver.offboarding.planner import preview
from leaver.offboarding.run import run
from leaver.offboarding.see_through import carry_out
from leaver.offboarding.settle import Stop
from leaver.offboarding.worker import Worker
from leaver.store.tenants import KnownTenant
from leaver.wiring import House, open_house

SETTINGS = {"disable_sign_in": True, "reset_password": True, "revoke_sessions": True, "remove_groups": True}
"""What a directory alone settles, so that the engine and the store weigh as much as they can."""
PEOPLE = ("ada", "bob", "carol", "dan", "grace")
ACTOR = Actor("bench")


class NothingKept:
    """A keeper that keeps nothing."""

    def guard(self) -> None:
        """Nobody takes over."""

    async def save(self, record: Offboarding) -> None:
        """Forgotten."""

    def save_soon(self, record: Offboarding, task: TaskRecord | None = None) -> None:
        """Forgotten."""

    async def save_task(self, record: Offboarding, task: TaskRecord) -> None:
        """Forgotten."""


async def overhead(house: House, tenants: Sequence[str]) -> dict[str, float]:
    """Milliseconds that keeping a task and holding its offboarding add to settling it."""
    bare: list[float] = []
    kept: list[float] = []
    for tenant in tenants:
        for user, times in (("ada", bare), ("bob", kept)):
            planned = await preview(house, await accept(house, tenant, [_upn(tenant, user)], SETTINGS))
            began = time.monotonic()
            if times is kept:
                await carry_out(house, planned, on_event=lambda _: None)
            else:
                await run(planned.planned[0], NothingKept(), tell=lambda _: None, stop=Stop())
            times.append((time.monotonic() - began) / len(SETTINGS))
    return {
        "bare_ms": statistics.median(bare) * 1000,
        "kept_ms": statistics.median(kept) * 1000,
        "overhead_ms": (statistics.median(kept) - statistics.median(bare)) * 1000,
    }


async def work(house: House) -> dict[str, float]:
    """Work until terminated."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    worker = Worker(house)
    await worker.start()
    await ended.wait()
    await worker.stop(5)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"peak_mib": usage.ru_maxrss / 1024, "cpu_seconds": usage.ru_utime + usage.ru_stime}


async def queue(house: House, tenants: Sequence[str], users: int, *, wait: bool) -> dict[str, Any]:
    """Accept these many users of each tenant, and wait for the end of all if asked to."""
    desk = Desk(house)
    began = time.monotonic()
    ids = []
    for tenant in tenants:
        request = Request(tenant, [_upn(tenant, user) for user in PEOPLE[:users]], SETTINGS)
        ids += [item.id for item in await desk.queue(request, ACTOR) if isinstance(item, Offboarding)]
    accepted = time.monotonic()
    if wait:
        await _ended(house, len(ids))
    states: dict[str, int] = await house.offboardings.counts()
    return {
        "accepted": len(ids),
        "accept_seconds": accepted - began,
        "seconds": time.monotonic() - began,
        "states": states,
    }


async def urgent(house: House, tenant: str) -> dict[str, float]:
    """Seconds from accepting one urgent offboarding to its end."""
    began = time.time()
    (item,) = await Desk(house).queue(Request(tenant, [_upn(tenant, "ada")], SETTINGS, priority=1), ACTOR)
    assert isinstance(item, Offboarding), item
    while True:
        record = await house.offboardings.get(item.id)
        if record.ended_at is not None:
            break
        await asyncio.sleep(0.05)
    return {"end_seconds": record.ended_at.timestamp() - began}


async def _ended(house: House, number: int) -> None:
    open_states = ("scheduled", "accepted", "planned", "running", "waiting")
    while True:
        counts = await house.offboardings.counts()
        if sum(count for state, count in counts.items() if state not in open_states) >= number:
            return
        await asyncio.sleep(0.2)


def _upn(tenant: str, user: str) -> str:
    return f"{user}@{_NAMES[tenant]}"


_NAMES: dict[str, str] = {}


async def main(words: Sequence[str]) -> dict[str, Any]:
    """One measurement. Tenants come as JSON: a list of [id, domain]."""
    mode, tenants = words[0], [tuple(each) for each in json.loads(words[1])]
    _NAMES.update(tenants)
    ids = [tenant for tenant, _ in tenants]
    async with open_house(Config.from_environment(dict(os.environ))) as house:
        for tenant, domain in tenants:
            await house.tenants.save(KnownTenant(tenant, domain, domain, [domain]))
        match mode:
            case "overhead":
                return await overhead(house, ids)
            case "worker":
                return await work(house)
            case "urgent":
                return await urgent(house, ids[0])
            case _:
                return await queue(house, ids, int(words[2]), wait=mode == "queue")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1:]))))
