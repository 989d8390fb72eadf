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
from leaver.store.tenants import KnownTenant

RIGHTS = {"remove_mailbox_permissions": True, "remove_calendar_permissions": True}


async def measure(tenant_id: str, user: str) -> dict[str, float]:
    """Seconds for the first page of a search, and for looking through everybody's mailbox."""
    house, _ = house_for("together")
    await house.tenants.save(KnownTenant(tenant_id, "large.example", "Large", ["large.example"]))
    tenant = house.doorway(tenant_id)
    await tenant.organization.get()
    began = time.monotonic()
    rows, _ = await tenant.users.page("Person 0123")
    search = time.monotonic() - began
    assert rows
    began = time.monotonic()
    planned = await preview(house, await accept(house, tenant_id, [user], RIGHTS))
    rights = time.monotonic() - began
    found = sum(len(task.changes) for task in planned.offboardings[0].tasks)
    await house.http.aclose()
    await house.database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"search_seconds": search, "rights_seconds": rights, "rights_found": found, "peak_mib": peak}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*sys.argv[1:3]))))
