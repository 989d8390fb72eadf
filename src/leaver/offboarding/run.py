"""Carries out a confirmed plan: every task as soon as those that it waits for have ended, each one to its proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Note, info
from leaver.offboarding.intake import House
from leaver.offboarding.planner import Planned, Preview
from leaver.offboarding.settle import LOOK_AGAIN, Settling, settle
from leaver.tasks.catalogue import waits_for

AT_ONCE = 8
"""Offboardings of one request that run side by side; the budgets of the tenant hold beneath."""

WELL = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE, Outcome.FOLLOW_UP)


@dataclass(frozen=True)
class Event:
    """Something happened to a task; for whoever watches."""

    offboarding: Offboarding
    task: TaskRecord
    text: str


async def carry_out(
    house: House,
    preview: Preview,
    *,
    on_event: Callable[[Event], None],
    stop: asyncio.Event | None = None,
    look_again: Sequence[float] = LOOK_AGAIN,
) -> None:
    """Run every offboarding of a preview to its end; the records hold what was done.

    `stop` lets what is under way finish and starts nothing more. A blocked preview is unusable.
    """
    if preview.blocked:
        raise Unusable("The plan holds blockers.", "blocked", advice="Decide them with --decide CODE=CHOICE.")
    places = asyncio.Semaphore(AT_ONCE)
    stopping = stop or asyncio.Event()

    async def one(planned: Planned) -> None:
        async with places:
            await _run(house, planned, on_event, stopping, look_again)

    with ExitStack() as held:
        for planned in preview.planned:
            held.enter_context(house.offboardings.only_one(planned.record))
        await asyncio.gather(*(one(planned) for planned in preview.planned))


async def _run(
    house: House,
    planned: Planned,
    tell: Callable[[Event], None],
    stop: asyncio.Event,
    look_again: Sequence[float],
) -> None:
    record = planned.record
    record.started = True
    house.offboardings.save(record)
    ended = {name: asyncio.Event() for name in planned.types}

    def changed(task: TaskRecord, text: str) -> None:
        house.offboardings.save(record)
        tell(Event(record, task, text))

    async def one(name: str) -> None:
        task = record.task(name)
        try:
            for other in waits_for(planned.types[name], planned.types):
                await ended[other].wait()
            if task.error is not None:
                return  # its facts could not be read, and it was decided to leave it out
            hindered = None if stop.is_set() else _hindrance(planned, name)
            if stop.is_set() or hindered is not None:
                task.outcome = Outcome.CANCELLED if hindered is None else Outcome.BLOCKED
                task.notes += [] if hindered is None else [hindered]
                changed(task, "not started")
                return
            await settle(Settling(planned, task, changed, stop, look_again))
        finally:
            ended[name].set()

    try:
        await asyncio.gather(*(one(name) for name in planned.types))
    finally:
        record.ended_at = datetime.now(UTC)
        house.offboardings.save(record)


def _hindrance(planned: Planned, name: str) -> Note | None:
    """Why a task cannot start: one that it needs did not end well."""
    task = planned.types[name]
    for other in waits_for(task, planned.types):
        if not {other, "*"}.isdisjoint(task.needs):
            needed = planned.record.task(other)
            if needed.outcome not in WELL:
                outcome = needed.outcome.value.replace("_", " ")
                return info("waits_for", f"Not started: it needs {needed.label or other}, which is {outcome}.")
    return None
