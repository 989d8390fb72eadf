"""Carries out a confirmed plan: every task as soon as those that it waits for have ended, each one to its proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.plan import info
from leaver.offboarding.planner import Planned
from leaver.offboarding.settle import LOOK_AGAIN, Look, Settling, Stop, look_early, look_of_plan, settle
from leaver.offboarding.together import together
from leaver.tasks.catalogue import ends_first, waits_for

WELL = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE, Outcome.FOLLOW_UP)
OPEN = (Outcome.PLANNED, Outcome.WAITING)
"""How a task stands that has not come to its end, so that a resumed run settles it."""


@dataclass(frozen=True)
class Event:
    """Something happened to a task, or to the offboarding as a whole; for whoever watches."""

    offboarding: Offboarding
    task: TaskRecord | None
    text: str


Watcher = Callable[[Event], None]


class Keeper(Protocol):
    """Whoever holds the offboarding while it runs: keeps what happens, and knows whether it may go on."""

    def guard(self) -> None:
        """Raise `LeaseLost` when another process has taken over."""

    async def save(self, record: Offboarding) -> None:
        """Keep the offboarding as a whole."""

    def save_soon(self, record: Offboarding, task: TaskRecord | None = None) -> None:
        """Keep one task of it, or everything, within a moment and before what is kept later."""

    async def save_task(self, record: Offboarding, task: TaskRecord) -> None:
        """Keep one task of it, with what is to be kept soon."""


async def run(
    planned: Planned, keeper: Keeper, *, tell: Watcher, stop: Stop, look_again: Sequence[float] = LOOK_AGAIN
) -> None:
    """Settle every task that has not come to its end; the records hold what was done. `stop` starts nothing more."""
    record = planned.record
    record.started = True
    keeper.save_soon(record)
    course = Course(planned)

    def changed(task: TaskRecord, text: str) -> None:
        keeper.save_soon(record, task)
        tell(Event(record, task, text))

    async def keep(task: TaskRecord) -> None:
        await keeper.save_task(record, task)

    async def one(name: str) -> None:
        await in_turn(name)
        course.ended(name)  # not after an exception: those that wait for it are cancelled, and must not begin

    async def in_turn(name: str) -> None:
        task = record.task(name)
        if task.outcome not in OPEN:
            return  # it came to its end before, or it was decided to leave it out
        looked = await course.turn_of(name, look=task.started_at is None and not stop.is_set())
        if stop.is_set() and stop.leave_the_rest:
            return
        if stop.is_set():
            task.outcome = Outcome.CANCELLED
            changed(task, "not started")
            return
        needed = _hindering(planned, name)
        if needed is not None:
            _hold_up(task, needed)
            changed(task, "not started")
            return
        told = (partial(course.checking, name), partial(course.accepted, name))
        await settle(Settling(planned, task, changed, keep, stop, keeper.guard, *told, looked, look_again))

    await together(*(one(name) for name in planned.types))


class Course:
    """How far the tasks of a run are, so that each one takes its turn behind those that it waits for.

    The first look is taken meanwhile, so that their time is not added up: at once where only their changes are waited
    for, unless the plan's own look is still fresh; and beside their last look where their end is. That one is forgotten
    when one of them turns out to need longer.
    """

    def __init__(self, planned: Planned) -> None:
        self._planned = planned
        self._open = set(planned.types)
        self._checking: set[str] = set()
        self._unmade = set(planned.types)
        self._moved = asyncio.Event()

    def checking(self, name: str, whether: bool) -> None:
        """Everything of this task is applied, and it may end with the look under way; or not after all."""
        if whether != (name in self._checking):
            self._checking.symmetric_difference_update({name})
            self._tell()

    def accepted(self, name: str) -> None:
        """Microsoft has accepted every change of this task, or those that it has not were given up."""
        self._unmade.discard(name)
        self._tell()

    def ended(self, name: str) -> None:
        """The task is over."""
        self._open.discard(name)
        self._unmade.discard(name)
        self._checking.discard(name)
        self._tell()

    async def turn_of(self, name: str, *, look: bool) -> Look | None:
        """Wait for the tasks before this one; with `look`, answer what was seen meanwhile, if anything is to do."""
        task = self._planned.types[name]
        ends_before, made_before = set(ends_first(task, self._planned.types)), set(task.follows)

        def held_up() -> bool:
            return bool(ends_before & self._open or made_before & self._unmade)

        def too_early() -> bool:
            return bool(ends_before & self._open - self._checking)

        seen = look_of_plan(self._planned, name) if look and not ends_before else None
        while held_up():
            if not look or seen is not None or too_early():
                await self._moved.wait()
                continue
            early = asyncio.create_task(look_early(self._planned, name))
            try:
                while held_up() and not too_early():
                    await self._moved.wait()
                if not held_up():
                    return await early
            finally:
                early.cancel()
        return seen

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


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
