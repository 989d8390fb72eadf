"""Carries out a confirmed plan: every task as soon as those that it waits for have ended, each one to its proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.plan import info
from leaver.offboarding.planner import Planned
from leaver.offboarding.settle import LOOK_AGAIN, Settling, Stop, settle
from leaver.offboarding.together import together
from leaver.tasks.catalogue import waits_for

WELL = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE, Outcome.FOLLOW_UP)
OPEN = (Outcome.PLANNED, Outcome.WAITING)
"""How a task stands that has not come to its end, so that a resumed run settles it."""


@dataclass(frozen=True)
class Event:
    """Something happened to a task; for whoever watches."""

    offboarding: Offboarding
    task: TaskRecord
    text: str


Watcher = Callable[[Event], None]


class Keeper(Protocol):
    """Whoever holds the offboarding while it runs: keeps what happens, and knows whether it may go on."""

    def guard(self) -> None:
        """Raise `LeaseLost` when another process has taken over."""

    async def save(self, record: Offboarding) -> None:
        """Keep the offboarding as a whole."""

    async def save_task(self, record: Offboarding, task: TaskRecord) -> None:
        """Keep one task of it."""


async def run(
    planned: Planned, keeper: Keeper, *, tell: Watcher, stop: Stop, look_again: Sequence[float] = LOOK_AGAIN
) -> None:
    """Settle every task that has not come to its end; the records hold what was done. `stop` starts nothing more."""
    record = planned.record
    record.started = True
    await keeper.save(record)
    ended = {name: asyncio.Event() for name in planned.types}

    async def changed(task: TaskRecord, text: str) -> None:
        await keeper.save_task(record, task)
        tell(Event(record, task, text))

    async def one(name: str) -> None:
        task = record.task(name)
        try:
            if task.outcome not in OPEN:
                return  # it came to its end before, or it was decided to leave it out
            for other in waits_for(planned.types[name], planned.types):
                await ended[other].wait()
            if stop.is_set() and stop.leave_the_rest:
                return
            if stop.is_set():
                task.outcome = Outcome.CANCELLED
                await changed(task, "not started")
                return
            needed = _hindering(planned, name)
            if needed is not None:
                _hold_up(task, needed)
                await changed(task, "not started")
                return
            await settle(Settling(planned, task, changed, stop, keeper.guard, look_again))
        finally:
            ended[name].set()

    await together(*(one(name) for name in planned.types))


def _hindering(planned: Planned, name: str) -> TaskRecord | None:
    """A task that this one needs and that did not end well."""
    task = planned.types[name]
    for other in waits_for(task, planned.types):
        if not {other, "*"}.isdisjoint(task.needs) and planned.record.task(other).outcome not in WELL:
            return planned.record.task(other)
    return None


def _hold_up(task: TaskRecord, needed: TaskRecord) -> None:
    """What needs something that Microsoft has not finished waits too; what needs a failed task is blocked."""
    task.outcome = Outcome.WAITING if needed.outcome is Outcome.WAITING else Outcome.BLOCKED
    outcome = needed.outcome.value.replace("_", " ")
    note = info("waits_for", f"Not started: it needs {needed.label or needed.task}, which is {outcome}.")
    task.notes = [other for other in task.notes if other.code != note.code] + [note]
