"""Budgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from leaver.m365.budgets import Budget, Spare


def test_grow_with_every_success_until_the_first_refusal() -> None:
    budget = Budget(10)

    for _ in range(30):
        budget.succeeded()

    assert budget.limit == 20


def test_grow_slowly_once_the_service_has_refused() -> None:
    budget = Budget(10)
    budget.refused(10)

    for _ in range(5):
        budget.succeeded()

    assert budget.limit == 6


@asynccontextmanager
async def holding(budget: Budget, slots: int) -> AsyncIterator[None]:
    """So many slots of a budget, taken."""
    async with AsyncExitStack() as stack:
        for _ in range(slots):
            await stack.enter_async_context(budget.slot())
        yield


async def is_free(budget: Budget) -> bool:
    """Whether a slot is to be had at once."""
    try:
        async with asyncio.timeout(0.01), budget.slot():
            return True
    except TimeoutError:
        return False


async def test_spare_slots_are_at_most_half_of_them() -> None:
    budget = Budget(10)
    spare = Spare(budget)

    async with holding(spare, 5):
        assert not await is_free(spare)
        assert await is_free(budget)
        async with holding(budget, 5):
            assert not await is_free(budget)
    assert await is_free(spare)


async def test_spare_slots_wait_while_anybody_else_is_on_the_way() -> None:
    budget = Budget(10)
    spare = Spare(budget)

    async with holding(budget, 1):
        assert not await is_free(spare)
        waiting = asyncio.create_task(is_free(spare))
    assert await waiting


async def test_whoever_waits_goes_before_who_waits_patiently() -> None:
    budget = Budget(1)
    order: list[str] = []

    async def take(name: str, of: Budget) -> None:
        async with of.slot():
            order.append(name)

    async with holding(budget, 1):
        tasks = [asyncio.create_task(take("patient", Spare(budget)))]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(take(name, budget)) for name in ("first", "second")]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    assert order == ["first", "second", "patient"]


async def test_who_waits_patiently_and_is_cancelled_leaves_nothing_behind() -> None:
    budget = Budget(2)
    spare = Spare(budget)
    async with holding(spare, 1):
        waiting = asyncio.create_task(spare.slot().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    async with holding(budget, 2):
        assert not await is_free(budget)
    assert await is_free(spare)


def test_a_refusal_in_spare_time_slows_everybody_and_a_success_makes_nobody_bolder() -> None:
    budget = Budget(10)
    spare = Spare(budget)

    spare.succeeded()
    assert budget.limit == 10
    spare.refused(10)

    assert budget.limit == 5
