"""Sees accepted offboardings through to their end, whoever works on them.

While a server or worker shows itself in the store, it does the work and this process watches from the store. What has
nobody is worked on here: from the start when nothing else runs, and in the middle when what ran has died, as soon as
its lease has run out. The lease sees to it that an offboarding has one driver.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic

from leaver.domain.errors import LeaseLost, StoreAway
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.offboarding.desk import accept_plan
from leaver.offboarding.drive import AT_ONCE, STORE_MAY_BE_AWAY, drive, worker_name
from leaver.offboarding.intake import House
from leaver.offboarding.planner import Planned, Preview
from leaver.offboarding.run import Event, Watcher
from leaver.offboarding.settle import LOOK_AGAIN, Stop
from leaver.offboarding.together import together
from leaver.offboarding.words import clock, next_attempt
from leaver.store.leases import Standing
from leaver.store.workers import AtWork

LOOK = 0.4
"""Seconds between two looks at the store."""
PATIENCE_WITH_IDLE = 30.0
"""Seconds that what is due waits for those who show themselves at work, have nothing to do, and do not take it up."""


async def carry_out(
    house: House,
    preview: Preview,
    *,
    on_event: Watcher,
    stop: Stop | None = None,
    look_again: Sequence[float] = LOOK_AGAIN,
) -> list[Offboarding]:
    """Accept every offboarding of a plan that was just confirmed, and see all of them through.

    A blocked plan is unusable, and so is one with a user whom another offboarding has under way: nothing is changed.
    """
    await accept_plan(house.offboardings, preview)
    seeing = SeeingThrough(
        house, preview.offboardings, planned=preview.planned, tell=on_event, stop=stop, look_again=look_again
    )
    return await seeing.through()


class SeeingThrough:
    """Some accepted offboardings on their way to the end."""

    def __init__(
        self,
        house: House,
        records: Sequence[Offboarding],
        *,
        planned: Iterable[Planned] = (),
        tell: Watcher = lambda _: None,
        stop: Stop | None = None,
        look_again: Sequence[float] = LOOK_AGAIN,
        works: bool = True,
    ) -> None:
        """`planned` are plans that a person has just confirmed. Without `works` it only watches."""
        self._house = house
        self._records = {record.id: record for record in records}
        self._planned = {each.record.id: each for each in planned}
        self._tell = tell
        self._stop = stop or Stop()
        self._look_again = look_again
        self._works = works
        self._owner = worker_name()
        self._standings: dict[str, Standing] = {}
        self._at_work: Sequence[AtWork] = ()
        self._here: set[str] = set()
        self._watched: set[str] = set()
        self._waits_since: float | None = None
        self._moved = asyncio.Event()
        self._places = asyncio.Semaphore(AT_ONCE)

    @property
    def at_work(self) -> Sequence[AtWork]:
        """The servers and workers that were seen last."""
        return self._at_work

    @property
    def works_here(self) -> bool:
        """Whether this process works on one of them at the moment."""
        return bool(self._here)

    @property
    def records(self) -> list[Offboarding]:
        """How they were seen last."""
        return list(self._records.values())

    async def through(self) -> list[Offboarding]:
        """Until all have ended or wait for a second person; or until the stop, which leaves what others work on."""
        await self._look()
        looking = asyncio.create_task(self._keep_looking())
        try:
            everything = asyncio.create_task(together(*(self._one(each) for each in self._records)))
            await asyncio.wait((everything, looking), return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                everything.cancel()
                await asyncio.wait((everything,))
                looking.result()
            everything.result()
        finally:
            for task in (everything, looking):
                task.cancel()
            await asyncio.wait((everything, looking))
        for record in await self._house.offboardings.several(list(self._records)):
            self._records[record.id] = record
        return self.records

    async def _one(self, offboarding_id: str) -> None:
        while not self._is_over(offboarding_id):
            if not self._is_for_us(offboarding_id):
                if self._at_work or self._standings[offboarding_id].held:
                    self._watched.add(offboarding_id)
                await self._moved.wait()
                continue
            async with self._places:
                if self._is_for_us(offboarding_id) and not self._is_over(offboarding_id):
                    await self._work_on(offboarding_id)

    def _is_over(self, offboarding_id: str) -> bool:
        standing = self._standings.get(offboarding_id)
        if standing is None or not standing.active or standing.awaits_approval:
            return True
        if not self._works and not self._at_work and not standing.held:
            return True
        return self._stop.is_set() and offboarding_id not in self._here and not self._is_for_us(offboarding_id)

    def _is_for_us(self, offboarding_id: str) -> bool:
        """Nobody works on it, and nobody else will."""
        standing = self._standings[offboarding_id]
        if not self._works or standing.held:
            return False
        if not self._at_work:
            return standing.due or self._stop.is_set()
        waited = self._waits_since is not None and monotonic() - self._waits_since > PATIENCE_WITH_IDLE
        return standing.due and waited and not self._stop.is_set()

    async def _work_on(self, offboarding_id: str) -> None:
        record = self._records[offboarding_id]
        planned = self._planned.pop(offboarding_id, None)
        if offboarding_id in self._watched:
            self._watched.discard(offboarding_id)
            self._tell(Event(record, None, "nobody works on it, so it goes on here"))
        self._here.add(offboarding_id)
        again: datetime | None = None
        try:
            again = await drive(
                self._house,
                offboarding_id,
                owner=self._owner,
                tell=self._hear,
                stop=self._stop,
                look_again=self._look_again,
                planned=planned,
            )
        except LeaseLost:
            pass  # this process was away for too long, and another one goes on with it
        finally:
            self._here.discard(offboarding_id)
        with contextlib.suppress(StoreAway):  # the next look finds what this one missed
            await self._look([offboarding_id])
        record = self._records[offboarding_id]
        waits = again if not self._stop.is_set() else None
        self._tell(Event(record, None, _pause(record, waits) if waits is not None else ""))

    def _hear(self, event: Event) -> None:
        self._records[event.offboarding.id] = event.offboarding
        self._tell(event)

    async def _keep_looking(self) -> None:
        """Look every now and then; a database that is away for longer ends it."""
        seen = monotonic()
        while True:
            await self._pause()
            try:
                await self._look()
            except StoreAway:
                if monotonic() - seen > STORE_MAY_BE_AWAY:
                    raise
            else:
                seen = monotonic()

    async def _pause(self) -> None:
        if self._stop.is_set():
            await asyncio.sleep(LOOK)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self._stop.wait()

    async def _look(self, ids: Sequence[str] = ()) -> None:
        """How they stand, and who works; what others have moved is told."""
        kept, leases = self._house.offboardings, self._house.leases
        standings = await leases.standings(ids or list(self._records))
        moved = [
            each.id
            for each in standings.values()
            if each.id not in self._here and each.revision != self._records[each.id].revision
        ]
        fresh = await kept.several(moved, facts=False) if moved else []
        if not ids:
            self._at_work = await self._house.workers.at_work()
            idle = any(each.due for each in standings.values()) and not await leases.held_by_others(self._owner)
            self._waits_since = (self._waits_since or monotonic()) if idle else None
        self._standings |= standings
        for record in fresh:
            if record.id in self._here:
                continue
            before, self._records[record.id] = self._records[record.id], record
            for event in _news(before, record):
                self._tell(event)
        moved_before, self._moved = self._moved, asyncio.Event()
        moved_before.set()


def _news(before: Offboarding, record: Offboarding) -> Iterable[Event]:
    """What happened between two looks, task by task, as whoever drives would have told it."""
    known: Mapping[str, TaskRecord] = {task.task: task for task in before.tasks}
    told = False
    for task in record.tasks:
        was = known.get(task.task)
        if task.ended_at is not None:
            if was is None or was.ended_at is None:
                told = True
                yield Event(record, task, task.outcome.value.replace("_", " "))
        elif was is None or task.as_json() != was.as_json():
            told = True
            yield Event(record, task, _doing(task))
    if record.wake_at is not None and record.wake_at != before.wake_at:
        yield Event(record, None, _pause(record, record.wake_at))
    elif not told:
        yield Event(record, None, "")


def _doing(task: TaskRecord) -> str:
    if task.next_attempt is not None and task.next_attempt.at > datetime.now(UTC):
        return next_attempt(task.next_attempt)
    wrong = [change for change in task.changes if change.error and change.made_at is None]
    if wrong:
        return f"{wrong[-1].change.what}: {wrong[-1].error}"
    made = [change for change in task.changes if change.made_at is not None]
    return f"{made[-1].change.what}: done, checking" if made else ""


def _pause(record: Offboarding, until: datetime) -> str:
    microsoft = any(task.outcome is Outcome.WAITING for task in record.tasks)
    why = "Microsoft has not finished" if microsoft else "a service does not answer"
    return f"{why}; looked at again at {clock(until)} UTC"
