"""The same road backwards: the changes that an offboarding really made are planned, put back and read back.

What was changed counts as put back when the task, inspected afresh, plans the very same change again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic

from leaver.domain.actor import Actor
from leaver.domain.errors import LeaseLost, LeaverError, NotFound, StoreAway, TryAgain, Uncertain, Unusable
from leaver.domain.offboarding import ChangeRecord, ErrorRecord, Offboarding, TaskRecord, plain
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Change, Json, Note, Reversibility, blocker, info
from leaver.m365.http import Wait, listening, recording
from leaver.offboarding.attempts import Attempts
from leaver.offboarding.conflicts import DELETION
from leaver.offboarding.intake import House, reopen
from leaver.offboarding.planner import Planned, cannot_be_planned, open_blocker, planned_for
from leaver.offboarding.run import Event, Keeper, Watcher
from leaver.offboarding.settle import LOOK_AGAIN, REPEATS, Stop, writes
from leaver.offboarding.together import together
from leaver.tasks.catalogue import waits_for

CHANGED_SINCE = "changed_since"
KEEP, PUT_BACK = "keep", "put_back"
RESTORABLE = timedelta(days=30)
"""How long Microsoft keeps a deleted user and what else can be put back for 30 days (contracts/graph.md)."""


def open_undo(
    original: Offboarding, actor: Actor, tasks: Sequence[str] = (), decisions: Mapping[str, str] | None = None
) -> Offboarding:
    """An undo of what an offboarding changed, not planned yet; of all of it, or of some tasks.

    One that is still at work, that is an undo itself, or that changed nothing which can be put back, is unusable.
    """
    if original.kind != "offboarding":
        raise Unusable(
            f"{original.id} is an undo itself.",
            "undo_of_undo",
            advice="Offboard the user again to take away what was put back.",
        )
    if original.ended_at is None:
        raise Unusable(
            f"{original.id} has not ended: it is {original.state.value}.",
            "still_active",
            advice=f"Wait for its end, or stop it with `leaver cancel {original.id}`.",
        )
    if original.pruned is not None:
        raise Unusable(
            f"{original.id} was pruned, so what it changed is not known any more.",
            "pruned",
            advice="A copy of its evidence, if somebody kept one, says what it changed.",
        )
    known = {task.task for task in original.tasks}
    strange = [name for name in tasks if name not in known]
    if strange:
        raise Unusable(f"{original.id} had no task {', '.join(strange)}.", "unknown_task")
    records = [_reversed(task) for task in original.tasks if not tasks or task.task in tasks]
    records = [task for task in records if task.changes]
    if not records:
        raise Unusable(
            f"{original.id} made no change that can be put back.",
            "nothing_to_undo",
            advice=" ".join(note.text for note in _gone_for_good(original)) or "It changed nothing.",
        )
    return Offboarding(
        id=secrets.token_hex(8),
        tenant=original.tenant,
        user=original.user,
        settings=original.settings,
        requested_at=datetime.now(UTC),
        asked_at=original.asked_at,
        decisions={**original.decisions, **dict(decisions or {})},
        reference=original.reference,
        asked_by=actor.name,
        asked_via=actor.via,
        asked_from=actor.address,
        askers=actor.names,
        people=original.people,
        placeholders=original.placeholders,
        kind="undo",
        undo_of=original.id,
        full_scan=original.full_scan,
        tasks=records,
        notes=_gone_for_good(original),
    )


async def plan_undo(house: House, record: Offboarding) -> Planned:
    """An undo with what it would put back, as the tenant is now; it writes nothing."""
    planned = planned_for(house, await reopen(house, record))
    deleted = await _is_deleted(planned)
    await together(*(_plan_task(planned, task, deleted=deleted) for task in record.tasks))
    return planned


async def put_back(
    planned: Planned, keeper: Keeper, *, tell: Watcher, stop: Stop, look_again: Sequence[float] = LOOK_AGAIN
) -> None:
    """Put back every task that has not come to its end, the last one first; the records hold what was done."""
    record = planned.record
    record.started = True
    keeper.save_soon(record)
    ended = {task.task: asyncio.Event() for task in record.tasks}
    types = {name: kind for name, kind in planned.types.items() if name in ended}

    async def one(task: TaskRecord) -> None:
        await in_turn(task)
        ended[task.task].set()  # not after an exception: those that wait for it are cancelled, and must not begin

    async def in_turn(task: TaskRecord) -> None:
        work = _Undoing(planned, task, keeper, tell, stop, look_again)
        if task.outcome is not Outcome.PLANNED:
            return
        later = [other for other in ended if task.task in waits_for(types[other], types)]
        for other in later:
            await ended[other].wait()
        if stop.is_set():
            if not stop.leave_the_rest:
                task.outcome = Outcome.CANCELLED
                work.changed("not started")
            return
        if DELETION in later and record.task(DELETION).outcome not in GOOD:
            task.outcome = Outcome.BLOCKED
            task.notes.append(info("waits_for", "Not started: the deleted user was not restored."))
            work.changed("not started")
            return
        await work.through()

    await together(*(one(task) for task in record.tasks))


GOOD = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE)


def _reversed(task: TaskRecord) -> TaskRecord:
    backwards = TaskRecord(task.task, task.stage, task.label)
    for made in reversed(task.changes):
        change = made.change
        if made.made_at is not None and change.reversible:
            turned = replace(change, before=change.after, after=change.before)
            backwards.changes.append(ChangeRecord(turned))
    return backwards


def _forwards(change: Change) -> Change:
    """The change of the offboarding that this one puts back."""
    return replace(change, before=change.after, after=change.before)


def _gone_for_good(original: Offboarding) -> list[Note]:
    """What was changed and cannot come back, said once for each task."""
    notes = []
    for task in original.tasks:
        gone = [made.change for made in task.changes if made.made_at is not None and not made.change.reversible]
        if gone:
            again = all(change.reversibility is Reversibility.ONE_WAY for change in gone)
            what = f"{len(gone)} changes" if len(gone) > 3 else ", ".join(change.what for change in gone)
            ending = "cannot be put back; the user sets it up again" if again else "cannot be put back by anyone"
            notes.append(info("cannot_be_put_back", f"{task.label or task.task}: {what} {ending}."))
    return notes


async def _is_deleted(planned: Planned) -> bool:
    if not any(task.task == DELETION for task in planned.record.tasks):
        return False
    return await planned.tenant.fresh().deleted_users.get(planned.record.user.id) is not None


async def _plan_task(planned: Planned, task: TaskRecord, *, deleted: bool) -> None:
    """What of one task is still in force, is back already, or was changed again since."""
    record = planned.record
    task.notes = []
    if deleted and task.task != DELETION:
        task.outcome = Outcome.PLANNED
        task.notes = [info("after_restore", "Looked at once the deleted user is restored.")]
        return
    try:
        state = await _look(planned, task)
    except LeaverError as error:
        cannot_be_planned(task, error, record.decisions)
        return
    task.facts_before = state.facts
    if state.drifted:
        names = "; ".join(f"{made.change.what} is {_shown(now)} now" for made, now in state.drifted)
        note = blocker(CHANGED_SINCE, f"{task.label}: changed by somebody since: {names}.", KEEP, PUT_BACK)
        task.notes.append(note)
        if open_blocker(note, record.decisions):
            task.outcome = Outcome.BLOCKED
            return
    task.outcome = Outcome.PLANNED if state.to_do(record.decisions) else Outcome.ALREADY_IN_PLACE


@dataclass
class _State:
    """How one task stands against what is to be put back."""

    facts: Json
    in_force: list[ChangeRecord] = field(default_factory=list)
    """What the offboarding left, and nobody has touched."""
    drifted: list[tuple[ChangeRecord, object]] = field(default_factory=list)
    """What is neither as the offboarding left it nor as it was before."""
    back: list[ChangeRecord] = field(default_factory=list)

    def to_do(self, decisions: Mapping[str, str]) -> list[ChangeRecord]:
        """What is to be put back."""
        again = [made for made, _ in self.drifted] if decisions.get(CHANGED_SINCE) == PUT_BACK else []
        return [*self.in_force, *again]


async def _look(planned: Planned, task: TaskRecord) -> _State:
    """Fresh facts, and each change held against them."""
    worker = planned.make(task.task)
    facts = await worker.inspect()
    wanted = [item for item in worker.plan(facts) if isinstance(item, Change)]
    state = _State(plain(facts))
    left = list(wanted)
    open_ones = []
    for made in task.changes:
        forwards = _forwards(made.change)
        same = next((item for item in left if item.key == forwards.key), None)
        if same is None:
            open_ones.append(made)
            continue
        left.remove(same)
        if same.before == forwards.before or made.made_at is not None:
            state.back.append(made)
        else:
            state.drifted.append((made, same.before))
    for made in open_ones:  # what was made anew has another id; its name and content are the same
        forwards = _forwards(made.change)
        twin = next((item for item in left if worker.same(item, forwards)), None)
        if twin is None:
            state.in_force.append(made)
        else:
            left.remove(twin)
            state.back.append(made)
    return state


def _shown(value: object) -> str:
    return "set" if isinstance(value, (dict, list)) else repr(value)


@dataclass
class _Undoing:
    """One task on its way back."""

    planned: Planned
    record: TaskRecord
    keeper: Keeper
    tell: Watcher
    stop: Stop
    look_again: Sequence[float]
    tries: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    waits: list[Wait] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Whoever is told of changes is told of waits, too."""
        self.attempts = Attempts(self.record, self.changed)

    def changed(self, text: str) -> None:
        """Keep the task within a moment, and tell whoever watches."""
        self.keeper.save_soon(self.planned.record, self.record)
        self.tell(Event(self.planned.record, self.record, text))

    async def through(self) -> None:
        """Bring the task to its end; the record holds everything that was seen and done, also when it fails."""
        record = self.record
        record.started_at = record.started_at or self.planned.tenant.now()
        record.error = None
        try:
            with listening(self.attempts.before):
                record.outcome = await self._converge()
        except (LeaseLost, StoreAway):
            raise
        except LeaverError as error:
            if isinstance(error, TryAgain) and self.stop.leave_the_rest:
                record.outcome = Outcome.PLANNED
            else:
                record.error = ErrorRecord.of(error)
                record.outcome = Outcome.FAILED
        if record.outcome is not Outcome.PLANNED:
            record.ended_at = self.planned.tenant.now()
        self.changed(record.outcome.value.replace("_", " "))

    async def _converge(self) -> Outcome:
        deadline = monotonic() + self.planned.types[self.record.task].patience
        looks = 0
        decisions = self.planned.record.decisions
        while True:
            state = await self._see()
            self.record.facts_after = state.facts
            for made in state.back:
                if made.begun_at is not None:  # its answer was lost, and it was heard
                    made.made_at, made.begun_at, made.error = made.begun_at, None, ""
                if made.made_at is not None and made.verified_at is None:
                    made.verified_at = self.planned.tenant.now()
            left = [made for made in state.to_do(decisions) if made.change.key not in self.failed]
            ready = [made for made in left if made.made_at is None]
            if ready and not self.stop.is_set():
                await self._all(ready)
                looks = 0
                continue
            if self.stop.leave_the_rest and left:
                return Outcome.PLANNED
            if self.stop.is_set():
                if ready:
                    return Outcome.CANCELLED
                deadline = min(deadline, self.stop.prove_until)
            if self.failed:
                return Outcome.FAILED
            if not left:
                done = any(made.made_at is not None for made in self.record.changes)
                return Outcome.VERIFIED if done else Outcome.ALREADY_IN_PLACE
            if monotonic() >= deadline:
                names = ", ".join(made.change.what for made in left)
                self.record.error = ErrorRecord(
                    "not_read_back",
                    f"Microsoft accepted it and does not show it: {names}.",
                    advice="Retry it later; only what is still missing is done.",
                )
                return Outcome.UNVERIFIED
            self.changed("Microsoft does not show it yet")
            await self.stop.pause(self.look_again[min(looks, len(self.look_again) - 1)])
            looks += 1

    async def _see(self) -> _State:
        """A look; a busy service, and a user who was restored a moment ago, are looked at again."""
        patience = self.planned.types[self.record.task].patience
        deadline = monotonic() + patience
        looks = 0
        while True:
            try:
                return await _look(self.planned, self.record)
            except (TryAgain, NotFound) as error:
                if monotonic() >= deadline or self.stop.is_set():
                    raise
                self.changed(error.message)
                least = error.wait if isinstance(error, TryAgain) else 0.0
                seconds = max(least, self.look_again[min(looks, len(self.look_again) - 1)])
                looks += 1
                with self.attempts.before(Wait(error, looks + 1, 0, seconds)):
                    await self.stop.pause(seconds)

    async def _all(self, ready: Sequence[ChangeRecord]) -> None:
        """Lane beside lane, within a lane one after the other."""
        self.waits.clear()
        for made in ready:
            made.begun_at = self.planned.tenant.now()
        self.changed("putting back")
        await self.keeper.save_task(self.planned.record, self.record)  # where that fails, nothing is asked of Microsoft
        lanes: dict[str, list[ChangeRecord]] = {}
        for index, made in enumerate(ready):
            lanes.setdefault(made.change.lane or f"#{index}", []).append(made)
        await together(*(self._lane(lane) for lane in lanes.values()))
        if self.waits:
            longest = max(self.waits, key=lambda wait: wait.seconds)
            with self.attempts.before(longest):
                await self.stop.pause(longest.seconds)

    async def _lane(self, lane: Sequence[ChangeRecord]) -> None:
        for made in lane:
            if self.stop.is_set() or not await self._one(made):
                return

    async def _one(self, made: ChangeRecord) -> bool:
        worker = self.planned.make(self.record.task)
        self.keeper.guard()
        key = made.change.key
        with recording() as calls:
            try:
                await worker.undo(_forwards(made.change))
            except LeaseLost:
                raise
            except (Uncertain, TryAgain) as error:
                made.begun_at = made.begun_at if isinstance(error, Uncertain) else None
                self.tries[key] = self.tries.get(key, 0) + 1
                if self.tries[key] < REPEATS:
                    seconds = error.wait if isinstance(error, TryAgain) else self.look_again[0]
                    self.waits.append(Wait(error, self.tries[key] + 1, REPEATS, seconds))
                    self.changed(f"{made.change.what}: {error.message}")
                    return False
                return self._failed(made, error)
            except LeaverError as error:
                made.begun_at = None
                return self._failed(made, error)
            finally:
                made.request_ids += [call.request_id for call in calls if call.request_id and writes(call)]
        made.made_at, made.begun_at, made.error = self.planned.tenant.now(), None, ""
        self.changed(f"{made.change.what}: put back, checking")
        return True

    def _failed(self, made: ChangeRecord, error: LeaverError) -> bool:
        made.error = str(error)
        self.failed.add(made.change.key)
        if self.record.error is None:
            self.record.error = ErrorRecord.of(error)
        self.changed(f"{made.change.what}: {error.message}")
        return True
