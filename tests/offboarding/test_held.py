"""What a process keeps of an offboarding that it holds: soon, now, whole; and never more than it should."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from leaver.domain.errors import LeaseLost, StoreAway
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.people import Leaver, TenantName
from leaver.offboarding import drive
from leaver.offboarding.drive import Held
from leaver.offboarding.settle import Stop
from leaver.store.leases import Lease

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Kept:
    """A store that writes down what it is asked to keep."""

    def __init__(self) -> None:
        self.saves: list[list[str]] = []
        self.problems: list[Exception] = []
        self.slow = 0.0

    async def save(self, *_: object) -> None:
        """Everything."""
        await self._keep("everything")

    async def save_tasks(self, _: Offboarding, tasks: list[TaskRecord], __: Lease) -> None:
        """Some tasks."""
        await self._keep(*(task.task for task in tasks))

    async def release(self, _: Lease) -> None:
        """The lease is given back."""
        await self._keep("let go")

    async def _keep(self, *what: str) -> None:
        await asyncio.sleep(self.slow)
        if self.problems:
            raise self.problems.pop()
        self.saves.append(list(what))


@pytest.fixture
def kept() -> Kept:
    """An empty one."""
    return Kept()


@pytest.fixture
def held(kept: Kept) -> Held:
    """An offboarding that this process holds."""
    store: Any = kept
    return Held(store, store, Lease("o1", 1, "me"), Stop(), 60)


@pytest.fixture
def record() -> Offboarding:
    """Three tasks."""
    tasks = [TaskRecord(name, "lock_out", name) for name in ("a", "b", "c")]
    return Offboarding("o1", TenantName("t", "t", "t"), Leaver("u", "u@t", "U"), {}, NOW, NOW, tasks=tasks)


async def test_what_nobody_waits_for_goes_with_what_is_waited_for(held: Held, kept: Kept, record: Offboarding) -> None:
    a, b, _ = record.tasks
    held.save_soon(record, a)
    held.save_soon(record, a)

    await held.save_task(record, b)

    assert kept.saves == [["a", "b"]]


async def test_everything_goes_in_place_of_its_tasks(held: Held, kept: Kept, record: Offboarding) -> None:
    held.save_soon(record)

    await held.save_task(record, record.tasks[0])

    assert kept.saves == [["everything"]]


async def test_what_nobody_waits_for_is_kept_all_the_same(
    held: Held, kept: Kept, record: Offboarding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "SOON", 0.0)
    held.save_soon(record, record.tasks[0])

    await asyncio.sleep(0.05)
    held.save_soon(record, record.tasks[1])
    await held.let_go()

    assert kept.saves == [["a"], ["b"], ["let go"]]


async def test_one_save_comes_after_the_other(held: Held, kept: Kept, record: Offboarding) -> None:
    kept.slow = 0.02
    a, b, c = record.tasks
    first = asyncio.create_task(held.save_task(record, a))
    await asyncio.sleep(0.01)
    await asyncio.gather(held.save_task(record, b), held.save_task(record, c), first)
    held.save_soon(record, a)
    await held.save(record)

    assert kept.saves == [["a"], ["b", "c"], ["everything"]]


async def test_a_lease_found_lost_behind_the_scenes_stops_the_work(
    held: Held, kept: Kept, record: Offboarding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "SOON", 0.0)
    kept.problems = [LeaseLost("Another process has it.", "lease_lost")]
    held.save_soon(record, record.tasks[0])
    await asyncio.sleep(0.05)

    with pytest.raises(LeaseLost):
        held.guard()


async def test_a_database_that_is_away_for_a_moment_is_asked_again(held: Held, kept: Kept, record: Offboarding) -> None:
    kept.problems = [StoreAway("away", "database_away")]

    await held.save_task(record, record.tasks[0])

    assert kept.saves == [["a"]]
