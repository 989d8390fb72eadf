"""One task through inspect, plan, apply and verify, until nothing is left to plan or nothing more can be done."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic

from leaver import traces
from leaver.domain.errors import Forbidden, LeaseLost, LeaverError, OnPremises, StoreAway, TryAgain, Uncertain
from leaver.domain.offboarding import ChangeRecord, ErrorRecord, TaskRecord, plain
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Awaiting, Change, Note, PlanItem, follow_up, info
from leaver.m365.http import Call, Wait, listening, recording
from leaver.offboarding.attempts import Attempts
from leaver.offboarding.planner import Planned, notes_of, open_blocker, settled_outcome
from leaver.offboarding.together import together
from leaver.tasks.task import Task

LOOK_AGAIN = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between one look and the next while Microsoft has not caught up; the last one repeats."""
LOOKS = 4
"""How often a look that a busy service refused is taken."""
REPEATS = 5
"""How often one change is tried that Microsoft says to try again."""
LONGEST_WAIT = 1800.0
"""Seconds that a task waits at most before a change is tried again, whatever Microsoft asks for."""
ROUNDS = 12
"""Applying more often than this without coming to an end means that something undoes the work."""
PROVED_WITHIN = 15.0
"""Seconds in which what was made before a cancellation is read back."""
A_MOMENT = 1.5
STALE = 20.0
"""Seconds after which a first look that was taken ahead of time is taken again."""


_ANSWER_LOST = (
    "Microsoft's answer to a change was lost on the way or with the process that asked. It was found made afterwards; "
    "its time is that of the request."
)


class Stop(asyncio.Event):
    """Once set, what is under way finishes and nothing more is started."""

    leave_the_rest: bool = False
    """The rest is left for another process to go on with, not cancelled."""
    prove_until: float = math.inf
    """Until when what was made before is read back, on the monotonic clock."""

    def set(self) -> None:
        """Stop."""
        self.prove_until = min(self.prove_until, monotonic() + PROVED_WITHIN)
        super().set()

    async def pause(self, seconds: float) -> None:
        """Let time pass, but not beyond a stop; after one only a moment of it passes."""
        if self.is_set():
            await asyncio.sleep(min(seconds, A_MOMENT))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # `wait_for` of Python 3.11 can lose a cancellation
                await self.wait()

    def for_another(self) -> None:
        """Stop here and let another process go on."""
        self.leave_the_rest = True
        self.set()


@dataclass(frozen=True)
class Look:
    """A task as it was when its facts were read, and these facts."""

    task: Task[object]
    facts: object
    began: float
    """When the reading began, on the monotonic clock."""

    def finds_work(self) -> bool:
        """Whether changes are left to make, which may begin from these facts."""
        return any(isinstance(item, Change) for item in self.task.plan(self.facts))


@dataclass
class Settling:
    """What is known while one task is being settled."""

    planned: Planned
    record: TaskRecord
    changed: Callable[[TaskRecord, str], None]
    """Told after everything that changed the record, with a sentence; it is kept within a moment."""
    keep: Callable[[TaskRecord], Awaitable[None]]
    """Keep the record now: it says what Microsoft is about to be asked for."""
    stop: Stop
    guard: Callable[[], None] = lambda: None
    """Called before every write; raises when somebody else has taken this offboarding over."""
    checking: Callable[[bool], None] = lambda _: None
    """Told when everything is applied and the look that may end the task begins, and when that look did not end it."""
    accepted: Callable[[], None] = lambda: None
    """Told when Microsoft has accepted every change that was found, but for those that were given up."""
    looked: Look | None = None
    """A first look that was taken while the tasks before this one were being checked."""
    look_again: Sequence[float] = LOOK_AGAIN
    made: dict[str, ChangeRecord] = field(default_factory=dict)
    """What was changed since this settling began."""
    earlier: dict[str, ChangeRecord] = field(default_factory=dict)
    """What an earlier attempt changed; it may be made once more, unless Microsoft shows no trace of it."""
    begun: dict[str, ChangeRecord] = field(default_factory=dict)
    """Whose answer was lost, in this settling or with the process that began it: made, or not."""
    given_up: dict[str, ChangeRecord] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    adopted: bool = False
    """Whether the answer to a change was lost, and the change found made."""
    left_to_people: list[Note] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    """What Microsoft asked for in the round under way."""

    def __post_init__(self) -> None:
        """Whoever is told of changes is told of waits, too."""
        self.attempts = Attempts(self.record, lambda text: self.changed(self.record, text))

    @property
    def now(self) -> datetime:
        """The time on the service's clock."""
        return self.planned.tenant.now()


async def settle(settling: Settling) -> Outcome:
    """Bring one task to its end; the record holds everything that was seen and done, also when it fails."""
    of = settling.planned.record.id
    name = settling.record.task
    with traces.span(f"task {name}", leaver__task=name, leaver__offboarding__id=of) as span:
        with listening(settling.attempts.before):
            outcome = await _settle(settling)
        span.say(leaver__outcome=outcome.value)
        if outcome in (Outcome.FAILED, Outcome.UNVERIFIED):
            span.fail(outcome.value)
    return outcome


async def _settle(settling: Settling) -> Outcome:
    record = settling.record
    resumed = record.started_at is not None
    if resumed:
        settling.earlier = {change.change.key: change for change in record.changes if change.made_at}
        settling.begun = {change.change.key: change for change in record.changes if change.begun_at}
    record.started_at = record.started_at or settling.now
    record.error = None
    try:
        record.outcome = await _converge(settling, resumed=resumed)
    except (LeaseLost, StoreAway):
        raise
    except LeaverError as error:
        if isinstance(error, TryAgain) and settling.stop.leave_the_rest:
            record.outcome = Outcome.PLANNED
        else:
            record.error = ErrorRecord.of(error)
            record.outcome = Outcome.FAILED
    if record.outcome is not Outcome.PLANNED:
        record.ended_at = settling.now
    settling.changed(record, record.outcome.value.replace("_", " "))
    return record.outcome


async def _converge(settling: Settling, *, resumed: bool) -> Outcome:
    record = settling.record
    deadline = monotonic() + settling.planned.types[record.task].patience
    looks, rounds = 0, 0
    while True:
        settling.checking(looks == 0 and rounds > 0)
        look = await _look(settling)
        facts, items = look.facts, list(look.task.plan(look.facts))
        left = [item for item in items if isinstance(item, Change)]
        if rounds == 0 and looks == 0:
            record.facts_before = record.facts_before if resumed else plain(facts)
            known = settling.earlier | settling.begun
            record.changes = list(known.values())
            record.changes += [ChangeRecord(change) for change in left if change.key not in known]
        record.facts_after = plain(facts)
        record.notes = notes_of(items)
        _adopt(settling, left)
        _read_back(settling, left)
        if any(open_blocker(note, settling.planned.record.decisions) for note in record.notes):
            return Outcome.BLOCKED
        waiting = [item for item in items if isinstance(item, Awaiting)]
        ready = [change for change in left if change.key not in settling.made and not _is_dead(settling, change)]
        caught_up = not waiting and all(_is_dead(settling, change) for change in left)
        if settling.stop.leave_the_rest and not caught_up:
            return Outcome.PLANNED
        if settling.stop.is_set():
            if ready:
                return Outcome.CANCELLED
            deadline = min(deadline, settling.stop.prove_until)
        if ready and rounds < ROUNDS:
            rounds, looks = rounds + 1, 0
            await _set_out(settling, ready)
            deadline += await _apply_all(settling, ready, facts)
            if all(change.key in settling.made or _is_dead(settling, change) for change in ready):
                settling.accepted()
            continue
        if caught_up or monotonic() >= deadline or (waiting and settling.stop.is_set()):
            return _ending(settling, items, left, waiting)
        settling.changed(record, waiting[0].text if waiting else "Microsoft does not show it yet")
        await _pause(settling, settling.look_again[min(looks, len(settling.look_again) - 1)], deadline)
        looks += 1


def look_of_plan(planned: Planned, name: str) -> Look | None:
    """The look that the plan was made from, if it is fresh and finds work; it serves once."""
    seen = planned.seen.pop(name, None)
    if seen is None or monotonic() - seen.began >= STALE:
        return None
    look = Look(planned.make(name), seen.facts, seen.began)
    return look if look.finds_work() else None


async def look_early(planned: Planned, name: str) -> Look | None:
    """A first look ahead of time; nothing comes of it when it fails or finds no work.

    What ends a task without a change, or holds it up, is only believed of a look that began after the tasks before it.
    """
    task, began = planned.make(name), monotonic()
    with contextlib.suppress(LeaverError):
        look = Look(task, await task.inspect(), began)
        return look if look.finds_work() else None
    return None


async def _look(settling: Settling) -> Look:
    """Fresh facts; a service that is busy is asked a few times more."""
    if settling.looked is not None:
        look, settling.looked = settling.looked, None
        if monotonic() - look.began < STALE:
            return look
    for attempt in range(LOOKS):
        task, began = _make(settling), monotonic()
        try:
            return Look(task, await task.inspect(), began)
        except TryAgain as error:
            if attempt == LOOKS - 1 or settling.stop.is_set():
                raise
            settling.changed(settling.record, error.message)
            with settling.attempts.before(Wait(error, attempt + 2, LOOKS, error.wait)):
                await _pause(settling, error.wait)
    raise AssertionError("unreachable")


def _ending(
    settling: Settling, items: Sequence[PlanItem], left: Sequence[Change], waiting: Sequence[Awaiting]
) -> Outcome:
    record = settling.record
    if settling.left_to_people:
        record.notes += settling.left_to_people
    unseen = [change for change in left if not _excused(settling, change)]
    if any(_is_dead(settling, change) for change in unseen):
        return Outcome.FAILED
    record.error = None
    if unseen:
        record.error = ErrorRecord(
            "not_read_back",
            f"Microsoft accepted the change and does not show it: {', '.join(change.what for change in unseen)}.",
            advice="Run the offboarding again later; it does only what is still missing.",
        )
        return Outcome.UNVERIFIED
    if waiting:
        return Outcome.WAITING
    if settling.left_to_people:
        return Outcome.FOLLOW_UP
    return settled_outcome(items, changed=bool(settling.made or settling.earlier))


async def _apply_all(settling: Settling, changes: Sequence[Change], facts: object) -> float:
    """Lane beside lane, within a lane one after the other; a lane ends at its first failure.

    When nothing came of it because Microsoft asks to wait, the wait is taken here, for as long as Microsoft asks. It
    is answered in seconds: nobody's patience is spent by it.
    """
    made = len(settling.made)
    settling.waits.clear()
    lanes: dict[str, list[Change]] = {}
    for index, change in enumerate(changes):
        lanes.setdefault(change.lane or f"#{index}", []).append(change)
    await together(*(_apply_lane(settling, lane, facts) for lane in lanes.values()))
    if len(settling.made) == made and settling.waits:
        longest = max(settling.waits, key=lambda wait: wait.seconds)
        wait, began = replace(longest, seconds=min(longest.seconds, LONGEST_WAIT)), monotonic()
        with settling.attempts.before(wait):
            await _pause(settling, wait.seconds)
        return monotonic() - began
    return 0.0


async def _apply_lane(settling: Settling, lane: Sequence[Change], facts: object) -> None:
    for position, change in enumerate(lane):
        if settling.stop.is_set():
            return _not_begun(settling, lane[position:])
        if not await _apply(settling, change, facts):
            return _not_begun(settling, lane[position + 1 :])
    return None


def _not_begun(settling: Settling, changes: Sequence[Change]) -> None:
    for change in changes:
        if change.key not in settling.begun:
            _record_of(settling, change).begun_at = None


async def _apply(settling: Settling, change: Change, facts: object) -> bool:
    """Make one change; False when the rest of its lane should not follow."""
    record = _record_of(settling, change)
    task = _make(settling)
    task.seen = facts
    settling.guard()
    with recording() as calls:
        try:
            await task.apply(change)
        except LeaseLost:
            raise
        except (OnPremises, Forbidden) as error:
            left = _left_to_people(change, error)
            if left is None:
                return _give_up(settling, record, error)
            settling.left_to_people.append(left)
            settling.repeats[change.key] = -1
            record.error, record.begun_at = str(error), None
            return True
        except (Uncertain, TryAgain) as error:
            return _once_more(settling, record, error)
        except LeaverError as error:
            return _give_up(settling, record, error)
        finally:
            record.request_ids += [call.request_id for call in calls if call.request_id and writes(call)]
    record.made_at, record.begun_at, record.error = settling.now, None, ""
    settling.made[change.key] = record
    settling.begun.pop(change.key, None)
    settling.changed(settling.record, f"{change.what}: done, checking")
    return True


def _make(settling: Settling) -> Task[object]:
    begun = {key: record.change for key, record in settling.begun.items()}
    return settling.planned.make(settling.record.task, settling.made | settling.earlier, begun)


async def _set_out(settling: Settling, changes: Sequence[Change]) -> None:
    """Keep what is about to be asked of Microsoft: where that cannot be kept, nothing is asked."""
    for change in changes:
        _record_of(settling, change).begun_at = settling.now
    settling.changed(settling.record, f"{changes[0].what}: changing" if len(changes) == 1 else "changing")
    await settling.keep(settling.record)


def _adopt(settling: Settling, left: Sequence[Change]) -> None:
    """What was begun, was never answered and is not left to do any more: Microsoft had heard it."""
    open_keys = {change.key for change in left}
    heard = {key: record for key, record in settling.begun.items() if key not in open_keys}
    for key, record in heard.items():
        record.made_at, record.begun_at, record.error = record.begun_at, None, ""
        settling.earlier[key] = settling.begun.pop(key)
    if heard:
        settling.adopted = True
    if settling.adopted:
        settling.record.notes.append(info("answer_lost", _ANSWER_LOST))


def writes(call: Call) -> bool:
    """Whether a call may have changed something."""
    return call.method != "GET" and not call.what.startswith("Get-")


def _left_to_people(change: Change, error: LeaverError) -> Note | None:
    """What a person must do where the plan expected that Microsoft may refuse this change; else it is a failure."""
    if isinstance(error, OnPremises) and change.ref.get("on_premises"):
        return follow_up("left_to_active_directory", f"{change.what}: {error.message}")
    if isinstance(error, Forbidden) and (text := change.ref.get("if_forbidden")):
        return follow_up("left_to_administrator", str(text))
    return None


def _once_more(settling: Settling, record: ChangeRecord, error: LeaverError) -> bool:
    """Let a later round try again, from fresh facts; after some rounds it is a failure."""
    key = record.change.key
    settling.repeats[key] = settling.repeats.get(key, 0) + 1
    record.error = str(error)
    _still_begun(settling, record, error)
    if settling.repeats[key] >= REPEATS:
        return _give_up(settling, record, error)
    seconds = error.wait if isinstance(error, TryAgain) else LOOK_AGAIN[1]
    settling.waits.append(Wait(error, settling.repeats[key] + 1, REPEATS, seconds))
    settling.changed(settling.record, f"{record.change.what}: {error.message}")
    return False


def _give_up(settling: Settling, record: ChangeRecord, error: LeaverError) -> bool:
    record.error = str(error)
    _still_begun(settling, record, error)
    settling.given_up[record.change.key] = record
    if settling.record.error is None:
        settling.record.error = ErrorRecord.of(error)
    settling.changed(settling.record, f"{record.change.what}: {error.message}")
    return False


def _still_begun(settling: Settling, record: ChangeRecord, error: LeaverError) -> None:
    """Only a lost answer leaves open whether the change was made; a refusal of any kind says that it was not."""
    if isinstance(error, Uncertain):
        settling.begun[record.change.key] = record
    elif record.change.key not in settling.begun:
        record.begun_at = None


def _is_dead(settling: Settling, change: Change) -> bool:
    """Whether it will not be tried (again): it failed, stands behind one that failed, or was left to people."""
    if change.key in settling.given_up or _excused(settling, change):
        return True
    return bool(change.lane) and any(dead.change.lane == change.lane for dead in settling.given_up.values())


def _excused(settling: Settling, change: Change) -> bool:
    return settling.repeats.get(change.key) == -1


def _read_back(settling: Settling, left: Sequence[Change]) -> None:
    open_keys = {change.key for change in left}
    for key, record in (settling.earlier | settling.made).items():
        if key not in open_keys and record.verified_at is None:
            record.verified_at = settling.now
        elif key in open_keys:
            record.verified_at = None


def _record_of(settling: Settling, change: Change) -> ChangeRecord:
    for record in settling.record.changes:
        if record.change.key == change.key:
            return record
    record = ChangeRecord(change)
    settling.record.changes.append(record)
    return record


async def _pause(settling: Settling, seconds: float, deadline: float | None = None) -> None:
    """Sleep, but not past the deadline nor past a stop."""
    if deadline is not None:
        seconds = min(seconds, deadline - monotonic())
    await settling.stop.pause(max(0.0, seconds))
