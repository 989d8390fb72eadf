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
