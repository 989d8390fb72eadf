"""The outbox on both databases: what is taken, by whom, and in which order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from leaver.store.database import Database
from leaver.store.outbox import Attempt, Outbox
from leaver.store.targets import Target, Targets


async def put(database: Database, count: int) -> tuple[Outbox, Targets]:
    """A target with so many test events."""
    targets, outbox = Targets(database), Outbox(database)
    await targets.add(Target("t", "webhook", "Tickets", "https://hooks.example.com"))
    for _ in range(count):
        made = await outbox.test("t")
        await outbox.failed(made, Attempt(datetime.now(UTC), 1, "not yet"), datetime.now(UTC))
    return outbox, targets


async def test_everything_is_taken_once_however_many_look(database: Database) -> None:
    outbox, _ = await put(database, 12)

    taken = await asyncio.gather(*(outbox.take(3) for _ in range(8)))

    ids = [delivery.id for some in taken for delivery in some]
    assert len(ids) == len(set(ids))
    rest = await outbox.take(20)
    assert len(ids) + len(rest) == 12


async def test_a_target_that_is_busy_or_off_gets_nothing(database: Database) -> None:
    outbox, targets = await put(database, 2)

    assert await outbox.take(10, ["t"]) == []
    await targets.change("t", enabled=False)
    assert await outbox.take(10) == []
    await targets.change("t", enabled=True)
    assert len(await outbox.take(10)) == 2


async def test_who_comes_late_with_an_old_attempt_changes_nothing(database: Database) -> None:
    outbox, _ = await put(database, 1)
    (late,) = await outbox.take(1)
    await outbox.failed(late, Attempt(datetime.now(UTC), 1, "broke"), datetime.now(UTC))
    (now,) = await outbox.take(1)
    await outbox.delivered(now, Attempt(datetime.now(UTC), 1, status=200))

    await outbox.failed(late, Attempt(datetime.now(UTC), 1, "late"), None)

    found = await outbox.get(now.id)
    assert found is not None
    assert (found.state, [entry["reason"] for entry in found.log]) == ("delivered", ["not yet", "broke", ""])


async def test_a_target_that_is_removed_takes_its_deliveries_along(database: Database) -> None:
    outbox, targets = await put(database, 3)

    await targets.remove("t")

    assert await outbox.take(10) == []
