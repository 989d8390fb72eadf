"""Which entries of the audit trail are found, in each kind of database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leaver.domain.actor import Actor
from leaver.store.audit import PAGE, Audit, Wanted
from leaver.store.database import Database

SAM = Actor("Sam Ortega", "portal", "203.0.113.24")
ENTRIES = (
    (SAM, "sign_in", "", None),
    (SAM, "defaults.changed", "t1", {"remove_groups": {"value": True}}),
    (Actor("leaver", "engine"), "undo.ended", "t2", {"state": "completed"}),
    (Actor("100%_sure"), "token.created", "", {"name": "Power BI"}),
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["token.created", "undo.ended", "defaults.changed", "sign_in"]),
        (Wanted(text="ORTEGA"), ["defaults.changed", "sign_in"]),
        (Wanted(text="203.0.113"), ["defaults.changed", "sign_in"]),
        (Wanted(text="power bi"), ["token.created"]),
        (Wanted(text="100%_"), ["token.created"]),
        (Wanted(text="0%s"), []),
        (Wanted(text="or\0tega"), ["defaults.changed", "sign_in"]),
        (Wanted(kinds=("sign_in", "undo.")), ["undo.ended", "sign_in"]),
        (Wanted(tenant_ids=["t1"]), ["defaults.changed"]),
        (Wanted(tenant_ids=[]), []),
        (Wanted(tenant_ids=["t1", "t2"], text="completed"), ["undo.ended"]),
        (Wanted(since=datetime(2099, 1, 1, tzinfo=UTC)), []),
        (Wanted(since=datetime(2000, 1, 1, tzinfo=UTC), kinds=("token.",)), ["token.created"]),
    ],
)
async def test_entries_are_found_counted_and_read_in_both_directions(
    database: Database, wanted: Wanted, found: list[str]
) -> None:
    audit = Audit(database)
    for actor, what, tenant_id, after in ENTRIES:
        await audit.add(actor, what, tenant_id=tenant_id, after=after)

    latest = [entry["what"] for entry in await audit.latest(wanted)]
    oldest = [entry["what"] async for entry in audit.entries(wanted)]

    assert latest == found
    assert oldest == found[::-1]
    assert await audit.count(wanted) == len(found)


@pytest.mark.parametrize("limit", [0, 1, 3, 700, 5000])
async def test_so_many_entries_as_are_wanted_are_read(database: Database, limit: int) -> None:
    audit = Audit(database)
    async with database.begin() as connection:
        for number in range(PAGE + 20):
            await audit.add(SAM, f"what.{number}", connection=connection)

    found = [entry["what"] async for entry in audit.entries(after=10, limit=limit)]

    assert found == [f"what.{number}" for number in range(10, PAGE + 20)][: limit or None]
