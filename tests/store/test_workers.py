"""Who works here is seen by everybody, and whoever stops saying so is gone."""

from __future__ import annotations

import asyncio
import os
import socket

from leaver.store.database import Database
from leaver.store.workers import Workers


async def test_who_shows_itself_is_at_work_until_it_stops_doing_so(database: Database) -> None:
    workers = Workers(database)
    assert await workers.at_work() == []
    await workers.show("w1", "worker", 60)
    await workers.show("s1", "server", 0.05)
    await workers.show("s2", "server", 60)
    await asyncio.sleep(0.1)

    found = await workers.at_work()

    assert [each.name for each in found] == ["s2", "w1"]
    assert str(found[0]) == f"`leaver serve` on {socket.gethostname()} (process {os.getpid()})"


async def test_who_shows_itself_again_is_the_same_one(database: Database) -> None:
    workers = Workers(database)
    await workers.show("w1", "worker", 60)
    (before,) = await workers.at_work()
    await workers.show("w1", "worker", 60)

    assert await workers.at_work() == [before]


async def test_who_leaves_is_gone_at_once(database: Database) -> None:
    workers = Workers(database)
    await workers.show("w1", "worker", 60)
    await workers.leave("w1")
    await workers.leave("never-there")

    assert await workers.at_work() == []


async def test_those_that_were_all_thought_gone_come_back_side_by_side(database: Database) -> None:
    """After a time without a database each finds the rows of the others run out; none waits for another."""
    workers = Workers(database)
    names = [f"w{number}" for number in range(4)]
    for _ in range(5):
        for name in names:
            await workers.show(name, "worker", 0)
        await asyncio.gather(*(workers.show(name, "worker", 60) for name in names))
        await workers.show("w0", "worker", 60)

    assert "w0" in [each.name for each in await workers.at_work()]
