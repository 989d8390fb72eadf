"""The urgent goes first: in the engine, which has a lane for it, and beside what this process drives already."""

from __future__ import annotations

import asyncio
import time

from leaver.offboarding.desk import Request
from leaver.offboarding.right_of_way import RightOfWay
from leaver.offboarding.workflow import LANES, Engine
from leaver.store.database import Database
from leaver.store.leases import Due


async def gives(way: RightOfWay, priority: int) -> bool:
    """Whether something of this priority is let go at once."""
    try:
        await asyncio.wait_for(way.give(priority), 0.02)
    except TimeoutError:
        return False
    return True


async def test_what_is_less_urgent_waits_until_the_urgent_has_ended() -> None:
    way = RightOfWay()
    waiting = None
    with way.taken(1):
        assert not await gives(way, 5)
        assert await gives(way, 1)
        with way.taken(5):
            assert await gives(way, 1)
            assert not await gives(way, 10)
        waiting = asyncio.create_task(way.give(5))
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)
    assert await gives(way, 10)


async def test_nobody_waits_longer_than_an_urgent_one_has_the_way() -> None:
    way = RightOfWay(0.1)
    with way.taken(1):
        began = time.monotonic()
        await asyncio.wait_for(way.give(5), 1)
        assert time.monotonic() - began >= 0.09
        assert await gives(way, 5)  # it has had its time, and may wait for Microsoft for hours
        with way.taken(1):
            assert not await gives(way, 5)


async def test_a_row_of_urgent_ones_holds_nobody_up_for_longer_either() -> None:
    way = RightOfWay(0.15)

    async def one_after_the_other() -> None:
        while True:
            with way.taken(1):
                await asyncio.sleep(0.05)

    row = asyncio.create_task(one_after_the_other())
    await asyncio.sleep(0)
    await asyncio.wait_for(way.give(5), 1)
    row.cancel()


def test_an_urgent_one_is_taken_up_beside_bulk_runs_that_fill_their_lane(address: str) -> None:
    driven: list[str] = []
    bulk = [Due(f"o{number}", f"t{number % 10}", 10, 0) for number in range(LANES[-1].at_once + 10)]
    due = list(bulk)
    longest = 10.0

    async def until(count: int) -> float:
        began = time.monotonic()
        while len(driven) < count:
            assert time.monotonic() - began < longest, driven
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def working() -> None:
        over = asyncio.Event()

        async def drives(offboarding_id: str) -> None:
            driven.append(offboarding_id)
            due[:] = [item for item in due if item.id != offboarding_id]
            if offboarding_id.startswith("o"):
                await over.wait()

        async def is_due() -> list[Due]:
            return list(due)

        engine = Engine(Database(address).engine_url, "w1", drives, is_due)
        await engine.start()
        try:
            await until(LANES[-1].at_once)
            due.extend([Due("alone", "t50", 5, 0), Due("urgent", "t51", 1, 0)])
            engine.nudge()
            await until(LANES[-1].at_once + 2)
            assert set(driven[-2:]) == {"alone", "urgent"}
        finally:
            over.set()
            await until(len(bulk) + 2)
            await engine.stop(5)

    asyncio.run(working())

    assert len(driven) == len(set(driven)) == len(bulk) + 2


def test_one_of_many_stands_behind_what_is_asked_for_alone() -> None:
    alone, many = Request("t", ["a"], {}), Request("t", ["a", "b"], {})

    assert alone.urgency < many.urgency
    assert Request("t", ["a", "b"], {}, priority=1).urgency == 1
