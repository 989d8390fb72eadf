"""Work side by side ends together, however one of it ends."""

from __future__ import annotations

import asyncio

import pytest

from leaver.offboarding.together import end, some_at_once, together


class Work:
    """Parts, and how each of them ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def waits_for_ever(self) -> None:
        """Until cancelled."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise

    async def fails(self) -> None:
        """At once."""
        raise ValueError("it failed")

    async def waits_for_what_is_cancelled(self) -> None:
        """As a reader does whose connection is closed."""
        gone = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(gone.cancel)
        await gone


@pytest.fixture
def work() -> Work:
    """What runs side by side."""
    return Work()


async def test_the_others_are_cancelled_when_one_fails(work: Work) -> None:
    with pytest.raises(ValueError, match="it failed"):
        await together(work.waits_for_ever(), work.fails(), work.waits_for_ever())

    assert work.ended in (["cancelled"], ["cancelled", "cancelled"])  # one that had not begun says nothing


async def test_what_is_cancelled_by_itself_leaves_nobody_waiting(work: Work) -> None:
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(together(work.waits_for_ever(), work.waits_for_what_is_cancelled()), 5)

    assert work.ended == ["cancelled"]


async def test_a_failure_says_more_than_a_cancellation(work: Work) -> None:
    async def fails_when_cancelled() -> None:
        try:
            await work.waits_for_ever()
        except asyncio.CancelledError:
            raise ValueError("it failed") from None

    with pytest.raises(ValueError, match="it failed"):
        await together(work.waits_for_what_is_cancelled(), fails_when_cancelled())


async def test_whoever_cancels_all_of_it_is_obeyed(work: Work) -> None:
    everything = asyncio.create_task(together(work.waits_for_ever(), work.waits_for_ever()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    everything.cancel()

    with pytest.raises(asyncio.CancelledError):
        await everything
    assert work.ended == ["cancelled", "cancelled"]


async def test_only_so_many_are_under_way_and_their_order_stays() -> None:
    under_way, most = 0, 0

    async def part(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01 / (number + 1))
        under_way -= 1
        return number

    assert await some_at_once((part(number) for number in range(20)), 3) == list(range(20))
    assert most == 3


async def test_whoever_is_cancelled_while_it_ends_another_hears_of_it(work: Work) -> None:
    """Or a worker that is asked to stop at that moment would go on for ever."""

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)

    async def goes_on() -> None:
        other = asyncio.create_task(slow_to_end())
        await asyncio.sleep(0)
        await end(other)
        await asyncio.Event().wait()

    task = asyncio.create_task(goes_on())
    await asyncio.sleep(0.02)
    task.cancel()

    done, _ = await asyncio.wait([task], timeout=2)

    assert done == {task}
    assert task.cancelled()


async def test_what_another_broke_off_with_is_raised(work: Work) -> None:
    task = asyncio.create_task(work.fails())
    await asyncio.sleep(0)

    with pytest.raises(ValueError, match="it failed"):
        await end(task)
