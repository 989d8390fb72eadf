"""A tenant of 50,000 users with 5,001 mailboxes, measured in a process of its own: prints one JSON line."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

from bench.offboarding import house_for
from leaver.offboarding.intake import accept
from leaver.offboarding.planner import preview
from leaver.offboarding.survey import build_index
from leaver.store.tenants import KnownTenant
from leaver.wiring import House

RIGHTS = {"remove_mailbox_permissions": True, "remove_calendar_permissions": True}


async def measure(tenant_id: str, user: str) -> dict[str, float]:
    """Seconds for the first page of a search, for looking through everybody's mailbox, and for going by an index.

    A plan that goes by the index is timed alone, and while another index of the tenant is being built.
    """
    house, _ = house_for("together")
    await house.tenants.save(KnownTenant(tenant_id, "large.example", "Large", ["large.example"]))
    tenant = house.doorway(tenant_id)
    await tenant.organization.get()
    began = time.monotonic()
    rows, _ = await tenant.users.page("Person 0123")
    search = time.monotonic() - began
    assert rows
    rights, found = await _plan(house, tenant_id, user)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.monotonic()
    await build_index(house, tenant_id, "bench")
    build = time.monotonic() - began
    by_index, found_by_index = await _plan(house, tenant_id, user)
    building = asyncio.create_task(build_index(house, tenant_id, "bench"))
    await asyncio.sleep(build / 4)
    beside_build, _ = await _plan(house, tenant_id, user)
    assert not building.done()
    building.cancel()
    await asyncio.gather(building, return_exceptions=True)
    await house.http.aclose()
    await house.database.close()
    return {
        "search_seconds": search,
        "rights_seconds": rights,
        "rights_found": found,
        "peak_mib": peak,
        "index_seconds": build,
        "by_index_seconds": by_index,
        "by_index_found": found_by_index,
        "beside_build_seconds": beside_build,
    }


async def _plan(house: House, tenant_id: str, user: str) -> tuple[float, int]:
    """How long a plan of both tasks about rights takes, and how many rights it finds."""
    began = time.monotonic()
    planned = await preview(house, await accept(house, tenant_id, [user], RIGHTS))
    return time.monotonic() - began, sum(len(task.changes) for task in planned.offboardings[0].tasks)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*sys.argv[1:3]))))
