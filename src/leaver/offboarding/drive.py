"""Drives an accepted offboarding, from wherever it stands, to its end or to the next moment that is worth a look.

Driving again is always safe: facts are read and the plan is made anew, and only what is missing is done. Whoever
drives holds a lease; it is renewed while the work goes on, and every write to Microsoft is preceded by the question
whether it is still held.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from leaver import traces
from leaver.domain.actor import ENGINE
from leaver.domain.errors import LeaseLost, LeaverError, StoreAway, TryAgain
from leaver.domain.offboarding import ErrorRecord, Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Note, NoteKind, blocker
from leaver.offboarding import approval
from leaver.offboarding.drift import drifted
from leaver.offboarding.intake import House, reopen
from leaver.offboarding.planner import UNREACHABLE, Planned, planned_for, preview
from leaver.offboarding.right_of_way import RightOfWay
from leaver.offboarding.run import Event, Watcher, run
from leaver.offboarding.settle import LOOK_AGAIN, Stop
from leaver.offboarding.together import end
from leaver.offboarding.undo import plan_undo, put_back
from leaver.store.audit import Said
from leaver.store.leases import Lease, Leases
from leaver.store.offboardings import Offboardings

AT_ONCE = 8
"""Offboardings of one request that run side by side; the budgets of the tenant hold beneath."""
BEAT = 2.0
"""Seconds between two looks at whether somebody cancelled; the lease is renewed every few of them."""
SOON = 0.1
"""Seconds after which what nobody waits for is kept: what follows it by then is kept with it."""
STORE_MAY_BE_AWAY = 30.0
"""Seconds that a save is tried again while the database does not answer."""
EARLY = timedelta(seconds=1)
"""A scheduled offboarding may start this much early; an engine's clock and ours are not one."""
PATIENCE = timedelta(hours=48)
"""How long an offboarding waits for Microsoft after its start before it says that it has not been proved."""
LONGEST_PAUSE = 1800.0
UNPLANNED_TRIES = 12
"""How often a scheduled offboarding is taken up while a service does not answer, before it asks a person."""


def worker_name() -> str:
    """A name for this process that no other one has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class _Unsaved:
    """What is to be kept together next."""

    def __init__(self) -> None:
        self.tasks: list[TaskRecord] = []
        self.whole = False
        self.waited_for = False
        self.now = asyncio.Event()
        """Set when it is time to keep it."""

    def add(self, task: TaskRecord | None) -> None:
        """A task, or everything."""
        if task is None:
            self.whole = True
        elif not any(task is other for other in self.tasks):
            self.tasks.append(task)


class Held:
    """An offboarding that this process holds: saves under the lease, and knows when the lease is gone."""

    def __init__(self, kept: Offboardings, leases: Leases, lease: Lease, stop: Stop, seconds: float) -> None:
        self._kept = kept
        self._leases = leases
        self.lease = lease
        self._stop = stop
        self._seconds = seconds
        self._until = monotonic() + seconds
        self._lost = False
        self._unsaved = _Unsaved()
        self._saving: asyncio.Task[None] | None = None
        self._saved_next: asyncio.Task[None] | None = None
        self.cancelled = False
        self.give_way: Callable[[], Awaitable[None]] | None = None
        """Awaited before changes are begun: something more urgent may go first."""

    def guard(self) -> None:
        """Raise when the lease is gone, or too old to be sure of."""
        if self._lost or monotonic() > self._until:
            self._lose()
            raise LeaseLost(
                "Another process has taken this offboarding over.", "lease_lost", advice="It goes on there."
            )

    async def save(self, record: Offboarding, said: Said | None = None) -> None:
        """Keep the offboarding as a whole, with the audit entry of what this changes."""
        await self.quiet()
        await self._try(lambda: self._kept.save(record, self.lease, said))

    def save_soon(self, record: Offboarding, task: TaskRecord | None = None) -> None:
        """Keep one task of it, or everything, within a moment and before what is kept later."""
        self._add(record, task)

    async def save_task(self, record: Offboarding, task: TaskRecord) -> None:
        """Keep one task of it, with what is to be kept soon; what comes while others are being kept goes together."""
        if self.give_way is not None:
            await self.give_way()
        saved = self._add(record, task)
        self._unsaved.waited_for = True
        self._unsaved.now.set()
        await asyncio.shield(saved)

    async def quiet(self) -> None:
        """Wait for what is being kept. What has not been begun is left to the save of everything that must follow."""
        if self._saved_next is not None and not self._unsaved.waited_for:
            self._saved_next.cancel()
            self._unsaved, self._saved_next = _Unsaved(), None
        await self._settled()

    def _add(self, record: Offboarding, task: TaskRecord | None) -> asyncio.Task[None]:
        self._unsaved.add(task)
        if self._saved_next is None:
            asyncio.get_running_loop().call_later(SOON, self._unsaved.now.set)
            self._saved_next = asyncio.create_task(self._save_together(record, self._unsaved, self._saving))
            self._saved_next.add_done_callback(_seen)
        return self._saved_next

    async def _save_together(self, record: Offboarding, group: _Unsaved, before: asyncio.Task[None] | None) -> None:
        await group.now.wait()
        if before is not None:
            await asyncio.wait([before])
        self._saving, self._saved_next, self._unsaved = self._saved_next, None, _Unsaved()
        if group.whole:
            await self._try(lambda: self._kept.save(record, self.lease))
        else:
            await self._try(lambda: self._kept.save_tasks(record, group.tasks, self.lease))

    async def _settled(self) -> None:
        """Nothing is being kept any more."""
        self._unsaved.now.set()
        while saving := [task for task in (self._saving, self._saved_next) if task is not None and not task.done()]:
            await asyncio.wait(saving)

    async def beat(self) -> None:
        """Renew the lease, and stop when somebody cancels, until cancelled."""
        renewed = monotonic()
        while not self._lost:
            await asyncio.sleep(min(BEAT, self._seconds / 5))
            with contextlib.suppress(StoreAway):
                if not self.cancelled and await self._leases.cancel_requested(self.lease.offboarding_id):
                    self.cancelled = True
                    self._stop.set()
                if monotonic() - renewed >= self._seconds / 5:
                    asked = monotonic()
                    if not await self._leases.renew(self.lease, self._seconds):
                        self._lose()
                        return
                    renewed, self._until = asked, asked + self._seconds

    async def let_go(self) -> None:
        """Give the lease back, once everything is kept."""
        await self._settled()
        with contextlib.suppress(StoreAway, LeaseLost):
            await self._leases.release(self.lease)

    def _lose(self) -> None:
        self._lost = True
        self._stop.for_another()

    async def _try(self, save: Callable[[], Awaitable[None]]) -> None:
        deadline = monotonic() + STORE_MAY_BE_AWAY
        pause = 0.1
        while True:
            try:
                await save()
            except StoreAway:
                if monotonic() + pause > deadline:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            except LeaseLost:
                self._lose()
                raise
            else:
                return


def _seen(saved: asyncio.Task[None]) -> None:
    """Look at how it ended: whoever waited for it may be gone."""
    if not saved.cancelled():
        saved.exception()


@asynccontextmanager
async def held(house: House, offboarding_id: str, owner: str, stop: Stop) -> AsyncIterator[Held | None]:
    """The offboarding, held while the block runs; None when another process holds it or nothing is to be done."""
    lease = await house.leases.claim(offboarding_id, owner, house.config.lease_seconds)
    if lease is None:
        yield None
        return
    keeper = Held(house.offboardings, house.leases, lease, stop, house.config.lease_seconds)
    beating = asyncio.create_task(keeper.beat())
    try:
        yield keeper
    finally:
        try:
            await end(beating)
        finally:
            await keeper.let_go()


def _nothing(_: Event) -> None:
    """Nobody watches."""


async def drive(
    house: House,
    offboarding_id: str,
    *,
    owner: str,
    tell: Watcher = _nothing,
    stop: Stop | None = None,
    look_again: Sequence[float] = LOOK_AGAIN,
    planned: Planned | None = None,
    way: RightOfWay | None = None,
) -> datetime | None:
    """Work on an offboarding until it has ended (None) or has to wait (until when).

    `planned` is a plan that a person has just confirmed; without one the plan is made here and held against what was
    confirmed. When another process holds the offboarding, nothing is done. `way` says what else is under way here, and
    goes first if it is more urgent.
    """
    stopping = stop or Stop()
    kept = house.offboardings
    way = way or RightOfWay()
    if planned is None:
        record = await kept.get(offboarding_id)
        if _is_early(record) and not await house.leases.cancel_requested(offboarding_id):
            return record.at
        await way.give(record.priority)
    async with held(house, offboarding_id, owner, stopping) as keeper:
        if keeper is None:
            return None
        ours = 1  # the claim
        if planned is not None and planned.record.revision + ours != keeper.lease.revision:
            planned = None  # another process worked on it since it was accepted: what is kept counts
        record = planned.record if planned is not None else await kept.get(offboarding_id)
        if keeper.lease.cancel_requested:
            stopping.set()
            keeper.cancelled = True
        elif planned is None and _is_early(record):
            return record.at  # moved since it was found due
        keeper.give_way = partial(way.give, record.priority)
        try:
            work = traces.span(record.kind, leaver__offboarding__id=record.id, leaver__tenant__id=record.tenant.id)
            with way.taken(record.priority), traces.under_way(offboarding=record.id), work:
                return await _drive(house, record, keeper, tell, stopping, look_again, planned)
        except (LeaseLost, StoreAway):
            raise
        except asyncio.CancelledError:
            if stopping.is_set() and not stopping.leave_the_rest:  # a second Ctrl-C: nobody shall go on with it
                _cancel_the_rest(record)
                await _end(keeper, record)
            raise


def _is_early(record: Offboarding) -> bool:
    return record.at is not None and not record.started and record.at > datetime.now(UTC) + EARLY


async def _drive(
    house: House,
    record: Offboarding,
    keeper: Held,
    tell: Watcher,
    stop: Stop,
    look_again: Sequence[float],
    planned: Planned | None,
) -> datetime | None:
    if record.ended_at is not None:
        return None
    if keeper.cancelled:
        _cancel_the_rest(record)
        return await _end(keeper, record)
    if record.awaits_approval:
        return None
    record.wake_at = None
    if planned is None:
        try:
            planned = await _plan(house, record)
        except TryAgain as error:
            return await _later_or_never(keeper, record, error)
        except (LeaseLost, StoreAway):
            raise
        except LeaverError as error:
            text = f"{error} {error.advice}".strip()
            record.notes = [*_without_own(record.notes), blocker("cannot_start", text)]
            return await _end(keeper, record)
        if not record.started and any(note.code == UNREACHABLE for note in record.notes):
            return await _later_or_never(keeper, record, None)
        if not record.started and record.state.value == "blocked":
            return await _end(keeper, record)
    if not record.started:
        try:
            if await _waits_for_approval(house, keeper, record):
                return None
        except TryAgain as error:
            return await _later_or_never(keeper, record, error)
    work = put_back if record.kind == "undo" else run
    await work(planned, keeper, tell=tell, stop=stop, look_again=look_again)
    if stop.is_set() and stop.leave_the_rest and any(task.outcome is Outcome.PLANNED for task in record.tasks):
        record.wake_at = datetime.now(UTC)
        await keeper.save(record)
        return record.wake_at
    return await _wait_or_end(keeper, record)


async def _waits_for_approval(house: House, keeper: Held, record: Offboarding) -> bool:
    """Whether the plan of the day needs a second person who has not agreed; it is kept, and stands still, then."""
    if not await approval.hold(house, record):
        return False
    record.confirmed_digest = record.confirmed_digest or record.digest
    reasons = None if record.approval is None else dict(record.approval.reasons)
    await keeper.save(record, Said(ENGINE, f"{record.kind}.awaits_approval", reasons, once=True))
    return True


async def _plan(house: House, record: Offboarding) -> Planned:
    """The plan of an offboarding as the tenant is now; of a started one the records stay as they are."""
    if record.kind == "undo" and not record.started:
        return await plan_undo(house, record)
    opened = await reopen(house, record)
    if record.started:
        return planned_for(house, opened)
    confirmed = {task.task: task for task in record.tasks} if record.confirmed_digest else {}
    made = await preview(house, [opened])
    if confirmed:
        record.notes += drifted(record, confirmed)
    if made.unreachable:
        record.notes.append(Note(NoteKind.INFO, UNREACHABLE, "A service did not answer; nothing was changed."))
    return made.planned[0]


def _without_own(notes: Sequence[Note]) -> list[Note]:
    return [note for note in notes if note.code not in ("cannot_start", UNREACHABLE)]


async def _later_or_never(keeper: Held, record: Offboarding, error: TryAgain | None) -> datetime | None:
    """A service that does not answer is asked later; after many tries a person is."""
    if record.attempt < UNPLANNED_TRIES:
        record.notes = _without_own(record.notes)
        wait = max(error.wait if error is not None else 0.0, _pause(record.attempt))
        record.wake_at = datetime.now(UTC) + timedelta(seconds=wait)
        await keeper.save(record)
        return record.wake_at
    text = str(error) if error is not None else "A service did not answer."
    record.notes = [*_without_own(record.notes), blocker("cannot_start", f"{text} Nothing was changed.")]
    return await _end(keeper, record)


def _pause(tries: int) -> float:
    return min(15.0 * 2.0 ** max(0, tries - 1), LONGEST_PAUSE)


async def _wait_or_end(keeper: Held, record: Offboarding) -> datetime | None:
    waiting = [task for task in record.tasks if task.outcome is Outcome.WAITING]
    if not waiting or keeper.cancelled:
        if keeper.cancelled:
            _cancel_the_rest(record)
        return await _end(keeper, record)
    began = min((task.started_at for task in record.tasks if task.started_at is not None), default=datetime.now(UTC))
    if datetime.now(UTC) - began < PATIENCE:
        record.wake_at = datetime.now(UTC) + timedelta(seconds=_pause(record.attempt))
        await keeper.save(record)
        return record.wake_at
    for task in waiting:
        task.outcome = Outcome.UNVERIFIED
        hours = int(PATIENCE.total_seconds() // 3600)
        task.error = ErrorRecord(
            "not_finished", f"Microsoft has not finished this within {hours} hours.", advice="Retry it later."
        )
    return await _end(keeper, record)


def _cancel_the_rest(record: Offboarding) -> None:
    record.cancelled_at = datetime.now(UTC)
    for task in record.tasks:
        if task.outcome in (Outcome.PLANNED, Outcome.WAITING, Outcome.BLOCKED):
            task.outcome = Outcome.CANCELLED


async def _end(keeper: Held, record: Offboarding) -> datetime | None:
    await keeper.quiet()  # the end is kept with its entry in the trail, and by no other save
    record.ended_at = datetime.now(UTC)
    record.wake_at = None
    outcomes = {task.task: task.outcome.value for task in record.tasks}
    said = {"state": record.state.value, "outcomes": outcomes}
    await keeper.save(record, Said(ENGINE, f"{record.kind}.ended", said, once=True))
    return None
